"""Equals and In: a field against scalars, strict about types, for 1 is not "1" and true is not 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from truststream.flags.conditions.base import Predicate, Unfit, is_number


def scalar(value: Any) -> Any:
    """A text, a finite number, true, false or null.

    Raises:
        Unfit: anything else.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise Unfit("value", "must be a text, a number, true, false or null")


def scalars(value: Any) -> list[Any]:
    """A list of scalars, at least one.

    Raises:
        Unfit: anything else.
    """
    if not isinstance(value, list) or not value:
        raise Unfit("value", "must be a list with at least one entry")
    return [scalar(item) for item in value]


def one_of(values: Sequence[Any]) -> Predicate:
    """Whether something is one of these scalars; a single one is compared directly, many by hash."""
    words = frozenset(value for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if is_number(value))
    if len(words) == len(values) == 1:
        word = next(iter(words))
        return lambda x: isinstance(x, str) and x == word
    if len(words) == len(values):
        return lambda x: isinstance(x, str) and x in words
    if len(numbers) == len(values):
        return lambda x: is_number(x) and x in numbers
    others = [value for value in values if value is None or isinstance(value, bool)]
    return lambda x: _among(x, words, numbers, others)


def _among(x: Any, words: frozenset[str], numbers: frozenset[Any], others: list[Any]) -> bool:
    if x is None or isinstance(x, bool):
        return any(x is other for other in others)
    return x in words if isinstance(x, str) else is_number(x) and x in numbers


def equals(value: Any) -> Predicate:
    """Same type, same value; 1 and 1.0 are the same number."""
    return one_of([scalar(value)])


def is_in(value: Any) -> Predicate:
    """Equal to one of the list."""
    return one_of(scalars(value))


def bound(value: Any) -> float:
    """What a number is compared with.

    Raises:
        Unfit: not a finite number.
    """
    if not is_number(value) or not abs(value) < math.inf:
        raise Unfit("value", "must be a number")
    number: float = value
    return number


def greater_than(value: Any) -> Predicate:
    """A number above the value."""
    limit = bound(value)
    return lambda x: is_number(x) and x > limit


def greater_or_equal(value: Any) -> Predicate:
    """A number of at least the value."""
    limit = bound(value)
    return lambda x: is_number(x) and x >= limit


def less_than(value: Any) -> Predicate:
    """A number below the value."""
    limit = bound(value)
    return lambda x: is_number(x) and x < limit


def less_or_equal(value: Any) -> Predicate:
    """A number of at most the value."""
    limit = bound(value)
    return lambda x: is_number(x) and x <= limit


def exists(value: Any) -> Predicate:
    """Whether the field is there; null counts as missing. Of `false`: whether it is not.

    Raises:
        Unfit: neither true, false nor left out.
    """
    if value is not None and not isinstance(value, bool):
        raise Unfit("value", "must be true or false; left out it means true")
    wanted = value is not False
    return lambda x: (x is not None) is wanted
