"""What changed between two specs, as lines that a person reads: `rolloutPercentage: 10 -> 20`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_LONGEST: Final = 60
_MOST: Final = 20
_PATH: Final = 200
_ABSENT: Final = object()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One line a field, the first twenty; members of lists are told apart by their name where they have one.

    Args:
        old, new: raw specs. A field that is not there and one that is null are the same.
    """
    lines = list(_compare("", old, new))
    more = len(lines) - _MOST
    return lines if more <= 0 else [*lines[:_MOST], f"and {more} more"]


def _compare(path: str, old: Any, new: Any) -> Iterator[str]:
    if _same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _members(path, ".", old, new)
    elif (names := _named(old)) is not None and (others := _named(new)) is not None:
        yield from _members(path, "[", names, others)
        kept = [name for name in names if name in others]
        if kept != [name for name in others if name in names]:
            yield _line(path, " ".join(names), " ".join(others), how="order: ")
    elif _long_lists(old, new):
        yield from _members(path, "[", dict(enumerate(old)), dict(enumerate(new)))
    else:
        yield _line(path, _shown(old), _shown(new))


def _members(path: str, joint: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[str]:
    for key in [*old, *(key for key in new if key not in old)]:
        below = f"{path}[{key}]" if joint == "[" else f"{path}.{key}" if path else str(key)
        yield from _compare(below, old.get(key, _ABSENT), new.get(key, _ABSENT))


def _same(old: Any, new: Any) -> bool:
    """As JSON: true is not 1."""
    return _canonical(old) == _canonical(new)


def _canonical(value: Any) -> str:
    return "null" if value is _ABSENT else json.dumps(value, sort_keys=True, default=str)


def _named(value: Any) -> dict[str, Any] | None:
    """The members by name, None when not all have one of their own."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [one.get("name", one.get("variant", one.get("flag"))) for one in value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return dict(zip(names, value, strict=True))


def _long_lists(old: Any, new: Any) -> bool:
    """Whether two lists are better told member by member than whole."""
    if not isinstance(old, Sequence) or not isinstance(new, Sequence) or isinstance(old, str) or isinstance(new, str):
        return False
    return any(isinstance(one, Mapping) for one in (*old, *new))


def _shown(value: Any) -> str:
    if value is _ABSENT or value is None:
        return "none"
    return shorten(json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str))


def _line(path: str, old: str, new: str, how: str = "") -> str:
    return f"{shorten(path, _PATH)}: {how}{shorten(old)} -> {shorten(new)}"


def shorten(text: str, longest: int = _LONGEST) -> str:
    """At most so many characters, the cut shown."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
