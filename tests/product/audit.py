"""When a write reached the API server, from its audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .canary import unix
from .install import NAMESPACE, RELEASE

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
_WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True, slots=True)
class Write:
    """One write of the operator that succeeded."""

    at: float
    verb: str
    resource: str
    name: str
    created: bool  # also by an apply or a patch

    def __str__(self) -> str:
        return f"{'create' if self.created else self.verb} {self.resource} {self.name}"


class AuditLog:
    """Of one namespace's objects, written by the operator, from the moment this was made."""

    def __init__(self, file: Path | None, namespace: str) -> None:
        self._file = file
        self._namespace = namespace
        self._start = file.stat().st_size if file else 0

    def writes(self, since: float) -> list[Write]:
        """Oldest first; leases and events left out."""
        found = [_write(event) for event in self._events()]
        return sorted((one for one in found if one.at >= since), key=lambda one: one.at)

    def _events(self) -> Iterator[dict[str, Any]]:
        if self._file is None:
            return
        with self._file.open() as lines:
            lines.seek(self._start)
            for line in lines:
                if OPERATOR in line and self._namespace in line and _counts(event := json.loads(line), self._namespace):
                    yield event


def _counts(event: dict[str, Any], namespace: str) -> bool:
    reference = event.get("objectRef", {})
    ok = 200 <= event.get("responseStatus", {}).get("code", 0) < 300
    ours = event["user"]["username"] == OPERATOR and reference.get("namespace") == namespace
    return ok and ours and event["verb"] in _WRITES and reference.get("resource") not in ("leases", "events")


def _write(event: dict[str, Any]) -> Write:
    reference = event["objectRef"]
    return Write(
        at=unix(event["stageTimestamp"]),
        verb=event["verb"],
        resource="/".join(filter(None, [reference["resource"], reference.get("subresource")])),
        name=reference.get("name", ""),
        created=event["responseStatus"]["code"] == 201,
    )
