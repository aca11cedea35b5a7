"""One CanaryDeployment against the API server in memory: what a run asks, and what is there afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from tests.fakes.api_server import FakeApiServer, Object
from truststream.api import names
from truststream.api.configuration import Configuration
from truststream.canary.template import revision_of
from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.client import Client
from truststream.cluster.objects import Objects
from truststream.handlers.observe import HOLD_POLICY
from truststream.handlers.reconcile import Reconciler
from truststream.handlers.settings import Settings
from truststream.handlers.telemetry import Telemetry

KEY = ("shop", "web")


def template(image: str = "web:1") -> Object:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}


@dataclass
class World:
    """`shop/web`, adopted or not; the cache follows the server by `sync`."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    cache: Cache = field(default_factory=Cache)

    def __post_init__(self) -> None:
        self.objects = Objects(cast(Client, self.server), self.cache)
        settings = Settings(None, self._no_secret)
        settings.configuration = Configuration()
        self.reconciler = Reconciler(self.objects, settings, Telemetry())
        self.server.put(kinds.NAMESPACE, {"metadata": {"name": "shop"}})
        for kind in (kinds.MUTATING_POLICY, kinds.MUTATING_BINDING):
            self.server.put(kind, {"metadata": {"name": HOLD_POLICY}, "spec": {"policyName": HOLD_POLICY}})
        self.server.put(kinds.DEPLOYMENT, self.deployment())
        self.server.put(kinds.REPLICA_SET, self.replica_set())
        self.server.put(kinds.SERVICE, self.service())
        self.server.put(kinds.CANARY_DEPLOYMENT, self.canary())
        self.sync()

    def deployment(self, **more: Any) -> Object:
        return {
            "metadata": {"name": "web", "namespace": "shop", "uid": "d1", "generation": 1, **more},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template()},
            "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2,
                       "availableReplicas": 2},
        }  # fmt: skip

    def replica_set(self) -> Object:
        owner = {"kind": "Deployment", "name": "web", "uid": "d1", "controller": True}
        return {
            "metadata": {"name": "web-1", "namespace": "shop", "uid": "r1", "ownerReferences": [owner]},
            "spec": {"replicas": 2, "template": template()},
            "status": {"readyReplicas": 2},
        }

    def service(self, name: str = "web", **metadata: Any) -> Object:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30080}]}
        return {"metadata": {"name": name, "namespace": "shop", **metadata}, "spec": spec}

    def canary(self, **spec: Any) -> Object:
        return {
            "metadata": {"name": "web", "namespace": "shop", "generation": 1},
            "spec": {"targetRef": {"name": "web"}, **spec},
        }

    def sync(self) -> None:
        """The watches have caught up."""
        for (kind, _, _), obj in self.server.objects.items():
            self.cache.put(kind, obj)

    async def run(self) -> datetime | None:
        """One run."""
        return await self.reconciler.run(KEY)

    async def settle(self, most: int = 20) -> None:
        """Runs until one writes nothing."""
        for _ in range(most):
            before = len(self.server.writes())
            await self.run()
            if len(self.server.writes()) == before:
                return
        raise AssertionError(f"no rest after {most} runs: {self.server.writes()[-10:]}")

    async def adopted(self) -> None:
        """Idle, with all that came before forgotten."""
        await self.settle()
        self.server.requests.clear()

    def hold(self, image: str) -> None:
        """Somebody applied a new template, and the policy held it."""
        deployment = dict(self.live(kinds.DEPLOYMENT))
        deployment["spec"] = {**deployment["spec"], "template": template(image), "paused": True}
        meta = deployment["metadata"]
        deployment["metadata"] = {**meta, "generation": 2, "annotations": {names.HELD_ANNOTATION: "template"}}
        deployment["status"] = {**deployment["status"], "observedGeneration": 2}
        self.server.put(kinds.DEPLOYMENT, deployment)
        self.sync()

    def live(self, kind: str, name: str = "web") -> Object:
        """An object that must be there."""
        found = self.server.peek(kind, "" if kind == kinds.NAMESPACE else "shop", name)
        assert found is not None, f"{kind} {name} is not there"
        return found

    def status(self) -> Object:
        """Of the CanaryDeployment."""
        return cast(Object, self.live(kinds.CANARY_DEPLOYMENT).get("status") or {})

    @staticmethod
    async def _no_secret(name: str) -> dict[str, str]:
        raise AssertionError(f"nobody should read Secret {name}")


REVISION = revision_of(template())
