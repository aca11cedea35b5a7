"""JSONLogic that means the same in flagd's Python, Node and Go evaluators, and the same as our conditions.

They differ where types are mixed: Python takes true for 1, Go takes 0 for a text that is no number, Node raises when an
object is compared. So every comparison is guarded, and all connectives get true or false, never null. A guard may rely
on `and`, `or` and `if` to skip what would raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from truststream.api.featureflag import TARGETING_KEY

Logic = Any
"""A JSONLogic expression: an object with one operator, or a constant."""

LARGEST_INTEGER: Final = 2**53
NOW: Final[Logic] = {"var": "$flagd.timestamp"}
"""Whole seconds since the epoch."""

_INDEX: Final = re.compile(r"(0|[1-9][0-9]*)\Z")
_PYTHON_BOOLEANS: Final = ["True", "False"]
_NO_NUMBERS: Final = [*_PYTHON_BOOLEANS, "[object Object]"]


class Inexpressible(Exception):
    """flagd cannot say this, or its evaluators would not agree; the message is a sentence about it."""


def var(path: str) -> Logic:
    """A field of the context; null where there is none.

    Raises:
        Inexpressible: a part of the path means something else to some evaluator.
    """
    parts = path.split(".")
    if parts[0] == "$flagd":
        raise Inexpressible(f"the field {path} is flagd's own")
    for index, part in enumerate(parts):
        if part in ("__proto__", "constructor", "prototype") or "\\" in part or (part == "length" and index):
            raise Inexpressible(f"the field {path} means something else to flagd's evaluators: {part}")
    value: Logic = {"var": path}
    for index in range(len(parts) - 1, 0, -1):
        if _INDEX.match(parts[index]):  # a number would go into a text
            value = {"if": [is_text({"var": ".".join(parts[:index])}), None, value]}
    return value


def both(*conditions: Logic) -> Logic:
    """All of them; folds constants."""
    kept = [one for condition in conditions for one in _parts(condition, "and") if one is not True]
    if any(condition is False for condition in kept):
        return False
    if len(kept) < 2:
        return kept[0] if kept else True
    return {"and": kept}


def either(*conditions: Logic) -> Logic:
    """Any of them; folds constants."""
    kept = [one for condition in conditions for one in _parts(condition, "or") if one is not False]
    if any(condition is True for condition in kept):
        return True
    if len(kept) < 2:
        return kept[0] if kept else False
    return {"or": kept}


def _parts(condition: Logic, operator: str) -> list[Logic]:
    return condition[operator] if isinstance(condition, dict) and operator in condition else [condition]


def negated(condition: Logic) -> Logic:
    """Its opposite; folds constants."""
    return not condition if isinstance(condition, bool) else {"!": [condition]}


def same(one: Logic, other: Logic) -> Logic:
    """Strictly equal."""
    return {"===": [one, other]}


def is_text(value: Logic) -> Logic:
    """Whether it is a text: everything that begins with nothing is."""
    return {"!!": [{"starts_with": [value, ""]}]}


def is_number(value: Logic) -> Logic:
    """Whether it is a number, and neither true nor false.

    A list is not among its own members, as everything else is. Only Python needs the words, and Go must not come to
    them with a boolean.
    """
    untrue = both({"!==": [value, True]}, {"!==": [value, False]})
    return both(
        {"!==": [value, None]},
        negated(is_text(value)),
        {"in": [value, {"merge": [value]}]},
        either(untrue, same(value, 1), same(value, 0)),
        negated({"in": [{"cat": [value]}, _NO_NUMBERS]}),
    )


def equals(value: Logic, constant: Any) -> Logic:
    """Same type, same value.

    Raises:
        Inexpressible: an integer that not all evaluators hold exactly.
    """
    if isinstance(constant, bool):
        number, word = int(constant), str(constant)
        return both(same(value, constant), either({"!==": [value, number]}, same({"cat": [value]}, word)))
    if isinstance(constant, (int, float)):
        if abs(constant) > LARGEST_INTEGER:
            raise Inexpressible(f"not all evaluators hold the number {constant} exactly")
        if constant in (0, 1):
            return both(same(value, constant), negated({"in": [{"cat": [value]}, _PYTHON_BOOLEANS]}))
    return same(value, constant)


def one_of(value: Logic, constants: Sequence[Any]) -> Logic:
    """Equal to one of the constants."""
    texts = sorted({one for one in constants if isinstance(one, str)})
    others = [one for one in constants if not isinstance(one, str)]
    among = [both(is_text(value), {"in": [value, texts]})] if len(texts) > 1 else [same(value, text) for text in texts]
    return either(*among, *(equals(value, one) for one in others))


def starts_with(value: Logic, texts: Iterable[str]) -> Logic:
    """A text that begins with one of these."""
    return either(*({"!!": [{"starts_with": [value, text]}]} for text in texts))


def ends_with(value: Logic, texts: Iterable[str]) -> Logic:
    """A text that ends with one of these."""
    return either(*({"!!": [{"ends_with": [value, text]}]} for text in texts))


def contains(value: Logic, constants: Sequence[Any]) -> Logic:
    """A part of a text, or a member of a list; any of the constants."""
    texts = [one for one in constants if isinstance(one, str)]
    others = [one for one in constants if not isinstance(one, str)]
    members = {"merge": [value]}
    part = both(is_text(value), either(*({"in": [text, value]} if text else True for text in texts)))
    word = both(negated(is_text(value)), either(*({"in": [text, members]} for text in texts)))
    listed = negated({"in": [value, members]})
    other = {"some": [members, either(*(equals({"var": ""}, one) for one in others))]}
    return either(part, word, both(listed, other) if others else False)


def compares(value: Logic, operator: str, number: float) -> Logic:
    """A number on this side of another one."""
    if abs(number) > LARGEST_INTEGER:
        raise Inexpressible(f"not all evaluators hold the number {number} exactly")
    return both(is_number(value), {operator: [value, number]})


def sem_ver(value: Logic, operator: str, version: str) -> Logic:
    """A version that compares so; numbers are read as texts up to the length that all write alike."""
    readable = either(is_text(value), compares(value, "<", 1_000_000_000))
    return both(readable, {"!!": [{"sem_ver": [value, operator, version]}]})


def has_unit(path: str) -> Logic:
    """Whether the field names a unit: a text that is not empty, or an integer.

    The targeting key is a text wherever OpenFeature has one.
    """
    value = var(path)
    text = both(is_text(value), {"!==": [value, ""]})
    if path == TARGETING_KEY:
        return text
    whole = both(is_number(value), same({"%": [value, 1]}, 0), negated({"in": ["e", {"cat": [value]}]}))
    return either(text, whole)


def fractional(prefix: str, path: str, shares: Iterable[tuple[str, int]]) -> Logic:
    """The name whose share the unit falls into; shares in thousandths of a percent, 100,000 in sum."""
    text = {"cat": [prefix, var(path)]}
    return {"fractional": [text, *([name, weight] for name, weight in shares)]}


def by_time(boundaries: Sequence[float], values: Sequence[Logic]) -> Logic:
    """`values[i]` before `boundaries[i]`, the last one from then on; equal neighbours become one.

    Raises:
        Inexpressible: a boundary within a second.
    """
    if any(boundary != int(boundary) for boundary in boundaries):
        raise Inexpressible("the schedule has fractions of a second, and flagd's clock whole ones")
    branches: list[Logic] = []
    for boundary, (value, following) in zip(boundaries, pairwise(values), strict=True):
        if value != following or isinstance(value, bool) is not isinstance(following, bool):
            branches += [{"<": [NOW, int(boundary)]}, value]
    return {"if": [*branches, values[-1]]} if branches else values[-1]
