"""The JSON patches of a route, planned from one reading of it; an empty plan means that all is so already.

`rules` and `backendRefs` are atomic lists: nobody can own a single weight. So every patch first tests
what it stands on.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from truststream.api import names
from truststream.errors import SpecError
from truststream.traffic.base import Manifest, PatchOp, Split
from truststream.traffic.gateway_note import annotation_is_users, annotation_of, originals
from truststream.traffic.gateway_rule import Place
from truststream.traffic.weights import Shares, divide, finest

_ANNOTATION: Final = "/metadata/annotations/" + names.RULE_ANNOTATION.replace("~", "~0").replace("/", "~1")


def attach(place: Place, split: Split, *, hold: bool) -> list[PatchOp]:
    """Add the canary as a copy of the stable backend, after all that the user has there."""
    ops = _hold(place) if hold else []
    if place.canary is None and place.stable is not None:
        copy = {**deepcopy(dict(place.refs[place.stable])), "name": split.canary, "weight": 0}
        ops = [*_as_read(place), {"op": "add", "path": f"{_backends(place)}/-", "value": copy}, *ops]
    return ops


def weigh(place: Place, split: Split, percent: float) -> list[PatchOp]:
    """Give the canary this percent; any change since our reading makes the patch fail."""
    changes = _changes(place, _weights(place, split, percent))
    return [*_as_read(place), *changes] if changes else []


def silence(place: Place, split: Split) -> list[PatchOp]:
    """Weight 0, whatever the weights are by now: only the names are tested, and every weight is written."""
    weights = _weights(place, split, 0)
    if not _changes(place, weights):
        return []
    return [*_names(place, weights), *(_set(place, position, weight) for position, weight in weights.items())]


def restore(place: Place, split: Split) -> list[PatchOp]:
    """The user's weights by value, and without a backend that we added."""
    known = originals(place, split)
    added = place.canary is not None and place.canary not in known
    if not split.memory and not added:
        return []  # the user's own two Services and no note: these weights are the user's
    changes = [op for position, weight in known.items() for op in _put_back(place, position, weight)]
    if added:
        changes.append({"op": "remove", "path": f"{_backends(place)}/{place.canary}"})  # last: it moves the others
    touched = {**known, place.canary: None} if place.canary is not None else known
    return [*_names(place, touched), *changes] if changes else []


def unhold(route: Manifest, split: Split) -> list[PatchOp]:
    """Take our annotation away; one that the user set or switched off stays."""
    if annotation_of(route) is None or annotation_is_users(route, split):
        return []
    return [{"op": "remove", "path": _ANNOTATION}]


def too_coarse(place: Place, split: Split) -> str:
    """Why not even whole percents can be said here; empty when they can."""
    share, others = _shared(place, split), _others(place, split)
    if finest(share, list(others.values())) <= 1:
        return ""
    largest = max(others, key=lambda position: others[position])
    return (
        f"the weights on {place.title} are too far apart ({share} for {split.stable}, {others[largest]} for "
        f"{place.refs[largest]['name']}): weights end at 1,000,000, so no percent of the smaller can be told; "
        "lower the larger"
    )


def share_of(place: Place, split: Split) -> int:
    """The weight that stable and canary have together in the user's own route."""
    return _shared(place, split)


def _weights(place: Place, split: Split, percent: float) -> dict[int, int]:
    """The weight of every backend that the note knows, and of the canary, by position."""
    others = _others(place, split)
    shares: Shares = divide(_shared(place, split), list(others.values()), percent)
    weights = {position: weight * shares.factor for position, weight in others.items()}
    ours = ((place.stable, shares.stable), (place.canary, shares.canary))
    return {**weights, **{position: weight for position, weight in ours if position is not None}}


def _shared(place: Place, split: Split) -> int:
    known = originals(place, split)
    ours = [position for position in (place.stable, place.canary) if position in known]
    return sum(_plain(known[position]) for position in ours if position is not None)


def _others(place: Place, split: Split) -> dict[int, int]:
    known = originals(place, split)
    return {
        position: _plain(weight) for position, weight in known.items() if position not in {place.stable, place.canary}
    }


def _plain(weight: int | None) -> int:
    return 1 if weight is None else weight


def _changes(place: Place, weights: Mapping[int, int]) -> list[PatchOp]:
    return [_set(place, position, weight) for position, weight in weights.items() if place.weight(position) != weight]


def _put_back(place: Place, position: int, weight: int | None) -> list[PatchOp]:
    has = "weight" in place.refs[position]
    if weight is None:
        return [{"op": "remove", "path": f"{_backends(place)}/{position}/weight"}] if has else []
    return [] if has and place.weight(position) == weight else [_set(place, position, weight)]


def _set(place: Place, position: int, weight: int) -> PatchOp:
    return {"op": "add", "path": f"{_backends(place)}/{position}/weight", "value": weight}


def _as_read(place: Place) -> list[PatchOp]:
    """Rule and backends are what we read: no stale cache adds a second canary, no one's change is overwritten."""
    rule = f"/spec/rules/{place.index}"
    identity = [{"op": "test", "path": f"{rule}/{key}", "value": place.rule[key]} for key in _identity(place.rule)]
    return [*identity, {"op": "test", "path": _backends(place), "value": deepcopy(list(place.refs))}]


def _identity(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells this rule from the others: its name, else its matches, else nothing but its backends."""
    return tuple(key for key in ("name", "matches") if rule.get(key))[:1]


def _names(place: Place, positions: Mapping[int, object]) -> list[PatchOp]:
    return [
        {"op": "test", "path": f"{_backends(place)}/{position}/name", "value": place.refs[position]["name"]}
        for position in positions
    ]


def _backends(place: Place) -> str:
    return f"/spec/rules/{place.index}/backendRefs"


def _hold(place: Place) -> list[PatchOp]:
    value, meta = str(place.rule.get("name") or place.index), place.route["metadata"]
    if annotation_of(place.route) in {value, names.OFF}:
        return []
    annotation: PatchOp = {"op": "add", "path": _ANNOTATION, "value": value}
    if meta.get("annotations"):
        return [annotation]
    # A map that is not there cannot be tested for; nobody's first annotation may be lost to our empty one.
    same = {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
    return [same, {"op": "add", "path": "/metadata/annotations", "value": {}}, annotation]


def check(place: Place, split: Split) -> None:
    """Refuse a rule on which a percentage means nothing.

    Raises:
        SpecError: no share to split, or weights too far apart.
    """
    if share_of(place, split) == 0:
        text = f"Service {split.stable} has weight 0 on {place.title}: there is nothing to share; give it a weight"
    else:
        text = too_coarse(place, split)
    if text:
        raise SpecError(text, path="spec.traffic.config.route")
