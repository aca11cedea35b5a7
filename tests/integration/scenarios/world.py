"""One application under release in a namespace of its own, and what people, GitOps and its pods do with it."""

from __future__ import annotations

import contextlib
import copy
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.integration.controller.audit import Audit, Request
from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Api, Object, Refused
from tests.integration.scenarios.source import Source
from truststream.api import names

LIMIT: Final = 90.0
CDEP, DEPLOYMENT, ROUTE, SERVICE = "CanaryDeployment", "Deployment", "HTTPRoute", "Service"
RESTING: Final = ("Succeeded", "Failed", "Idle")


class World:
    """Speaks as admin, who is nobody to the policies. `log` gives the operator's own words for a failure."""

    def __init__(self, title: str, api: Api, source: Source, audit: Audit, log: Callable[[], str]) -> None:
        short = re.sub("[^a-z0-9]+", "-", title.removeprefix("test_").lower())[:40].strip("-")
        self.namespace = f"{short}-{uuid.uuid4().hex[:6]}"
        self.api = api
        self.source = source
        self.audit = audit
        self._log = log
        self.before: dict[str, Object] = {}
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def close(self) -> None:
        """The namespace goes; nobody waits for it."""
        self.source.forget(self.namespace)
        try:
            self.api.delete("Namespace", "", self.namespace)
        except Refused as refused:
            if refused.code not in (404, 409):
                raise

    # What Git says -----------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        """The application as it runs without us."""
        for made in (manifests.deployment, manifests.service, manifests.route):
            self.api.apply(made(self.namespace))
        self.wait_rolled()
        self.before = {kind: self.live(kind)["spec"] for kind in (DEPLOYMENT, SERVICE, ROUTE)}

    def wait_rolled(self, name: str = "web") -> None:
        rolled = lambda: _rolled(self.live(DEPLOYMENT, name), manifests.REPLICAS)  # noqa: E731
        self.eventually(rolled, f"Deployment {name} to be rolled out")

    def adopt(self, *, settle: str = "1s", config: dict[str, Any] | None = None, **spec: Any) -> None:
        """The CanaryDeployment, and until it watches."""
        self.source.flow(self.namespace, "web", rate=50)
        self.api.apply(manifests.canary(self.namespace, settle=settle, config=config, **spec))
        self.phase("Idle", and_=lambda status: bool(status.get("stableRevision")))
        self.eventually(lambda: self.label() == names.ENABLED, "the target to be taken on")

    def open(self, *, settle: str = "1s", config: dict[str, Any] | None = None, **spec: Any) -> None:
        """Deployed and adopted."""
        self.deploy()
        self.adopt(settle=settle, config=config, **spec)

    def release(self, image: str = "web:2", *, rate: float = 50, bad: float = 0.0, behaviour: str = "ready") -> None:
        """A new template, and what its canary answers."""
        self.traffic(rate=rate, bad=bad)
        self.api.apply(manifests.deployment(self.namespace, image, behaviour=behaviour))

    def traffic(self, *, rate: float = 50, bad: float = 0.0) -> None:
        """What the canary answers from now on."""
        self.source.flow(self.namespace, "web-canary", rate=rate, bad=bad)

    def settle(self, seconds: str) -> None:
        """Change the time that the data plane is given."""
        self.spec({"traffic": {"config": {"settle": seconds}}})

    def spec(self, patch: Object) -> None:
        """Edit the CanaryDeployment."""
        self.api.patch(CDEP, self.namespace, "web", {"spec": patch})

    def command(self, verb: str, reason: str = "") -> None:
        """As the CLI does."""
        asked = {names.COMMAND_ANNOTATION: verb, **({names.COMMAND_REASON_ANNOTATION: reason} if reason else {})}
        self.api.patch(CDEP, self.namespace, "web", {"metadata": {"annotations": asked}})

    def delete(self) -> None:
        self.api.delete(CDEP, self.namespace, "web")

    def behave(self, pods: list[str], behaviour: str = "ready") -> None:
        """What these pods do from now on."""
        asked = {"metadata": {"annotations": {manifests.BEHAVIOUR: behaviour}}}
        for pod in pods:
            with self.unless_gone():
                self.api.patch("Pod", self.namespace, pod, asked)

    @contextlib.contextmanager
    def unless_gone(self) -> Iterator[None]:
        """What went in the meantime needs nothing."""
        try:
            yield
        except Refused as refused:
            if refused.code != 404:
                raise

    # What is there -----------------------------------------------------------------------------------------------

    def live(self, kind: str, name: str = "web") -> Object:
        return self.api.get(kind, self.namespace, name)

    def find(self, kind: str, name: str) -> Object | None:
        return self.api.find(kind, self.namespace, name)

    def status(self) -> Object:
        """Of the CanaryDeployment; empty when it is gone."""
        found = self.find(CDEP, "web")
        status: Object = (found or {}).get("status") or {}
        return status

    def label(self) -> str | None:
        value: str | None = (self.live(DEPLOYMENT)["metadata"].get("labels") or {}).get(names.CANARY_LABEL)
        return value

    def shares(self) -> dict[str, float]:
        """Percent that each backend of the rule gets."""
        weights = {ref["name"]: ref.get("weight", 1) for ref in self.live(ROUTE)["spec"]["rules"][0]["backendRefs"]}
        return {name: round(100 * weight / sum(weights.values()), 1) for name, weight in weights.items()}

    def pods(self, role: str = "", owner: str = "") -> list[str]:
        """Names of the living pods with this role."""
        found = self.api.list("Pod", self.namespace, f"{names.ROLE_LABEL}={role}" if role else "")
        alive = [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return [name for name in alive if name.startswith(owner)]

    def active_sets(self) -> list[str]:
        """Images of the target's ReplicaSets that have pods to run."""
        found = self.api.list("ReplicaSet", self.namespace)
        mine = [rs for rs in found if rs["metadata"]["ownerReferences"][0]["name"] == "web" and rs["spec"]["replicas"]]
        return sorted(rs["spec"]["template"]["spec"]["containers"][0]["image"] for rs in mine)

    def events(self, about: str = CDEP) -> list[str]:
        """Reasons of what the operator told, oldest first."""
        return [reason for reason, _ in self.told(about)]

    def told(self, about: str = CDEP) -> list[tuple[str, str]]:
        """Reasons and notes."""
        ours = [
            e
            for e in self.api.list("Event", self.namespace)
            if e.get("reportingController") == "truststream.dev/operator"
        ]
        chosen = [e for e in ours if e["regarding"]["kind"] == about]
        return [(e["reason"], e["note"]) for e in sorted(chosen, key=lambda e: str(e["eventTime"]))]

    def told_once(self, reason: str) -> str:
        """The note of an event that has to come exactly once; it is posted after the writes that it tells of."""
        self.eventually(lambda: reason in self.events(), f"event {reason}")
        notes = [note for found, note in self.told() if found == reason]
        assert len(notes) == 1, notes
        return notes[0]

    def condition(self, kind: str, status: Object | None = None) -> Object:
        """By its type; empty when it is not there."""
        found = (self.status() if status is None else status).get("conditions") or []
        return next((dict(c) for c in found if c["type"] == kind), {})

    def writes(self) -> list[Request]:
        """The operator's, in this namespace, since the mark."""
        return self.audit.writes(self.namespace)

    # Waiting -----------------------------------------------------------------------------------------------------

    def until(self, holds: Callable[[Object], bool], what: str, limit: float = LIMIT) -> Object:
        """The first status from now on in which it holds; none is missed."""
        found = self.live(CDEP)
        if holds(found.get("status") or {}):
            return dict(found["status"])
        since = found["metadata"]["resourceVersion"]
        for one in self.api.watch(CDEP, self.namespace, "web", since, limit):
            if holds(one.get("status") or {}):
                return dict(one["status"])
        raise AssertionError(f"waited {limit:.0f} s for {what}, in vain\n{self.story()}")

    def phase(self, *phases: str, and_: Callable[[Object], bool] = lambda _: True, limit: float = LIMIT) -> Object:
        """The status once it is in one of these phases."""
        return self.until(lambda s: s.get("phase") in phases and and_(s), f"phase {' or '.join(phases)}", limit)

    def stage(self, stage: str) -> Object:
        """The status once the promotion stands there."""
        return self.until(lambda s: (s.get("release") or {}).get("stage") == stage, f"stage {stage}")

    def weight(self, weight: float) -> Object:
        """The status once the canary gets so much."""
        return self.until(lambda s: s.get("weight") == weight, f"weight {weight:g}")

    def stalled(self, reason: str, limit: float = LIMIT) -> str:
        """The message once it is stalled for this reason."""
        status = self.until(lambda s: _stalled(self.condition("Stalled", s), reason), f"Stalled {reason}", limit)
        message: str = self.condition("Stalled", status)["message"]
        return message

    def ended(self, limit: float = LIMIT) -> Object:
        """The status once a release is over."""
        over = lambda s: s.get("phase") in RESTING and bool(s.get("history")) and "release" not in s  # noqa: E731
        return self.until(over, "the end of the release", limit)

    def eventually(self, holds: Callable[[], object], what: str, limit: float = LIMIT) -> None:
        end = time.monotonic() + limit
        while not holds():
            if time.monotonic() > end:
                raise AssertionError(f"waited {limit:.0f} s for {what}, in vain\n{self.story()}")
            time.sleep(0.2)

    def stays(self, holds: Callable[[], object], seconds: float, what: str) -> None:
        """Where a scenario is about what does not happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert holds(), f"{what}\n{self.story()}"
            time.sleep(0.3)

    def gone(self) -> None:
        """The CanaryDeployment has been let go."""
        self.eventually(lambda: self.find(CDEP, "web") is None, "the CanaryDeployment to be gone")

    # How it has to end -------------------------------------------------------------------------------------------

    def assert_users_own(
        self, *, image: str = "web:1", paused: bool = False, label: str | None = names.ENABLED
    ) -> None:
        """Route, Services and Deployment by value as before, but for the template that Git says now."""
        self.eventually(lambda: self.find(DEPLOYMENT, "web-canary") is None, "the canary Deployment to be gone")
        self.eventually(lambda: self.find(SERVICE, "web-canary") is None, "the canary Service to be gone")
        assert self.live(SERVICE)["spec"] == self.before[SERVICE]
        assert self.live(ROUTE)["spec"] == self.before[ROUTE]
        live = self.live(DEPLOYMENT)
        expected = copy.deepcopy(self.before[DEPLOYMENT])
        expected["template"]["spec"]["containers"][0]["image"] = image
        expected["template"]["metadata"] = live["spec"]["template"]["metadata"]
        assert live["spec"] == {**expected, **({"paused": True} if paused else {})}
        for kind in (SERVICE, ROUTE):
            _assert_not_marked(self.live(kind))
        assert _ours(live["metadata"].get("labels")) == ({names.CANARY_LABEL: label} if label else {})
        assert (names.HELD_ANNOTATION in (live["metadata"].get("annotations") or {})) is (paused and label is not None)

    def story(self) -> str:
        """All that helps to see what went wrong."""
        status = {key: value for key, value in self.status().items() if key not in ("history",)}
        told = "\n".join(f"  {reason}: {note}" for reason, note in self.told())
        words = [line for line in self._log().splitlines() if self.namespace in line or "Traceback" in line]
        return f"status: {status}\nevents:\n{told}\nlog:\n" + "\n".join(words[-25:])


def _rolled(live: Object, replicas: int) -> bool:
    status = live.get("status") or {}
    current = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
    new = status.get("updatedReplicas", 0) == replicas == status.get("availableReplicas", 0)
    return bool(current and new and status.get("replicas", 0) == replicas)


def _stalled(condition: Object, reason: str) -> bool:
    return bool(condition.get("status") == "True" and condition.get("reason") == reason)


def _ours(values: dict[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in (values or {}).items() if key.startswith(names.GROUP)}


def _assert_not_marked(live: Object) -> None:
    meta = live["metadata"]
    assert not _ours(meta.get("labels")), meta
    assert not _ours(meta.get("annotations")), meta
