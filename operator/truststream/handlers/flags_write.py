"""The status of a FeatureFlag, written as little as says the difference; its approval, taken note of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from truststream.api import names
from truststream.api.flagstatus import FeatureFlagStatus
from truststream.cluster import kinds
from truststream.cluster.kinds import Manifest
from truststream.cluster.objects import Objects, PatchOp
from truststream.errors import StateError
from truststream.handlers.apply import escape

_APPROVAL: Final = (names.APPROVE_ANNOTATION, names.APPROVE_BY_ANNOTATION, names.APPROVE_GROUPS_ANNOTATION)


def read_flag_status(obj: Mapping[str, Any]) -> FeatureFlagStatus:
    """What was remembered.

    Raises:
        StateError: somebody wrote what we did not.
    """
    try:
        return FeatureFlagStatus.model_validate(obj.get("status") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StateError(
            f"status.{place}: {first['msg']}; nothing is reviewed until the field is mended with "
            "`kubectl edit --subresource=status`"
        ) from None


def status_ops(obj: Mapping[str, Any], new: Mapping[str, Any]) -> list[PatchOp]:
    """The JSON patch that makes the object's status `new`: whole fields, so that nulls in a spec stay what they are.

    The first status and the end of an overlay rest on nobody else having written meanwhile.
    """
    old = obj.get("status")
    if old is None:
        version = obj["metadata"].get("resourceVersion")
        return [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status", "value": dict(new)},
        ]
    ops: list[PatchOp] = []
    for key in old:
        if key not in new:
            ops += [{"op": "test", "path": f"/status/{key}", "value": old[key]}] if key == "overlay" else []
            ops.append({"op": "remove", "path": f"/status/{key}"})
    ops += [
        {"op": "add", "path": f"/status/{key}", "value": value}
        for key, value in new.items()
        if key not in old or old[key] != value
    ]
    return ops


async def write_status(objects: Objects, obj: Manifest, new: Mapping[str, Any]) -> bool:
    """One request, none when nothing differs; whether there was one."""
    ops = status_ops(obj, new)
    if ops:
        metadata = obj["metadata"]
        await objects.json_patch(kinds.FEATURE_FLAG, metadata["namespace"], metadata["name"], ops, subresource="status")
    return bool(ops)


async def acknowledge(objects: Objects, obj: Manifest) -> None:
    """Remove the approval that was read, and no other: one given since has another value, and fails the test."""
    metadata = obj["metadata"]
    ops: list[PatchOp] = []
    for name in _APPROVAL:
        if name in (metadata.get("annotations") or {}):
            path = f"/metadata/annotations/{escape(name)}"
            ops += [
                {"op": "test", "path": path, "value": metadata["annotations"][name]},
                {"op": "remove", "path": path},
            ]
    if ops:
        await objects.json_patch(kinds.FEATURE_FLAG, metadata["namespace"], metadata["name"], ops)
