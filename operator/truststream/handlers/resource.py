"""One CanaryDeployment as a run works on it: the object, what it asks for, what is remembered, who splits traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from truststream.api.canarydeployment import CanaryDeploymentSpec, TargetKind, TargetRef
from truststream.api.configuration import Configuration
from truststream.api.names import canary_name
from truststream.api.status import CanaryDeploymentStatus
from truststream.api.validate import examine
from truststream.cluster.kinds import Manifest
from truststream.cluster.manifests import owner_value
from truststream.cluster.queue import Key
from truststream.errors import SpecError, StateError
from truststream.traffic import provider, require
from truststream.traffic.base import Capability, Objects, Split, TrafficProvider


@dataclass(frozen=True, slots=True)
class Resource:
    """Parsed once a run. `traffic` is None when the spec does not say how to split it."""

    obj: Manifest
    spec: CanaryDeploymentSpec
    status: CanaryDeploymentStatus
    problem: SpecError | None
    traffic: TrafficProvider | None

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def namespace(self) -> str:
        """Everything of a release is in this one."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Of the CanaryDeployment."""
        return str(self.obj["metadata"]["name"])

    @property
    def generation(self) -> int:
        """Of the spec."""
        return int(self.obj["metadata"].get("generation", 1))

    @property
    def releases_services(self) -> bool:
        """Whether a pair of Services is released."""
        return self.spec.target_ref.kind is TargetKind.SERVICES

    @property
    def releases_flag(self) -> bool:
        """Whether a variant of a flag is released."""
        return self.spec.target_ref.kind is TargetKind.FEATURE_FLAG

    @property
    def makes_pods(self) -> bool:
        """Whether the release has pods of its own."""
        return self.spec.target_ref.kind is TargetKind.DEPLOYMENT

    @property
    def flag(self) -> str:
        """Name of the FeatureFlag; empty for the other kinds."""
        return self.spec.target_ref.name or "" if self.releases_flag else ""

    @property
    def target(self) -> str:
        """Name of the target Deployment; empty for the other kinds."""
        return self.spec.target_ref.name or "" if self.makes_pods else ""

    @property
    def canary(self) -> str:
        """Name of the canary's Deployment and Service; for Services of the one that is not stable now; else empty."""
        if self.releases_flag:
            return ""
        if not self.releases_services:
            return canary_name(self.target)
        ref = self.spec.target_ref
        return (ref.stable if self.service == ref.canary else ref.canary) or ""

    @property
    def service(self) -> str:
        """The Service that takes the traffic outside of releases; a flag has none."""
        if self.releases_flag:
            return ""
        if self.releases_services:
            return self.status.active_service or self.spec.target_ref.stable or ""
        return self.spec.service_name

    @property
    def split(self) -> Split:
        """What the traffic provider is told."""
        release = self.status.release
        released = release.revision if release else self.spec.target_ref.variant or ""
        return Split(
            owner=owner_value(self.name),
            namespace=self.namespace,
            stable=self.status.stable_revision if self.releases_flag else self.service,
            canary=released if self.releases_flag else self.canary,
            target=self.target,
            canary_workload=self.canary if self.makes_pods else "",
            memory=(release.route if release else None) or None,
            flag=self.flag,
        )


class Parser:
    """From objects to resources; keeps the last providers that could be read, to put routes back with."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._good: dict[Key, TrafficProvider] = {}

    def parse(self, obj: Manifest, configuration: Configuration) -> Resource:
        """What the object says.

        Raises:
            StateError: its status cannot be read.
        """
        spec, problem = read_spec(obj, configuration)
        traffic: TrafficProvider | None = None
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        try:
            traffic = self._good[key] = self._provider(spec)
        except SpecError as error:
            # A release that began under better settings still has to bring its traffic home.
            problem, traffic = problem or error, self._good.get(key)
        return Resource(obj, spec, read_status(obj), problem, traffic)

    def forget(self, key: Key) -> None:
        """It is gone."""
        self._good.pop(key, None)

    def _provider(self, spec: CanaryDeploymentSpec) -> TrafficProvider:
        chosen = provider(spec.provider, spec.traffic.config, self._objects)
        if spec.target_ref.kind is TargetKind.SERVICES:
            require(chosen, Capability.ANY_BACKEND)
        return chosen


def read_spec(obj: Manifest, configuration: Configuration) -> tuple[CanaryDeploymentSpec, SpecError | None]:
    """The spec, and what is wrong with it; of a wrong one as much as can be read, its target first."""
    whole = {**obj, "spec": configuration.complete(obj.get("spec") or {})}
    spec, problems = examine(whole)
    if not problems and spec is not None:
        return spec, None
    problem = SpecError("; ".join(str(one) for one in problems))
    return spec or _salvage(whole["spec"]), problem


def _salvage(raw: Mapping[str, Any]) -> CanaryDeploymentSpec:
    """Names and the target are all that is used of a spec with a problem."""
    for keys in (("targetRef", "service", "traffic"), ("targetRef", "service"), ("targetRef",)):
        try:
            return CanaryDeploymentSpec.model_validate({key: raw[key] for key in keys if key in raw})
        except ValidationError:
            continue
    return CanaryDeploymentSpec(target_ref=TargetRef.model_validate({}))


def read_status(obj: Manifest) -> CanaryDeploymentStatus:
    """What was remembered.

    Raises:
        StateError: somebody wrote what we did not.
    """
    try:
        return CanaryDeploymentStatus.model_validate(obj.get("status") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StateError(
            f"status.{place}: {first['msg']}; nothing moves until the field is mended with "
            "`kubectl edit --subresource=status`"
        ) from None
