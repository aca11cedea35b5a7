"""Sentences: what is given, what happens when, what then holds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.load import Load, Tally
from tests.product import Canary
from tests.product.canary import unix

from . import manifests
from .manifests import NAME, Manifest
from .world import World

GATEWAY, SERVICE, SECOND = "gateway", NAME, "podinfo-second"
OLD, NEW, NEWER = "6.9.0", "6.9.1", "6.9.2"


def said(version: str) -> str:
    """How podinfo names itself in its answers."""
    return f"podinfo {version}"


@dataclass
class Given:
    """What is there before."""

    world: World

    def application(self, version: str = OLD, *, replicas: int = 3, second_service: bool = False, **pod: Any) -> None:
        """Deployment, Service (two of them when asked) and route, serving."""
        services = [manifests.service(), *([manifests.service(SECOND)] if second_service else [])]
        workload = manifests.deployment(version, replicas=replicas, **pod)
        self.world.apply(workload, *services, manifests.route(self.world.host))
        self.serving()

    def serving(self) -> None:
        """The Deployment is rolled out."""
        self.world.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")

    def canary(self, **spec: Any) -> None:
        """A CanaryDeployment that has adopted the application."""
        self.world.apply(manifests.canary(**spec))
        adopted = lambda seen: seen.is_true("Ready") and seen.phase == "Idle"  # noqa: E731 - one use
        self.world.follow.until(adopted, "adoption", limit=60)

    def clients(self, of: str = GATEWAY, rate: float = 40, seconds: float = 240) -> Load:
        """Steady traffic from now on, through the gateway or straight to a Service; it answers when this returns."""
        world = self.world
        if of == GATEWAY:
            load = Load(world.cluster, world.gateway, host=world.host, rate=rate, seconds=seconds)
            world.eventually(self._reachable, "the gateway to answer")
        else:
            # One connection a request: kube-proxy chooses a pod by connection.
            load = Load(world.cluster, world.address(of), rate=rate, seconds=seconds, keep_alive=False)
        world.loads[of] = world.ending.enter_context(load)
        world.eventually(lambda: load.tally().sent > 0, f"the first answer from {of}")
        return load

    def _reachable(self) -> bool:
        with Load(self.world.cluster, self.world.gateway, host=self.world.host, rate=1, seconds=1) as probe:
            self.world.eventually(lambda: not probe.running, "one answer")
            return not probe.stop().lost


@dataclass
class When:
    """What somebody does."""

    world: World

    def release(self, version: str = NEW, **pod: Any) -> None:
        """Git has a new template."""
        self.world.begin()
        self.apply_version(version, **pod)

    def apply_version(self, version: str, **pod: Any) -> None:
        """The same, in the middle of a release."""
        replicas = self.world.get("deployment")["spec"]["replicas"]
        self.world.apply(manifests.deployment(version, replicas=replicas, **pod))

    def weight_reached(self, weight: float, limit: float = 90) -> Canary:
        """The release of interest gets that far."""
        return self.world.until(lambda seen: seen.weight >= weight, f"weight {weight:g} %", limit)

    def paused_at_gate(self, message: str, limit: float = 90) -> Canary:
        """It waits for a person."""
        waits = lambda seen: seen.phase == "Paused" and message in seen.message  # noqa: E731 - one use
        return self.world.until(waits, f"Paused with {message!r}", limit)

    def command(self, verb: str, reason: str = "") -> str:
        """Through the CLI, waiting for the answer."""
        given = ["--reason", reason] if reason else []
        answer = self.world.cli(verb, NAME, "--wait", *given)
        assert answer.returncode == 0, f"kubectl truststream {verb}: {answer.stdout}{answer.stderr}"
        return answer.stdout


@dataclass
class Then:
    """What holds."""

    world: World

    def promoted(self, version: str = NEW, limit: float = 150) -> Canary:
        """The release is over, and the Deployment runs it by itself."""
        last = self.world.ends(limit)
        assert last.last["outcome"] == "Promoted", last.last
        assert last.phase == "Succeeded", last.describe()
        assert last.is_true("Promoted"), last.status["conditions"]
        self._runs(version)
        self.nothing_left()
        return last

    def rolled_back(self, *reasons: str, limit: float = 150) -> Canary:
        """Because of one of these; the old version serves, the Deployment stays held on it."""
        last = self.world.ends(limit)
        assert last.last["outcome"] == "RolledBack", last.last
        why = last.last["reason"]
        assert not reasons or any(reason in why for reason in reasons), f"{why!r} has none of {reasons}"
        assert last.phase == "Failed", last.describe()
        assert self.deployment()["spec"].get("paused") is True, "the rejected template is not held"
        self.nothing_left()
        return last

    def deployment(self) -> Any:
        """The user's own."""
        return self.world.get("deployment")

    def _runs(self, version: str) -> None:
        spec = self.deployment()["spec"]
        assert not spec.get("paused"), "the Deployment is still paused"
        assert spec["template"]["spec"]["containers"][0]["image"].endswith(version)
        self.world.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=60s")

    def nothing_left(self) -> None:
        """Route and Services are the user's own, and nothing of ours is there."""
        self.world.eventually(self._clean, "the canary's objects to go", limit=60)
        for name in {one["metadata"]["name"] for one in self.world.list("services")}:
            assert self.world.get("service", name)["spec"]["selector"] == {"app": NAME}, f"Service {name} is pinned"

    def _clean(self) -> bool:
        names = [one["metadata"]["name"] for kind in ("deployments", "services") for one in self.world.list(kind)]
        backends = [one["name"] for route in self.world.list("httproutes") for one in _backends(route)]
        return not any(name.endswith("-canary") for name in [*names, *backends])

    def none_lost(self, *clients: str, rate: float = 0) -> None:
        """Not one request, and at least so many a second."""
        for name in clients or tuple(self.world.loads):
            tally = self.world.loads[name].tally()
            assert not tally.lost, f"{name}: {tally.describe_lost()}"
            assert tally.rate >= rate, f"{name}: only {tally.rate:.0f} requests a second"

    def only_served_by(self, version: str, clients: str = GATEWAY, since: float = 0.0, until: float = 1e12) -> Tally:
        """Every named answer in that time came from this version."""
        tally = Tally.between(self.world.loads[clients].answers, since, until)
        strangers = {name: count for name, count in tally.versions.items() if name != said(version)}
        assert not strangers, f"{clients}: {strangers} beside {tally.versions[said(version)]} of {version}"
        return tally

    def still_served_by(self, version: str, clients: str = GATEWAY, requests: int = 100) -> None:
        """From now on, for so many more requests."""
        start = time.time()
        load = self.world.loads[clients]
        self.world.eventually(lambda: load.since(start).sent >= requests, f"{requests} more answers")
        self.only_served_by(version, clients, since=start)

    def first_write_was_the_route(self, last: Canary) -> None:
        """Of all that the operator wrote from the verdict on."""
        verdict = next(one for one in self.world.follow.seen[self.world.mark :] if one.phase == "RollingBack")
        decided = unix(verdict.release["weightSince"])
        writes = self.world.audit.writes(decided)
        assert writes, "the audit log has no write of the operator since the verdict"
        assert writes[0].resource == "httproutes", list(map(str, writes[:5]))

    def weights(self) -> list[float]:
        """Of the release of interest."""
        return self.world.follow.weights(self.world.mark)


def _backends(route: Manifest) -> list[Manifest]:
    return [backend for rule in route["spec"]["rules"] for backend in rule.get("backendRefs", ())]


@dataclass
class Scenario:
    """The three together, as the fixture `scenario` gives them."""

    world: World

    @property
    def given(self) -> Given:
        return Given(self.world)

    @property
    def when(self) -> When:
        return When(self.world)

    @property
    def then(self) -> Then:
        return Then(self.world)
