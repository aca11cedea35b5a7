"""One namespace with one application: what given, when and then share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import Cluster, waiting
from tests.load import Load
from tests.product import Canary, Follow
from tests.product.audit import AuditLog

from .manifests import NAME, Manifest

CLI = Path(sys.executable).parent / "kubectl-truststream"
_RELEASE = 150.0  # seconds that a whole release may take on a busy machine


@dataclass
class World:
    """Made by the fixture `world`, ended by it."""

    cluster: Cluster
    namespace: str
    follow: Follow
    audit: AuditLog
    ending: ExitStack
    loads: dict[str, Load] = field(default_factory=dict)
    mark: int = 0  # place in what `follow` saw, where the release of interest begins
    ended: int = 0  # releases that had ended then

    @property
    def host(self) -> str:
        return f"{self.namespace}.example"

    @property
    def gateway(self) -> str:
        assert self.cluster.addresses.gateway is not None, "end-to-end tests need the node size, which has a gateway"
        return self.cluster.addresses.gateway + "/"

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> str:
        """In this namespace; what it printed."""
        return self.cluster.kubectl("-n", self.namespace, *args, input=stdin, check=check).stdout

    def apply(self, *manifests: Manifest) -> None:
        """As Git would."""
        self.kubectl("apply", "-f", "-", stdin=_joined(manifests))

    def get(self, kind: str, name: str = NAME) -> Any:
        """One object."""
        return json.loads(self.kubectl("get", kind, name, "-o", "json"))

    def list(self, kind: str, selector: str = "") -> Any:
        """All of a kind."""
        chosen = ["-l", selector] if selector else []
        return json.loads(self.kubectl("get", kind, *chosen, "-o", "json"))["items"]

    def cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        """`kubectl truststream` as a person types it."""
        return self.cluster.run(str(CLI), *args, "-n", self.namespace, check=False, timeout=90)

    def address(self, service: str = NAME) -> str:
        """The Service's ClusterIP as a URL."""
        return f"http://{self.get('service', service)['spec']['clusterIP']}/"

    def begin(self) -> None:
        """The release of interest begins here."""
        self.mark, now = self.follow.mark(), self.follow.now
        self.ended = now.releases_ended if now else 0

    def until(self, wanted: Callable[[Canary], object], what: str, limit: float = _RELEASE) -> Canary:
        """A status since `begin`."""
        return self.follow.until(wanted, what, limit=limit, start=self.mark)

    def ends(self, limit: float = _RELEASE) -> Canary:
        """The release of interest is over."""
        return self.until(lambda seen: seen.releases_ended > self.ended, "the release to end", limit)

    def eventually(self, condition: Callable[[], bool], what: str, limit: float = 60) -> None:
        """For what no watch tells."""
        waiting.until(condition, f"{what} ({self.namespace})", limit=limit, pause=0.5)

    def replica_sets(self) -> set[str]:
        """Of the target alone."""
        listed = self.list("replicasets", f"app={NAME}")
        return {one["metadata"]["name"] for one in listed if one["metadata"]["ownerReferences"][0]["name"] == NAME}


def _joined(manifests: tuple[Manifest, ...]) -> str:
    return "\n---\n".join(json.dumps(one) for one in manifests)
