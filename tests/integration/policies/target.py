"""The Deployment under test: how people and GitOps change it, and what it must look like afterwards."""

from __future__ import annotations

import copy
import json
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.cluster import Cluster, waiting
from tests.integration.installation import OPERATOR
from truststream.api import names

Object = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """`web` in a namespace. Its methods speak as admin when no `user` is given."""

    cluster: Cluster
    namespace: str
    name: str = "web"

    def manifest(self, image: str = "web:1") -> Object:
        """What Git says: no label and no annotation of ours."""
        container = {"name": "web", "image": image}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": self.name}},
                "template": {"metadata": {"labels": {"app": self.name}}, "spec": {"containers": [container]}},
            },
        }

    def kubectl(
        self, *args: str, user: str | None = None, check: bool = True, stdin: Object | None = None
    ) -> subprocess.CompletedProcess[str]:
        text = json.dumps(stdin) if stdin is not None else None
        return self.cluster.kubectl(*args, "-n", self.namespace, user=user, check=check, input=text)

    def operator(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The same request, from the operator's ServiceAccount."""
        return self.kubectl(*args, "--as", OPERATOR, check=check)

    def create(self) -> None:
        self.kubectl("apply", "-f", "-", stdin=self.manifest())
        waiting.until(lambda: len(self.replica_sets()) == 1, "the first ReplicaSet")

    def adopt(self) -> None:
        self.set_label(names.ENABLED)

    def set_label(self, value: str) -> None:
        self.operator("label", "--overwrite", f"deployment/{self.name}", f"{names.CANARY_LABEL}={value}")

    def label(self, argument: str, *, user: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.kubectl("label", "--overwrite", f"deployment/{self.name}", argument, user=user, check=check)

    def annotate(
        self, argument: str, *, user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return self.kubectl("annotate", "--overwrite", f"deployment/{self.name}", argument, user=user, check=check)

    def set_image(self, image: str, *, user: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.kubectl("set", "image", f"deployment/{self.name}", f"web={image}", user=user, check=check)

    def patch(self, patch: object, *, kind: str = "merge", user: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.kubectl("patch", "deployment", self.name, f"--type={kind}", "-p", json.dumps(patch), user=user)

    def replace(self, manifest: Object, *more: str) -> subprocess.CompletedProcess[str]:
        """As a person does, who says it again when the Deployment's controller wrote between its read and its write."""
        for _ in range(10):
            answer = self.kubectl("replace", *more, "-f", "-", stdin=manifest, check=False)
            if "the object has been modified" not in answer.stderr:
                break
        assert answer.returncode == 0, answer.stderr
        return answer

    def apply(self, manifest: Object, *more: str) -> subprocess.CompletedProcess[str]:
        return self.kubectl("apply", *more, "-f", "-", stdin=manifest)

    def live(self) -> Object:
        return self.cluster.get("deployment", self.name, "-n", self.namespace)

    def image(self) -> str:
        return str(self.live()["spec"]["template"]["spec"]["containers"][0]["image"])

    def replica_sets(self) -> list[str]:
        found = self.cluster.get("replicasets", "-n", self.namespace, "-l", f"app={self.name}")
        items: Any = found["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def settle(self) -> Object:
        """The Deployment once its controller has acted on what was last written."""

        def seen() -> bool:
            live = self.live()
            return bool(live.get("status", {}).get("observedGeneration", 0) >= live["metadata"]["generation"])

        waiting.until(seen, f"the controller to look at Deployment {self.name}")
        return self.live()

    def assert_held(self, marker: str = "template") -> None:
        """Paused by us, marked, labelled, and nothing started but the first ReplicaSet."""
        live = self.settle()
        assert live["spec"].get("paused") is True
        assert label(live) == names.ENABLED
        assert annotation(live, names.HELD_ANNOTATION) == marker
        assert len(self.replica_sets()) == 1

    def assert_rolls(self, count: int = 2) -> None:
        waiting.until(lambda: len(self.replica_sets()) == count, f"{count} ReplicaSets")
        assert not self.live()["spec"].get("paused")


def label(live: Object) -> str | None:
    found = live["metadata"].get("labels", {}).get(names.CANARY_LABEL)
    return str(found) if found is not None else None


def annotation(live: Object, name: str) -> str | None:
    found = live["metadata"].get("annotations", {}).get(name)
    return str(found) if found is not None else None


def exported(live: Object) -> Object:
    """What someone gets who reads an object to write it back: without what only the server sets."""
    kept = copy.deepcopy(live)
    kept.pop("status", None)
    for field in ("resourceVersion", "uid", "generation", "creationTimestamp", "managedFields"):
        kept["metadata"].pop(field, None)
    return kept
