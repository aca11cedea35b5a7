"""What a route was before a release touched it: noted as plain JSON, put back by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truststream.api import names
from truststream.traffic.base import Manifest, Split
from truststream.traffic.gateway_rule import Place, Ref, effective, identity, rule_title

Key = tuple[tuple[str, str, str, str], int]


def note_of(place: Place, split: Split) -> dict[str, Any]:
    """The backends' weights (absence too) and our annotation, if the user had set it."""
    note: dict[str, Any] = {
        "rule": rule_title(place.index, place.rule),
        "backends": [_noted(ref, place.route) for _, ref in _users(place, split)],
    }
    annotation = annotation_of(place.route)
    return note if annotation is None else {**note, "annotation": annotation}


def originals(place: Place, split: Split) -> dict[int, int | None]:
    """The user's weight of every backend by its position now, None where it was absent.

    A backend that is not in the note has no entry. Without a note (status was lost) the weights are taken as they
    are, with the share of a canary that we made given back to stable.
    """
    if not split.memory:
        return dict(_as_they_are(place, split))
    noted = dict(zip(_keys(map(_noted_identity, split.memory["backends"])), split.memory["backends"], strict=True))
    here = _keys(identity(ref, place.route) for ref in place.refs)
    return {position: noted[key].get("weight") for position, key in enumerate(here) if key in noted}


def strangers(place: Place, split: Split) -> list[str]:
    """Names of backends that came onto the rule after the note was taken."""
    known = originals(place, split)
    return [
        ref["name"] for position, ref in enumerate(place.refs) if position not in known and position != place.canary
    ]


def annotation_of(route: Manifest) -> str | None:
    """Value of the annotation that lets the admission policy keep a rule's backends."""
    value: str | None = (route["metadata"].get("annotations") or {}).get(names.RULE_ANNOTATION)
    return value


def annotation_is_users(route: Manifest, split: Split) -> bool:
    """Whether the annotation stays: there was one before us, or somebody switched ours off."""
    return annotation_of(route) == names.OFF or "annotation" in (split.memory or {})


def _users(place: Place, split: Split) -> Iterator[tuple[int, Ref]]:
    """Backends without a canary of our own making."""
    ours = place.canary if split.canary_workload else None
    return ((position, ref) for position, ref in enumerate(place.refs) if position != ours)


def _as_they_are(place: Place, split: Split) -> Iterator[tuple[int, int | None]]:
    taken = place.weight(place.canary) if split.canary_workload else 0
    for position, ref in _users(place, split):
        lent = taken if position == place.stable else 0
        yield position, effective(ref) + lent if lent else ref.get("weight")


def _noted(ref: Ref, route: Manifest) -> dict[str, Any]:
    group, kind, namespace, name = identity(ref, route)
    entry: dict[str, Any] = {"group": group, "kind": kind, "namespace": namespace, "name": name}
    return {**entry, "weight": ref["weight"]} if "weight" in ref else entry


def _noted_identity(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return entry["group"], entry["kind"], entry["namespace"], entry["name"]


def _keys(identities: Iterator[tuple[str, str, str, str]] | Sequence[tuple[str, str, str, str]]) -> list[Key]:
    """Identities with their count, for one Service may be a backend twice (two ports)."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    keys: list[Key] = []
    for who in identities:
        keys.append((who, seen[who]))
        seen[who] += 1
    return keys
