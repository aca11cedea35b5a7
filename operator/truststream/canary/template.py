"""Identity of a pod template: our own hash, blind to restarts and to what we put on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from truststream.api.names import RESTARTED_AT, ROLE_LABEL

_IGNORED_LABELS: Final = (ROLE_LABEL, "pod-template-hash")
_IGNORED_ANNOTATIONS: Final = (RESTARTED_AT,)


def revision_of(template: Mapping[str, Any]) -> str:
    """Ten hex digits that change when, and only when, the user's template does.

    `kubectl rollout restart`, the ReplicaSet controller's hash label and our role label do not count, so a
    ReplicaSet's template and its Deployment's have the same identity.
    """
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    _without(metadata, "labels", _IGNORED_LABELS)
    _without(metadata, "annotations", _IGNORED_ANNOTATIONS)
    canonical = json.dumps({"metadata": metadata, "spec": template.get("spec")}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def _without(metadata: dict[str, Any], key: str, names: tuple[str, ...]) -> None:
    left = {name: value for name, value in (metadata.get(key) or {}).items() if name not in names}
    metadata.pop(key, None)
    if left:
        metadata[key] = left
