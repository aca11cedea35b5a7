"""Conditions joined by and, or and not, and how they become rules, which only know `and`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

Condition = Mapping[str, Any]
"""As in a rule's `conditions`."""

MOST: Final = 200
"""Alternatives of one expression, and rules that one flag may become."""


class TooMany(Exception):
    """An expression has more alternatives than are readable as rules."""


@dataclass(frozen=True, slots=True)
class Is:
    """One condition."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    one: Expression


@dataclass(frozen=True, slots=True)
class Every:
    """All of them; true when there are none."""

    parts: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Any of them; false when there are none."""

    parts: tuple[Expression, ...] = ()


Expression = Is | Not | Every | Some
ALWAYS: Final = Every()
NEVER: Final = Some()

_OPPOSITES: Final = {
    "Equals": "NotEquals",
    "In": "NotIn",
    "Contains": "NotContains",
    "InSegment": "NotInSegment",
}
_OPPOSITES_BOTH: Final = {**_OPPOSITES, **{opposite: one for one, opposite in _OPPOSITES.items()}}


def condition(field: str, operator: str, value: Any) -> Is:
    """A condition on a field."""
    return Is({"field": field, "operator": operator, "value": value})


def alternatives(expression: Expression, segment_for: Callable[[Condition], str]) -> list[list[Condition]]:
    """Lists of conditions; the expression holds when all of any list do. An empty list always holds.

    Args:
        expression: what is taken apart.
        segment_for: the name of a segment with one condition, for opposites that no operator says.

    Raises:
        TooMany: there are more than `MOST`.
    """
    found = _alternatives(expression, segment_for, wanted=True)
    return [[]] if [] in found else found


def _alternatives(
    expression: Expression, segment_for: Callable[[Condition], str], *, wanted: bool
) -> list[list[Condition]]:
    if isinstance(expression, Is):
        return [[expression.condition if wanted else opposite(expression.condition, segment_for)]]
    if isinstance(expression, Not):
        return _alternatives(expression.one, segment_for, wanted=not wanted)
    parts = [_alternatives(part, segment_for, wanted=wanted) for part in expression.parts]
    if isinstance(expression, Every) is wanted:
        return _combined(parts)
    found = [one for part in parts for one in part]
    if len(found) > MOST:
        raise TooMany
    return found


def _combined(parts: Sequence[list[list[Condition]]]) -> list[list[Condition]]:
    size = 1
    for part in parts:
        size *= len(part)
    if size > MOST:
        raise TooMany
    return [_distinct(one for group in chosen for one in group) for chosen in product(*parts)]


def _distinct(conditions: Iterator[Condition]) -> list[Condition]:
    found: list[Condition] = []
    for one in conditions:
        if one not in found:
            found.append(one)
    return found


def opposite(one: Condition, segment_for: Callable[[Condition], str]) -> Condition:
    """A condition that holds exactly when this one does not."""
    operator = one["operator"]
    if operator in _OPPOSITES_BOTH:
        return {**one, "operator": _OPPOSITES_BOTH[operator]}
    if operator == "Exists":
        return {**one, "value": one.get("value") is False}
    if operator in ("Before", "After") and "field" not in one:
        return {**one, "operator": "After" if operator == "Before" else "Before"}
    return {"operator": "NotInSegment", "value": segment_for(one)}
