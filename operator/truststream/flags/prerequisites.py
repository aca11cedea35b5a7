"""Flags that need other flags: cycles found before anything is compiled, and a plan that evaluates each flag once.

A plan is bounded however the flags are interwoven: a walk from flag to flag would visit shared ones again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from truststream.flags.evaluation import Context, Evaluation
from truststream.flags.flagset import Decide, Step

MOST: Final = 100
"""Other flags that one flag may need, its prerequisites' prerequisites included."""

Graph = Mapping[str, Sequence[str]]
"""Prerequisites by flag, all by key."""


def cyclic(graph: Graph) -> frozenset[str]:
    """All flags that need themselves, directly or through others; in time linear in the graph."""
    finished = [*_finished(graph)]
    reverse: dict[str, list[str]] = {}
    for key, needs in graph.items():
        for need in needs:
            reverse.setdefault(need, []).append(key)
    found, assigned = set[str](), set[str]()
    for start in reversed(finished):
        group = _reachable(start, reverse, assigned)
        if len(group) > 1 or start in graph.get(start, ()):
            found |= group
    return frozenset(found)


def _finished(graph: Graph) -> Iterator[str]:
    """Every flag after all that it needs, as far as there is such an order."""
    seen: set[str] = set()
    for root in graph:
        stack = [] if root in seen else [(root, iter(graph[root]))]
        seen.add(root)
        while stack:
            key, needs = stack[-1]
            fresh = next((need for need in needs if need not in seen), None)
            if fresh is None:
                stack.pop()
                yield key
            else:
                seen.add(fresh)
                stack.append((fresh, iter(graph.get(fresh, ()))))


def _reachable(start: str, graph: Graph, assigned: set[str]) -> set[str]:
    """What can be reached and belongs to no group yet; it is assigned to this one."""
    if start in assigned:
        return set()
    group, waiting = {start}, [start]
    assigned.add(start)
    while waiting:
        for near in graph.get(waiting.pop(), ()):
            if near not in assigned:
                assigned.add(near)
                group.add(near)
                waiting.append(near)
    return group


def reaches(graph: Graph, starts: Iterable[str], goal: str) -> bool:
    """Whether one of these flags needs the goal, directly or through others, or is it."""
    assigned: set[str] = set()
    return any(goal in _reachable(start, graph, assigned) for start in starts)


def ordered(graph: Graph) -> list[str]:
    """Every flag after all that it needs; of a graph without cycles."""
    return [*_finished(graph)]


def needed(graph: Graph, order: Iterable[str]) -> dict[str, frozenset[str]]:
    """All other flags that each one needs; not counted further once they are too many."""
    found: dict[str, frozenset[str]] = {}
    for key in order:
        total: set[str] = set()
        for need in graph.get(key, ()):
            total |= {need} | found.get(need, frozenset())
            if len(total) > MOST:
                break
        found[key] = frozenset(total)
    return found


@dataclass(frozen=True, slots=True)
class _Planned:
    step: Step
    needs: tuple[tuple[int, frozenset[str]], ...]


def steps_of(own: Step, prerequisites: Iterable[Sequence[Step]]) -> tuple[Step, ...]:
    """The flag's own step after those of all that it needs, each once."""
    found: dict[str, Step] = {}
    for steps in prerequisites:
        found |= {step.key: step for step in steps}
    return (*found.values(), own)


def decider(steps: Sequence[Step]) -> Decide:
    """Evaluates every flag of the plan once, in its order; the last one's evaluation is the answer.

    A flag that gives its default for want of a unit of one of its prerequisites says so too.
    """
    if len(steps) == 1 and not steps[0].needs:
        return steps[0].free
    index = {step.key: place for place, step in enumerate(steps)}
    plan = [_Planned(step, tuple((index[key], wanted) for key, wanted in step.needs)) for step in steps]

    def decide(context: Context, now: float) -> Evaluation:
        seen: list[Evaluation] = []
        for planned in plan:
            seen.append(_follow(planned, seen, context, now))
        return seen[-1]

    return decide


def _follow(planned: _Planned, seen: Sequence[Evaluation], context: Context, now: float) -> Evaluation:
    unmet = [seen[place] for place, wanted in planned.needs if seen[place].variant not in wanted]
    if not unmet:
        return planned.step.free(context, now)
    default = planned.step.unmet(context, now)
    return replace(default, unit_missing=True) if any(one.unit_missing for one in unmet) else default
