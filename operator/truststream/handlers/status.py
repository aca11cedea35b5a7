"""When a status is written, and what of it: as little as says the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LOOKING: Final = ("Progressing", "Paused")


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7386) that makes `old` into `new`; lists are replaced whole."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, Mapping) and isinstance(old[key], Mapping):
            if below := difference(old[key], value):
                patch[key] = below
        elif old[key] != value:
            patch[key] = value
    return patch


def only_words(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether nothing but sentences changed while looks go on: the next look brings them along."""
    return new.get("phase") in _LOOKING and _facts(old) == _facts(new)


def _facts(status: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in status.items() if key not in ("message", "conditions")}
    conditions = status.get("conditions") or ()
    return {**kept, "conditions": [{**one, "message": ""} for one in conditions]}
