"""What flags are made from: FeatureFlag resources as a watch brings them, already taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FlagSource:
    """One FeatureFlag; `spec`, `served` and `overlay` are raw, for they may have been written under another schema.

    `created` orders rivals for one key: the older resource has it.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created: str
    spec: Mapping[str, Any]
    served: Mapping[str, Any] | None = None  # status.served
    overlay: Mapping[str, Any] | None = None  # status.overlay

    @property
    def key(self) -> str:
        """What applications call it."""
        return str(self.spec.get("key") or self.name)


@dataclass(frozen=True, slots=True)
class FlagProblem:
    """Why a spec cannot be served: the field's path and a sentence; `reason` is the condition's word."""

    path: str
    message: str
    reason: str = "InvalidSpec"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def source_of(manifest: Mapping[str, Any]) -> FlagSource:
    """From a manifest as the API server gives it."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    return FlagSource(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        generation=int(metadata.get("generation") or 0),
        created=str(metadata.get("creationTimestamp", "")),
        spec=manifest.get("spec") or {},
        served=status.get("served"),
        overlay=status.get("overlay"),
    )
