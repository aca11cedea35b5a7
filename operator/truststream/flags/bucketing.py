"""From a unit to its place: flagd's fractional, versions 2 and 3, and weighted rendezvous hashing.

A place is a whole number from 0 to 99,999: thousandths of a percent. What is hashed is a prefix (the salt) and the
unit, so that who is in 10 % is in 20 % too. Texts reach the hash as bytes only: mmh3 crashes on half a surrogate pair.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final

import cbor2
import mmh3

from truststream.api.featureflag import BucketingVersion
from truststream.flags.conditions.base import Getter, Included, getter
from truststream.flags.evaluation import Context

FULL: Final = 100_000
"""Of 100 %."""

Place = Callable[[str], int]
"""Of a text that UTF-8 can carry."""

Unit = Callable[[Context], str | None]
"""Who is dealt: a text that UTF-8 can carry and that is not empty; None where the context names nobody."""

Pick = Callable[[str], int]
"""The index of a unit's variant in a distribution."""


def hash_v2(text: str) -> int:
    """32 bits: murmur3 over UTF-8."""
    return mmh3.hash(text.encode(), 0, False)


def hash_v3(text: str) -> int:
    """32 bits: murmur3 over the text in deterministic CBOR."""
    return mmh3.hash(cbor2.dumps(text), 0, False)


def place_v2(text: str) -> int:
    """Of flagd up to the Python provider 0.5, and of Go, Node and Java."""
    return mmh3.hash(text.encode(), 0, False) * FULL >> 32


def place_v3(text: str) -> int:
    """Of flagd's Python provider from 0.6."""
    return mmh3.hash(cbor2.dumps(text), 0, False) * FULL >> 32


def place_of(version: BucketingVersion) -> Place:
    """Rendezvous includes as version 2 does; only its distributions are its own."""
    return place_v3 if version is BucketingVersion.FLAGD_V3 else place_v2


def thousandths(percent: float) -> int:
    """A share as places."""
    return round(percent * 1000)


def unit_of(path: str) -> Unit:
    """Reads the unit: a text that is not empty, or an integer (7.0 is one) as decimal text."""
    get: Getter = getter(path)

    def unit(context: Context) -> str | None:
        value = get(context)
        if isinstance(value, str) and value.isascii():
            return value or None
        return _unusual(value)

    return unit


def _unusual(value: Any) -> str | None:
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # JSON has one kind of numbers
            return str(int(value))
        return value if isinstance(value, str) and value.encode() else None
    except ValueError:  # half a surrogate pair, or an integer of thousands of digits
        return None


def included(percent: float, prefix: str, unit: Unit, place: Place) -> Included:
    """Whether the context's unit is among so many percent; None without a unit. 0 and 100 ask for none."""
    limit = thousandths(percent)
    if limit in (0, FULL):
        return lambda _context: limit == FULL

    def test(context: Context) -> bool | None:
        name = unit(context)
        return None if name is None else place(prefix + name) < limit

    return test


def fractional(weights: Sequence[int], prefix: str, place: Place) -> Pick:
    """Who gets which of the weights, thousandths that sum to 100 %, in their order."""
    ends = list(accumulate(weights))
    return lambda unit: bisect_right(ends, place(prefix + unit))


def rendezvous(variants: Sequence[str], weights: Sequence[int], prefix: str) -> Pick:
    """Every variant draws for the unit, and the best draw has it: other weights move only who must move.

    The draw of a variant of weight w is w / -ln(u), with u an odd multiple of 2^-53 from murmur3: never 0, never 1.
    """
    runners = [
        (index, w, f"{prefix}{name}/") for index, (name, w) in enumerate(zip(variants, weights, strict=True)) if w
    ]

    def pick(unit: str) -> int:
        return max(runners, key=lambda runner: _draw(runner[2] + unit, runner[1]))[0]

    return pick


def _draw(text: str, weight: int) -> float:
    bits = mmh3.hash64(text.encode(), signed=False)[0] >> 12
    return -weight / math.log((bits + 0.5) / (1 << 52))
