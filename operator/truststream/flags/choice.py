"""Which spec of each resource is evaluated: keys shared out, prerequisites looked up, cycles broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from truststream.api.featureflag import FeatureFlagSpec
from truststream.flags.digests import same
from truststream.flags.examine import Examined, examine
from truststream.flags.prerequisites import MOST, Graph, cyclic, needed, ordered
from truststream.flags.problems import (
    Specs,
    cycle_problems,
    in_cycle,
    prerequisite_problems,
    segment_problems,
    too_many,
)
from truststream.flags.served import Raw, served
from truststream.flags.source import FlagProblem, FlagSource


@dataclass(frozen=True, slots=True)
class Sight:
    """A resource and what could be served of it: `first`, or `second` where the newest spec cannot be carried out."""

    source: FlagSource
    newest: Examined
    first: Examined | None
    second: Examined | None


def look(source: FlagSource, before: Sight | None = None) -> Sight:
    """Examine every spec of a resource that may be served, each once; what was examined before is taken over."""
    old = (before.newest, before.first, before.second) if before and before.source.key == source.key else ()
    known: list[Examined] = [one for one in old if one is not None]

    def of(raw: Raw | None) -> Examined | None:
        if raw is None:
            return None
        found = next((one for one in known if same(one.raw, raw)), None)
        if found is None:
            found = examine(raw, source.key)
            known.append(found)
        return found

    newest = of(source.spec) or examine(source.spec, source.key)
    return Sight(source, newest, of(served(source).spec), of(served(source, valid=False).spec))


def unchanged(sight: Sight, source: FlagSource) -> bool:
    """Whether looking again would show the same."""
    old = sight.source
    if old is source:
        return True
    if (old.name, old.created, old.key) != (source.name, source.created, source.key):
        return False
    pairs = ((old.spec, source.spec), (old.served, source.served), (old.overlay, source.overlay))
    return all(same(one, other) for one, other in pairs)


@dataclass(slots=True)
class Choice:
    """What is evaluated, by key, and why something else is not, by resource."""

    sights: Mapping[str, Sight]  # by key
    chosen: dict[str, Examined] = field(default_factory=dict)
    seconds: dict[str, Examined] = field(default_factory=dict)  # those that can be carried out
    problems: dict[str, list[FlagProblem]] = field(default_factory=dict)

    def problem(self, key: str, problems: Iterable[FlagProblem]) -> bool:
        """Note what is wrong with the newest spec; whether anything is."""
        listed = [*problems]
        if listed:
            noted = self.problems.setdefault(self.sights[key].source.name, [])
            noted += [one for one in listed if one not in noted]
        return bool(listed)

    def demote(self, key: str) -> None:
        """The next best spec, or none."""
        second = self.seconds.get(key)
        if second is None or self.chosen[key] is second:
            del self.chosen[key]
        else:
            self.chosen[key] = second

    def specs(self) -> Specs:
        """What is chosen."""
        return {key: one.spec for key, one in self.chosen.items() if one.spec is not None}

    def spec(self, key: str) -> FeatureFlagSpec | None:
        """What is chosen for one key."""
        one = self.chosen.get(key)
        return one.spec if one is not None else None

    def graph(self) -> dict[str, list[str]]:
        """Prerequisites of those chosen flags that have some."""
        found = self.specs().items()
        return {key: [one.flag for one in spec.prerequisites] for key, spec in found if spec.prerequisites}


def share_out(sights: Iterable[Sight]) -> tuple[dict[str, Sight], dict[str, list[FlagProblem]]]:
    """Keys: of several resources with one the oldest has it, by name where they are of the same second."""
    found: dict[str, Sight] = {}
    problems: dict[str, list[FlagProblem]] = {}
    for sight in sorted(sights, key=lambda one: (one.source.created, one.source.name)):
        source = sight.source
        owner = found.setdefault(source.key, sight).source
        if owner is not source:
            text = f"the older FeatureFlag {owner.name} has the key {source.key!r}; give this one another"
            problems[source.name] = [FlagProblem("spec.key", text, "KeyTaken")]
    return found, problems


def choose(
    sights: Iterable[Sight], usable: frozenset[str], wrong: Mapping[str, str], remembered: Mapping[str, Examined]
) -> Choice:
    """What is evaluated of these resources.

    Args:
        sights: the resources of one namespace.
        usable: names of segments that can be used.
        wrong: why others cannot be.
        remembered: by key, specs whose segments are known from before, whatever became of them.
    """
    by_key, taken = share_out(sights)
    choice = Choice(by_key, problems=taken)
    for key, sight in by_key.items():
        choice.problem(key, (*sight.newest.problems, *segment_problems(sight.newest, usable, wrong)))
        able = [one for one in (sight.first, sight.second) if one is not None and one.fine]
        able = [one for one in able if _has_segments(key, one, usable, remembered)]
        if able:
            choice.chosen[key] = able[0]
        if able and able[-1] is sight.second:
            choice.seconds[key] = able[-1]
    _settle(choice)
    _look_ahead(choice)
    return choice


def _has_segments(key: str, one: Examined, usable: frozenset[str], remembered: Mapping[str, Examined]) -> bool:
    return all(name in usable for _, name in one.segments) or remembered.get(key) is one


def _settle(choice: Choice) -> None:
    """Until every prerequisite is served and no flag needs itself; each round takes a spec away, so there is an end."""
    while _absent(choice) or _circles(choice):
        pass


def _absent(choice: Choice) -> bool:
    """New specs whose prerequisites are not there give way; in the order in which one brings down the next.

    One that was served before stays: what it needs and is not there counts as not met.
    """
    changed = False
    for key in ordered(choice.graph()):
        one = choice.chosen.get(key)
        sight = choice.sights.get(key)
        if one is None or one.spec is None or sight is None or one is not sight.newest:
            continue
        specs = {need.flag: spec for need in one.spec.prerequisites if (spec := choice.spec(need.flag)) is not None}
        wrong = choice.problem(key, prerequisite_problems(one.spec, specs, choice.sights))
        if wrong and one is not sight.second:
            choice.demote(key)
            changed = True
    return changed


def _circles(choice: Choice) -> bool:
    """Of flags that need themselves the new specs give way; where none of them is new, none is served."""
    graph = choice.graph()
    circle = sorted(cyclic(graph))
    for key in circle:
        choice.problem(key, [in_cycle(next(need for need in graph[key] if need in circle))])
    fresh = [key for key in circle if choice.chosen[key] is not choice.sights[key].second]
    for key in fresh or circle:
        choice.demote(key)
    return bool(circle) or _crowds(choice, graph)


def _crowds(choice: Choice, graph: Graph) -> bool:
    """New specs that need too many others give way."""
    totals = needed(graph, ordered(graph))
    crowded = [key for key in graph if len(totals[key]) > MOST]
    for key in crowded:
        choice.problem(key, [too_many()])
    fresh = [key for key in crowded if choice.chosen[key] is not choice.sights[key].second]
    for key in fresh:
        choice.demote(key)
    return bool(fresh)


def _look_ahead(choice: Choice) -> None:
    """What would be wrong with the newest specs that wait for an approval."""
    specs = choice.specs()
    for key, sight in choice.sights.items():
        newest = sight.newest
        if sight.first is newest or newest.spec is None or not newest.spec.prerequisites:
            continue
        choice.problem(key, prerequisite_problems(newest.spec, specs, choice.sights))
        choice.problem(key, cycle_problems(newest.spec, key, specs))
