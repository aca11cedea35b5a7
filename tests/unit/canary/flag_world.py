"""A FeatureFlag under release, in memory: the core, with the real provider, reading and evaluation of the flag."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from tests.contract.traffic.memory import Memory
from tests.unit.canary.world import World
from truststream.api.canarydeployment import CanaryDeploymentSpec, Mode
from truststream.canary import actions as act
from truststream.canary.decision import Decision
from truststream.canary.judging.judge import MetricShape
from truststream.canary.look import look_windows
from truststream.canary.observation import Observation
from truststream.flags.build import build
from truststream.flags.source import source_of
from truststream.handlers import released_flag
from truststream.traffic.base import Manifest, Split
from truststream.traffic.feature_flag import FeatureFlag, FeatureFlagConfig, overlay_of

NAME, SPACE = "checkout", "shop"
KEY = ("FeatureFlag", SPACE, NAME)
METRIC = {
    "name": "failures",
    "kind": "Ratio",
    "bad": 'shop_total{variant="{{variant}}",code="500"}',
    "total": 'shop_total{variant="{{variant}}"}',
}
UNITS = [f"unit-{number}" for number in range(2000)]


def flag_spec(**changes: Any) -> dict[str, Any]:
    variants = {"green": "1", "blue": "2", "red": "3"}
    return {"type": "String", "variants": variants, "defaultVariant": "green", **changes}


def canary_spec(variant: str, mode: Mode = Mode.TWO_KEY, **changes: Any) -> CanaryDeploymentSpec:
    return CanaryDeploymentSpec.model_validate(
        {
            "targetRef": {"kind": "FeatureFlag", "name": NAME, "variant": variant},
            "monitoringMetrics": [METRIC],
            "promotionCriteria": [{"metric": "failures", "threshold": 1}],
            "rollbackThresholds": {"failures": 5},
            "stepDuration": "30s",
            "analysis": {"interval": "10s", "mode": mode},
            **changes,
        }
    )


def _now(coroutine: Coroutine[Any, Any, object]) -> None:
    """Nothing in memory ever waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the provider waits for something")


@dataclass
class FlagWorld(World):
    """`release` says which variant is asked for; Git is `git`, hands on the status are `by_hand`."""

    memory: Memory = field(default_factory=Memory)
    owner: str = "web"
    ejected: bool = False
    patches: list[dict[str, Any]] = field(default_factory=list)  # the overlay after each write of it
    noted: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.git()
        self.provider = FeatureFlag(FeatureFlagConfig.model_validate({}), self.memory)

    # What people do.

    def git(self, **changes: Any) -> None:
        """Git's spec is this from now on."""
        metadata = {"namespace": SPACE, "name": NAME}
        status = self.flag.get("status") if KEY in self.memory.stored else None
        flag: Manifest = {"kind": "FeatureFlag", "metadata": metadata, "spec": flag_spec(**changes)}
        self.memory.store({**flag, **({"status": status} if status else {})}, "git")

    def release(self, variant: str, **changes: Any) -> None:
        """Somebody sets targetRef.variant."""
        self.spec = canary_spec(variant, self.spec.analysis.mode, **changes)

    def by_hand(self, overlay: dict[str, Any] | None) -> None:
        """Somebody writes the overlay."""
        flag = self.flag
        flag["status"] = {**(flag.get("status") or {}), "overlay": overlay}
        self.memory.store(flag, "kubectl-edit")

    def lose_flag(self) -> None:
        del self.memory.stored[KEY]

    # What is there.

    @property
    def flag(self) -> Manifest:
        found = self.memory.get(*KEY)
        assert found is not None
        return found

    @property
    def overlay(self) -> dict[str, Any]:
        return dict(overlay_of(self.flag)) if KEY in self.memory.stored else {}

    def share(self, variant: str, environment: str = "") -> float:
        """Percent of units that the flags' own evaluation gives the variant."""
        flags = build([source_of(self.flag)], {}, namespace=SPACE, environment=environment, now=0.0)
        given = [flags.evaluate(NAME, {"targetingKey": unit}, 0.0).variant for unit in UNITS]
        return 100 * given.count(variant) / len(UNITS)

    def stalled(self) -> str:
        """The reason of the condition while it is true."""
        found = next(c for c in self.status.conditions if c.type == "Stalled")
        return found.reason if found.status == "True" else ""

    def condition(self, kind: str) -> tuple[str, str]:
        found = next(c for c in self.status.conditions if c.type == kind)
        return found.status, found.message

    def turns(self, most: int) -> None:
        for _ in range(most):
            self.now = max(self.turn().wake_at or self.now, self.now)

    @property
    def split(self) -> Split:
        release = self.status.release
        return Split(
            owner=self.owner,
            namespace=SPACE,
            stable=self.status.stable_revision,
            canary=release.revision if release else self.spec.target_ref.variant or "",
            memory=(release.route if release else None) or None,
            flag=NAME,
        )

    # What the core sees and does.

    @property
    def by_replicas(self) -> bool:
        return False

    @property
    def shapes(self) -> dict[str, MetricShape]:
        return {"failures": MetricShape("failures", "%")}

    def observe(self) -> Observation:
        windows = look_windows(self.spec, self.status, self.now, self.shapes)
        found = self.memory.get(*KEY)
        return Observation(
            name=self.owner,
            namespace=SPACE,
            finalizer=self.finalizer,
            deleting=self.deleting,
            ejected=self.ejected,
            namespace_terminating=self.terminating,
            flag=released_flag.view(found, self.split) if found else None,
            route=self.provider.read(self.split),
            settle=self.provider.settle,
            managed_by=self.managed_by,
            command=self.command,
            measurements=self._measure(windows) if windows else None,
            warnings=released_flag.warnings(found, self.split) if found else (),
        )

    def control(self) -> None:
        """No controller of Kubernetes has a part in it."""

    def turn(self, kill_after: int | None = None) -> Decision:
        """As ever; the note that was saved on the way stays in the status."""
        noted = self.status.release.route if self.status.release else {}
        self.noted = noted
        decision = super().turn(kill_after)
        release = self.status.release
        if release is not None and self.noted and not release.route:
            self.status = self.status.model_copy(update={"release": release.model_copy(update={"route": self.noted})})
        return decision

    def _live(self) -> tuple[Any, ...]:
        return (self.finalizer, self.deleting, self.gone, str(self.memory.stored))

    def _written(self, verb: Callable[[], Coroutine[Any, Any, None]]) -> None:
        before = self.overlay
        _now(verb())
        if self.overlay != before:
            self.patches.append(self.overlay)

    def _setweight(self, action: act.SetWeight) -> None:
        self._written(lambda: self.provider.set_weight(self.split, action.weight))
        self.weights.append(action.weight)

    def _attachroute(self, action: act.AttachRoute) -> None:
        """The note is saved before the route is touched, as the reconciler does it."""
        release = self.status.release
        assert release is not None, "attached before the release was saved"
        if not release.route:
            note = self.provider.note(self.split)
            self.status = self.status.model_copy(update={"release": release.model_copy(update={"route": note})})
            self.noted = note
        self._written(lambda: self.provider.attach(self.split))

    def _restoreroute(self, action: act.RestoreRoute) -> None:
        self._written(lambda: self.provider.restore(self.split))

    def _dropoverlay(self, action: act.DropOverlay) -> None:
        self._written(lambda: self.provider.restore(replace(self.split, memory={})))
