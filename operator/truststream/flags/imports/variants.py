"""Variants of other systems under names that ours can have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.featureflag import VARIANT
from truststream.flags.imports.base import Effect, Report, Unsupported

_LONGEST: Final = 63
_TYPES: Final = (("Boolean", bool), ("String", str), ("Number", (int, float)), ("Object", dict))


def type_of(values: Iterable[Any], path: str) -> str:
    """The one type of all values.

    Raises:
        Unsupported: they have several, or one that flags do not have.
    """
    kinds = {kind_of(value) for value in values}
    if len(kinds) != 1 or "" in kinds:
        raise Unsupported(path, "the values must all be booleans, texts, numbers or objects")
    return kinds.pop()


def kind_of(value: Any) -> str:
    """The flag type of a value; empty where there is none."""
    return next((name for name, kind in _TYPES if isinstance(value, kind)), "")


@dataclass(frozen=True, slots=True)
class Variants:
    """Values by our names, and our names by theirs."""

    values: Mapping[str, Any]
    names: Mapping[str, str]

    @classmethod
    def of(cls, variants: Mapping[str, Any], report: Report, path: str) -> Variants:
        """Names that we cannot have are changed, which applications can see, so it is told."""
        names: dict[str, str] = {}
        for old in variants:
            name = free_name(old, names.values())
            if name != old:
                report.add(path, Effect.CHANGED, f"the variant {old!r} is called {name}; its value is the same")
            names[old] = name
        return cls({names[old]: value for old, value in variants.items()}, names)

    def name(self, old: str, path: str) -> str:
        """Ours for theirs.

        Raises:
            Unsupported: there is no such variant.
        """
        if old not in self.names:
            raise Unsupported(path, f"{old!r} is none of the variants: {', '.join(self.names)}")
        return self.names[old]


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """A variant's name as near as possible to what is wanted, and not taken."""
    used = set(taken)
    name = re.sub(r"[^a-zA-Z0-9._-]+", "-", wanted)[:_LONGEST].strip("-._") or "variant"
    if not re.match(VARIANT, name):
        name = "variant"
    found, number = name, 1
    while found in used:
        number += 1
        found = f"{name[: _LONGEST - 5]}-{number}"
    return found
