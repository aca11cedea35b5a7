"""An API server in memory: what `Client` would be answered, without admission and without controllers."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch

from truststream.cluster.selectors import matches
from truststream.errors import ClusterError, Conflict, Missing

Object = dict[str, Any]


Written = list[str]


class FakeApiServer:
    """Stands in for `Client`. `refuse` makes the next requests of a kind fail."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.requests: list[tuple[str, str, str]] = []  # verb, kind, name
        self.refuse: dict[str, ClusterError] = {}
        self._version = 100

    def put(self, kind: str, obj: Mapping[str, Any]) -> Object:
        """As if somebody else had written it."""
        made = copy.deepcopy(dict(obj))
        meta = made.setdefault("metadata", {})
        self._version += 1
        meta.setdefault("uid", f"uid-{kind}-{meta['name']}".lower())
        meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        meta["resourceVersion"] = str(self._version)
        self.objects[kind, meta.get("namespace", ""), meta["name"]] = made
        return copy.deepcopy(made)

    def peek(self, kind: str, namespace: str, name: str) -> Object | None:
        """Without a request."""
        return self.objects.get((kind, namespace, name))

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        self._asked("GET", kind, name)
        return copy.deepcopy(self._found(kind, namespace, name))

    async def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> Sequence[Object]:
        self._asked("LIST", kind, labels)
        absent = [part[1:] for part in labels.split(",") if part.startswith("!")]
        wanted = dict(part.split("=") for part in labels.split(",") if "=" in part)
        return [
            copy.deepcopy(obj)
            for (one, space, _), obj in self.objects.items()
            if one == kind
            and namespace in (None, space)
            and matches({"matchLabels": wanted}, obj["metadata"].get("labels") or {})
            and not any(name in (obj["metadata"].get("labels") or {}) for name in absent)
        ]

    async def apply(self, kind: str, manifest: Mapping[str, Any], *, manager: str = "truststream") -> Object:
        meta = manifest["metadata"]
        self._asked("APPLY", kind, meta["name"])
        old = self.objects.get((kind, meta.get("namespace", ""), meta["name"]), {})
        return self.put(kind, _merged(old, manifest))

    async def json_patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        ops: Sequence[Mapping[str, Any]],
        *,
        subresource: str | None = None,
    ) -> Object:
        self._asked("PATCH", f"{kind}/{subresource}" if subresource else kind, name)
        try:
            after = jsonpatch.JsonPatch(json.loads(json.dumps(list(ops)))).apply(self._found(kind, namespace, name))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise Conflict(f"{kind} {name}: {error}") from None
        return self.put(kind, after)

    async def merge_patch(
        self, kind: str, namespace: str, name: str, patch: Mapping[str, Any], *, subresource: str | None = None
    ) -> Object:
        self._asked("PATCH", f"{kind}/{subresource}" if subresource else kind, name)
        return self.put(kind, _merged(self._found(kind, namespace, name), patch))

    async def create(self, kind: str, manifest: Mapping[str, Any]) -> Object:
        self._asked("CREATE", kind, manifest["metadata"]["name"])
        return self.put(kind, manifest)

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> Object:
        self._asked("DELETE", kind, name)
        if self._found(kind, namespace, name)["metadata"]["uid"] != uid:
            raise Conflict(f"{kind} {name} is another one")
        return self.put(kind, _merged(self._found(kind, namespace, name), _GOING))

    def writes(self) -> Written:
        """``PATCH HTTPRoute`` and the like, in order, without events."""
        return [f"{verb} {kind}" for verb, kind, _ in self.requests if verb not in ("GET", "LIST") and kind != "Event"]

    def _asked(self, verb: str, kind: str, name: str) -> None:
        self.requests.append((verb, kind, name))
        if kind in self.refuse:
            raise self.refuse[kind]

    def _found(self, kind: str, namespace: str, name: str) -> Object:
        try:
            return self.objects[kind, namespace, name]
        except KeyError:
            raise Missing(f"{kind} {namespace}/{name} not found", status=404) from None


_GOING = {"metadata": {"deletionTimestamp": "2026-01-01T01:00:00Z"}}


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    result = copy.deepcopy(dict(old))
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = _merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result
