"""SemVer: versions as flagd's sem_ver compares them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import semver

from truststream.flags.conditions.base import Predicate, Unfit, is_number

LONGEST_VERSION: Final = 256
_VALUE: Final = re.compile(r"\s*(>=|<=|!=|=|<|>|\^|~)\s*(\S+)\s*\Z")


def _same_major(one: semver.Version, other: semver.Version) -> bool:
    return bool(one.major == other.major)


def _same_minor(one: semver.Version, other: semver.Version) -> bool:
    return bool(one.major == other.major and one.minor == other.minor)


COMPARISONS: Final[dict[str, Callable[[semver.Version, semver.Version], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "^": _same_major,  # not npm's: there is no lower bound
    "~": _same_minor,
}


def version_of(value: Any) -> semver.Version | None:
    """A version: a leading v is dropped, `1` and `1.2` are filled up with zeros, a number is read as written."""
    if isinstance(value, str):
        return _read(value) if len(value) <= LONGEST_VERSION and value.isascii() else None
    return _read(repr(value)) if is_number(value) and abs(value) < 1e9 else None


@lru_cache(maxsize=4096)  # applications come in few versions, and reading one costs more than the rest of a flag
def _read(value: str) -> semver.Version | None:
    text = value[1:] if value[:1] in ("v", "V") else value
    numbers = re.split("[-+]", text, maxsplit=1)[0]
    filled = numbers + ".0" * (2 - numbers.count(".")) + text[len(numbers) :]
    try:
        return semver.Version.parse(filled)
    except ValueError:
        return None


def parse(value: Any) -> tuple[str, semver.Version]:
    """Comparison and version of a value such as `>=1.2.0`.

    Raises:
        Unfit: it is not of that form.
    """
    match = _VALUE.match(value) if isinstance(value, str) else None
    version = version_of(match[2]) if match else None
    if match is None or version is None:
        raise Unfit("value", 'must be a comparison and a version, like ">=1.2.0" (=, !=, <, <=, >, >=, ^, ~)')
    return match[1], version


def sem_ver(value: Any) -> Predicate:
    """A version that compares as the value says; what is no version never does."""
    symbol, wanted = parse(value)
    compare = COMPARISONS[symbol]

    def holds(x: Any) -> bool:
        version = version_of(x)
        return version is not None and compare(version, wanted)

    return holds
