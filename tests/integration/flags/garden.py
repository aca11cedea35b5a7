"""FeatureFlags in a namespace, as people write them, and what the operator says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.cluster import Cluster, waiting
from truststream.api import names

Object = dict[str, Any]
LIMIT = 20.0
PAUL, ANNA = ("--as", "paul", "--as-group", "developers"), ("--as", "anna", "--as-group", "sres")


class Garden:
    """Speaks as the cluster's admin when no `who` is given."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def employ(self) -> None:
        """paul and anna may edit what is in the namespace."""
        for person in ("paul", "anna"):
            self.kubectl("create", "rolebinding", person, "--clusterrole=edit", f"--user={person}")

    def manifest(self, name: str, **spec: Any) -> Object:
        whole = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off", **spec}
        return {"apiVersion": names.API_VERSION, "kind": "FeatureFlag", "metadata": {"name": name}, "spec": whole}

    def apply(self, *manifests: Object, who: tuple[str, ...] = ()) -> None:
        """All at once."""
        for_all = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", *who, input=json.dumps(for_all))

    def flag(self, name: str, who: tuple[str, ...] = (), **spec: Any) -> None:
        self.apply(self.manifest(name, **spec), who=who)

    def segments(self, name: str, **data: str) -> None:
        metadata = {"name": name, "labels": {names.SEGMENTS_LABEL: ""}}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})

    def approve(self, name: str, who: tuple[str, ...], *, check: bool = True) -> str:
        """Of the present generation; what kubectl says."""
        generation = self.live(name)["metadata"]["generation"]
        note = f"{names.APPROVE_ANNOTATION}={generation}"
        answer = self.cluster.kubectl(
            "annotate", "--overwrite", f"fflag/{name}", note, *who, "-n", self.namespace, check=check
        )
        return answer.stdout + answer.stderr

    def kubectl(self, *args: str, input: str | None = None) -> str:  # noqa: A002 - as subprocess calls it
        return self.cluster.kubectl(*args, "-n", self.namespace, input=input).stdout

    def live(self, name: str) -> Object:
        found: Object = json.loads(self.kubectl("get", "fflag", name, "-o", "json"))
        return found

    def status(self, name: str) -> Object:
        found: Object = self.live(name).get("status") or {}
        return found

    def wait(self, name: str, holds: Callable[[Object], Any], what: str, limit: float = LIMIT) -> Object:
        """The status when that holds of it."""
        found: Object = {}

        def held() -> bool:
            found.clear()
            found.update(self.status(name))
            return bool(found) and bool(holds(found))

        waiting.until(held, f"{name}: {what}", limit=limit)
        return found

    def served(self, name: str, generation: int) -> Object:
        """The status when this generation is served."""
        return self.wait(
            name,
            lambda status: (
                (status.get("served") or {}).get("generation") == generation
                and status["observedGeneration"] >= generation
            ),
            f"generation {generation} to be served",
        )

    def condition(self, name: str, kind: str) -> tuple[str, str, str]:
        """Status, reason and message."""
        one = next(one for one in self.status(name)["conditions"] if one["type"] == kind)
        return one["status"], one["reason"], one["message"]

    def events(self, name: str) -> list[str]:
        """Reasons of what was told about it, oldest first."""
        found = json.loads(self.kubectl("get", "events.events.k8s.io", "-o", "json"))["items"]
        ours = [one for one in found if one["regarding"]["name"] == name and one["regarding"]["kind"] == "FeatureFlag"]
        return [str(one["reason"]) for one in sorted(ours, key=lambda one: str(one["eventTime"]))]
