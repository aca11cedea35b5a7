"""Gather what one decision rests on: from the cache, and with a request only where no watch brings it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from truststream.api.names import (
    COMMAND_ANNOTATION,
    COMMAND_BY_ANNOTATION,
    COMMAND_REASON_ANNOTATION,
    EJECTED_ANNOTATION,
    FINALIZER,
    OWNER_LABEL,
    ROLE_LABEL,
)
from truststream.api.status import Phase, Stage
from truststream.canary.observation import (
    Command,
    Measurement,
    Observation,
    PodProblem,
    ServiceView,
    WorkloadView,
)
from truststream.cluster import kinds, pods, views
from truststream.cluster.kinds import Manifest
from truststream.cluster.manifests import is_ours, owner_value
from truststream.cluster.objects import Objects
from truststream.cluster.selectors import matches, to_text
from truststream.errors import Forbidden, Missing
from truststream.handlers import released_flag
from truststream.handlers.resource import Resource

log = logging.getLogger(__name__)

HOLD_POLICY: Final = "truststream-hold"
_RESTING: Final = (Phase.IDLE, Phase.SUCCEEDED, Phase.FAILED)


class Observer:
    """Reads the world for one resource at a time."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._cache = objects.cache
        self._claims: dict[tuple[str, int], Mapping[str, Manifest]] = {}  # by target uid and generation

    async def observe(self, resource: Resource, measurements: Sequence[Measurement] | None = None) -> Observation:
        """Everything of one resource: what has to be asked for first, then all the rest at one moment."""
        staying = not self._terminating(resource.namespace)
        target = self._deployment(resource.namespace, resource.target) if staying else None
        claims = await self._mounted_claims(resource, target)
        unlabelled = await self._unlabelled(resource, target)
        seen = self._world(resource, claims)
        measured = tuple(measurements) if measurements is not None else None
        return replace(self._asked(resource, seen), unlabelled_pods=unlabelled, measurements=measured)

    def _asked(self, resource: Resource, seen: Observation) -> Observation:
        """What the CanaryDeployment itself says, and who else says it."""
        meta, problem = resource.obj["metadata"], resource.problem
        return replace(
            seen,
            generation=resource.generation,
            finalizer=FINALIZER in (meta.get("finalizers") or ()),
            deleting="deletionTimestamp" in meta,
            ejected=views.annotations_of(resource.obj).get(EJECTED_ANNOTATION) == "true",
            managed_by=self._managed_by(resource),
            spec_problem=str(problem) if problem else "",
            spec_problem_reason=problem.reason if problem else "InvalidSpec",
            command=command_of(resource.obj),
        )

    def _world(self, resource: Resource, claims: Mapping[str, Manifest]) -> Observation:
        """The cluster around it."""
        target = self._deployment(resource.namespace, resource.target)
        canary, taken = self._own_canary(resource)
        flag = self._flag(resource)
        seen = Observation(
            name=resource.name,
            namespace=resource.namespace,
            uid=str(resource.obj["metadata"].get("uid", "")),
            namespace_terminating=self._terminating(resource.namespace),
            target=self._target_view(resource, target, claims),
            flag=released_flag.view(flag, resource.split) if flag else None,
            canary=self._view(canary) if canary else None,
            canary_taken=taken,
            canary_service=self._canary_service(resource),
            stable_endpoints=self._endpoints(resource.namespace, resource.service),
            problems=self._problems(resource, target, canary),
            services=self._services(resource, target),
            service_missing=self._service_missing(resource),
            hold_served=self._hold_served(),
            warnings=released_flag.warnings(flag, resource.split) if flag else self._warnings(resource, target, canary),
        )
        return self._traffic(resource, canary, seen)

    def _traffic(self, resource: Resource, canary: Manifest | None, seen: Observation) -> Observation:
        """What the provider sees; without one there is no route."""
        traffic = resource.traffic
        by_replicas = traffic is not None and traffic.weight_by_replicas
        seen = replace(seen, canary_endpoints=self._canary_endpoints(resource, canary, by_replicas))
        if traffic is None:
            return seen
        route, settle = traffic.read(resource.split), traffic.settle
        return replace(seen, route=route, settle=settle, weight_by_replicas=by_replicas)

    def _deployment(self, namespace: str, name: str) -> Manifest | None:
        return self._cache.get(kinds.DEPLOYMENT, namespace, name) if name else None

    def _flag(self, resource: Resource) -> Manifest | None:
        name = resource.flag
        return self._cache.get(kinds.FEATURE_FLAG, resource.namespace, name) if name else None

    def _view(self, obj: Manifest, refusals: Sequence[str] = ()) -> WorkloadView:
        replica_sets = self._cache.indexed(kinds.REPLICA_SET, obj["metadata"]["namespace"], obj["metadata"]["uid"])
        return views.workload_view(obj, replica_sets, refusals)

    def _target_view(
        self, resource: Resource, target: Manifest | None, claims: Mapping[str, Manifest]
    ) -> WorkloadView | None:
        if target is None:
            return None
        allow = resource.spec.target_ref.allow_recreate
        return self._view(target, views.refusals_of(target, allow_recreate=allow, claims=claims))

    async def _mounted_claims(self, resource: Resource, target: Manifest | None) -> Mapping[str, Manifest]:
        """Asked once a generation of the target, only while a release may begin; no watch is worth it."""
        names = views.claims_named(target) if target else ()
        if target is None or not names or resource.status.release is not None:
            return {}
        key = (target["metadata"]["uid"], int(target["metadata"].get("generation", 0)))
        if key not in self._claims:
            found = [await self._claim(resource.namespace, name) for name in names]
            self._claims[key] = {one["metadata"]["name"]: one for one in found if one}
        return self._claims[key]

    async def _claim(self, namespace: str, name: str) -> Manifest | None:
        try:
            return await self._objects.client.get(kinds.CLAIM, namespace, name)
        except Missing:
            return None  # its pods will say so
        except Forbidden as error:
            log.warning("the access mode of a volume is not checked: %s", error)
            return None

    def _own_canary(self, resource: Resource) -> tuple[Manifest | None, str]:
        """The canary's Deployment, or who has its name."""
        if not resource.makes_pods:
            return None, ""
        service = self._cache.get(kinds.SERVICE, resource.namespace, resource.canary)
        taken = f"Service {resource.canary}" if service and not is_ours(service, resource.name) else ""
        canary = self._deployment(resource.namespace, resource.canary)
        if canary is not None and not is_ours(canary, resource.name):
            return None, f"Deployment {resource.canary}"
        return canary, taken

    def _canary_service(self, resource: Resource) -> bool:
        service = self._cache.get(kinds.SERVICE, resource.namespace, resource.canary)
        if service is None or not resource.makes_pods:
            return False
        return is_ours(service, resource.name) and "deletionTimestamp" not in service["metadata"]

    def _canary_endpoints(self, resource: Resource, canary: Manifest | None, by_replicas: bool) -> int:
        if not by_replicas:
            return self._endpoints(resource.namespace, resource.canary)
        return int((canary.get("status") or {}).get("readyReplicas", 0)) if canary else 0

    def _endpoints(self, namespace: str, service: str) -> int:
        return views.ready_endpoints(self._cache.indexed(kinds.ENDPOINT_SLICE, namespace, service)) if service else 0

    def _problems(self, resource: Resource, target: Manifest | None, canary: Manifest | None) -> tuple[PodProblem, ...]:
        """Of the canary; of the target's new pods while it rolls."""
        release = resource.status.release
        rolling = release is not None and release.stage is Stage.ROLLING
        owner = target if rolling else canary
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return ()
        newest = self._view(owner)
        sets = {rs.name for rs in newest.replica_sets if not rolling or rs.revision == newest.revision}
        return pods.problems(self._pods_of(owner, sets), owner)

    def _pods_of(self, owner: Manifest, names: set[str] | None = None) -> list[Manifest]:
        namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
        sets = self._cache.indexed(kinds.REPLICA_SET, namespace, uid)
        chosen = [rs["metadata"] for rs in sets if names is None or rs["metadata"]["name"] in names]
        return [pod for rs in chosen for pod in self._cache.indexed(kinds.POD, namespace, rs["uid"])]

    def _services(self, resource: Resource, target: Manifest | None) -> tuple[ServiceView, ...]:
        """Those that would send requests to the canary's pods, and those that we pinned; never another one's."""
        if not resource.makes_pods:
            return ()
        labels = pod_labels(target)
        found = []
        for service in self._cache.list(kinds.SERVICE, resource.namespace):
            owner = views.annotations_of(service).get(OWNER_LABEL, "")
            if is_ours(service, resource.name) or owner not in ("", owner_value(resource.name)):
                continue
            view = views.service_view(service, labels)
            if view.selects_target or owner or view.name == resource.service:
                found.append(view)
        return tuple(found)

    def _service_missing(self, resource: Resource) -> str:
        if resource.releases_flag:
            return ""
        needed = [resource.service, *([resource.canary] if resource.releases_services else [])]
        missing = (name for name in needed if not self._cache.get(kinds.SERVICE, resource.namespace, name))
        return next(missing, "")

    async def _unlabelled(self, resource: Resource, target: Manifest | None) -> tuple[str, ...]:
        """Pods are watched by our label alone, so those without are asked for, while a pin is about to need them."""
        traffic = resource.traffic
        if target is None or traffic is None or traffic.weight_by_replicas:
            return ()
        view = self._view(target)
        if not _starts(resource, view):
            return ()
        labelled = [pod for pod in self._pods_of(target) if "deletionTimestamp" not in pod["metadata"]]
        if len(labelled) >= view.total:
            return ()
        selector = to_text(target["spec"]["selector"])
        found = await self._objects.fetch(
            kinds.POD, resource.namespace, labels=f"{selector},!{ROLE_LABEL}" if selector else f"!{ROLE_LABEL}"
        )
        return tuple(sorted(pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]))

    def _terminating(self, namespace: str) -> bool:
        found = self._cache.get(kinds.NAMESPACE, "", namespace)
        return found is not None and "deletionTimestamp" in found["metadata"]

    def _hold_served(self) -> bool:
        """The policy and what puts it in force; where the API server does not serve the kinds there is neither."""
        bindings = self._cache.list(kinds.MUTATING_BINDING)
        bound = any((binding.get("spec") or {}).get("policyName") == HOLD_POLICY for binding in bindings)
        return bound and self._cache.get(kinds.MUTATING_POLICY, "", HOLD_POLICY) is not None

    def _managed_by(self, resource: Resource) -> str:
        """The oldest of those with the same target releases it."""
        mine = seniority(resource.obj)
        for other in self._cache.list(kinds.CANARY_DEPLOYMENT, resource.namespace):
            if seniority(other) < mine and not _stays_away(other) and same_target(other, resource.obj):
                return str(other["metadata"]["name"])
        return ""

    def _warnings(self, resource: Resource, target: Manifest | None, canary: Manifest | None) -> tuple[str, ...]:
        """What a person should know while there are two sets of pods."""
        if target is None or canary is None or resource.status.phase in _RESTING:
            return ()
        labels, found = pod_labels(target), []
        for budget in self._cache.list(kinds.DISRUPTION_BUDGET, resource.namespace):
            selector = (budget.get("spec") or {}).get("selector")
            if selector is not None and matches(selector, labels):
                name = budget["metadata"]["name"]
                found.append(
                    f"PodDisruptionBudget {name} counts stable and canary pods together: it protects stable less while "
                    "the canary is healthy, and blocks drains while it is not"
                )
        return tuple(found)


def _starts(resource: Resource, target: WorkloadView) -> bool:
    """Whether a release starts now, or is about to."""
    if resource.status.release is not None:
        return resource.status.phase is Phase.STARTING
    new = target.held and target.revision != resource.status.stable_revision
    return new and target.revision not in resource.status.rejected


def pod_labels(target: Manifest | None) -> Mapping[str, str]:
    """Labels of the target's pods, without the role."""
    if target is None:
        return {}
    labels = (target["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return {key: value for key, value in labels.items() if key != ROLE_LABEL}


def command_of(obj: Manifest) -> Command | None:
    """What a person asked by annotation."""
    annotations = views.annotations_of(obj)
    verb = annotations.get(COMMAND_ANNOTATION, "")
    if not verb:
        return None
    reason, by = annotations.get(COMMAND_REASON_ANNOTATION, ""), annotations.get(COMMAND_BY_ANNOTATION, "")
    return Command(verb=verb, reason=reason, by=by)


def seniority(obj: Manifest) -> tuple[str, str]:
    """Older sorts first; of the same second by name."""
    return str(obj["metadata"].get("creationTimestamp", "")), str(obj["metadata"]["name"])


def _stays_away(obj: Manifest) -> bool:
    """Ejected, and all handed back."""
    ejected = views.annotations_of(obj).get(EJECTED_ANNOTATION) == "true"
    return ejected and FINALIZER not in (obj["metadata"].get("finalizers") or ())


def same_target(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both release the same Deployment, or share a Service."""
    return bool(claimed(one) & claimed(other))


def claimed(obj: Mapping[str, Any]) -> set[tuple[str, str]]:
    """What a CanaryDeployment lays hands on, by kind and name, from its raw spec."""
    spec = obj.get("spec") or {}
    ref = spec.get("targetRef") or {}
    if ref.get("kind") == kinds.FEATURE_FLAG:
        return {(kinds.FEATURE_FLAG, str(ref.get("name", "")))}
    if ref.get("kind", "Deployment") == "Services":
        return {(kinds.SERVICE, str(name)) for name in (ref.get("stable"), ref.get("canary")) if name}
    name = str(ref.get("name", ""))
    return {(kinds.DEPLOYMENT, name), (kinds.SERVICE, str(spec.get("service") or name))}
