"""Carry out what the core asked for: one short function an action, no read before a write, each safe to repeat."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from truststream.api import names
from truststream.canary import actions
from truststream.canary.actions import Action
from truststream.cluster import kinds, manifests, views
from truststream.cluster.kinds import Manifest
from truststream.cluster.objects import Objects
from truststream.cluster.queue import Key
from truststream.errors import ClusterError, Forbidden, Missing, SpecError
from truststream.handlers.resource import Resource
from truststream.traffic.base import TrafficProvider

log = logging.getLogger(__name__)

LABEL_MANAGER: Final = f"{names.FIELD_MANAGER}-label"
HELD_BY_US: Final = "template"
"""Value of the held annotation when the pause is ours; any other says that the user had paused, too."""

# While something is handed back, what is gone already needs nothing.
_HANDING_BACK: Final = (
    actions.RestoreRoute, actions.DropOverlay, actions.UnpinService, actions.DeleteCanaryDeployment,
    actions.DeleteCanaryService,
    actions.RemoveFinalizer, actions.AcknowledgeCommand, actions.LabelPods,
)  # fmt: skip


OnAction = Callable[[Key, Action], None]
"""Told of every action that was carried out."""


class Applier:
    """Actions to requests."""

    def __init__(self, objects: Objects, on_action: OnAction | None = None) -> None:
        self._objects = objects
        self._on_action = on_action or (lambda _key, _action: None)
        self._table: dict[type[Any], Callable[[Resource, Any], Awaitable[None]]] = {
            actions.SetWeight: self._set_weight,
            actions.AttachRoute: self._attach,
            actions.RestoreRoute: self._restore,
            actions.DropOverlay: self._drop_overlay,
            actions.SetTargetLabel: self._set_label,
            actions.LabelPods: self._label_pods,
            actions.PinService: self._pin,
            actions.UnpinService: self._unpin,
            actions.ApplyCanaryService: self._apply_service,
            actions.ApplyCanaryDeployment: self._apply_deployment,
            actions.ScaleCanary: self._scale_canary,
            actions.DeleteCanaryDeployment: self._delete_deployment,
            actions.DeleteCanaryService: self._delete_service,
            actions.ReleaseHold: self._release,
            actions.ScaleReplicaSet: self._scale_replica_set,
            actions.AddFinalizer: self._add_finalizer,
            actions.RemoveFinalizer: self._remove_finalizer,
            actions.AcknowledgeCommand: self._acknowledge,
        }

    async def apply(self, resource: Resource, wanted: Sequence[Action], *, terminating: bool = False) -> None:
        """In order; the first failure ends it. In a terminating namespace what is refused or gone stays so."""
        for action in wanted:
            try:
                await self._table[type(action)](resource, action)
            except (Missing, Forbidden) as error:
                gone = isinstance(error, Missing) and isinstance(action, _HANDING_BACK)
                if not (terminating or gone):
                    raise
                log.info("nothing left to do: %s", error, extra=_about(resource, action))
            else:
                log.debug("done", extra=_about(resource, action))
                self._on_action(resource.key, action)

    async def _set_weight(self, resource: Resource, action: actions.SetWeight) -> None:
        await _traffic(resource).set_weight(resource.split, action.weight)

    async def _attach(self, resource: Resource, _: actions.AttachRoute) -> None:
        await _traffic(resource).attach(resource.split)

    async def _restore(self, resource: Resource, _: actions.RestoreRoute) -> None:
        await _traffic(resource).restore(resource.split)

    async def _drop_overlay(self, resource: Resource, _: actions.DropOverlay) -> None:
        """With a note that says that nothing was there before, restoring leaves nothing."""
        await _traffic(resource).restore(replace(resource.split, memory={}))

    async def _set_label(self, resource: Resource, action: actions.SetTargetLabel) -> None:
        target = self._target(resource)
        if target is None:
            return
        if action.value is None:
            await self._remove_label(resource, target)
        elif views.labels_of(target).get(names.CANARY_LABEL) != action.value:
            metadata = {
                "name": resource.target,
                "namespace": resource.namespace,
                "labels": {names.CANARY_LABEL: action.value},
            }
            await self._objects.apply(kinds.DEPLOYMENT, {"metadata": metadata}, manager=LABEL_MANAGER)

    async def _remove_label(self, resource: Resource, target: Manifest) -> None:
        """By patch and not by an apply without it: the label may have got another owner when a policy put it back."""
        ops = _removal(target, "labels", names.CANARY_LABEL) + _removal(target, "annotations", names.HELD_ANNOTATION)
        if ops:
            await self._objects.json_patch(kinds.DEPLOYMENT, resource.namespace, resource.target, ops)

    async def _label_pods(self, resource: Resource, action: actions.LabelPods) -> None:
        patch = {"metadata": {"labels": {names.ROLE_LABEL: names.STABLE}}}
        for pod in action.pods:
            try:
                await self._objects.merge_patch(kinds.POD, resource.namespace, pod, patch)
            except Missing:
                log.debug("pod %s went before it was labelled", pod)

    async def _pin(self, resource: Resource, action: actions.PinService) -> None:
        service = self._objects.get(kinds.SERVICE, resource.namespace, action.name)
        if service is None or not (service.get("spec") or {}).get("selector"):
            return
        selector = service["spec"]["selector"]
        pinned = {**selector, names.ROLE_LABEL: names.STABLE}
        marks = {names.PIN_ANNOTATION: names.STABLE, names.OWNER_LABEL: manifests.owner_value(resource.name)}
        if selector == pinned and marks.items() <= views.annotations_of(service).items():
            return
        ops = [
            {"op": "test", "path": "/spec/selector", "value": selector},
            {"op": "replace", "path": "/spec/selector", "value": pinned},
            *_additions(service, "annotations", marks),
        ]
        await self._objects.json_patch(kinds.SERVICE, resource.namespace, action.name, ops)

    async def _unpin(self, resource: Resource, action: actions.UnpinService) -> None:
        """Only what we pinned: a role in the selector without our marker is the user's own."""
        service = self._objects.get(kinds.SERVICE, resource.namespace, action.name)
        if service is None or names.PIN_ANNOTATION not in views.annotations_of(service):
            return
        selector = (service.get("spec") or {}).get("selector") or {}
        ops = _removal(service, "annotations", names.PIN_ANNOTATION)
        ops += _removal(service, "annotations", names.OWNER_LABEL)
        if selector.get(names.ROLE_LABEL) == names.STABLE:
            path = f"/spec/selector/{escape(names.ROLE_LABEL)}"
            ops += [{"op": "test", "path": path, "value": names.STABLE}, {"op": "remove", "path": path}]
        await self._objects.json_patch(kinds.SERVICE, resource.namespace, action.name, ops)

    async def _apply_service(self, resource: Resource, _: actions.ApplyCanaryService) -> None:
        service = self._objects.get(kinds.SERVICE, resource.namespace, resource.service)
        if service is None:
            raise Missing(f"Service {resource.namespace}/{resource.service} is gone; create it or set spec.service")
        made = manifests.canary_service(resource.obj, service, resource.canary)
        await self._objects.apply(kinds.SERVICE, made)

    async def _apply_deployment(self, resource: Resource, action: actions.ApplyCanaryDeployment) -> None:
        target = self._target(resource)
        if target is None:
            raise Missing(f"Deployment {resource.namespace}/{resource.target} is gone")
        made = manifests.canary_deployment(
            resource.obj, target, dict(action.template), action.revision, action.replicas
        )
        await self._objects.apply(kinds.DEPLOYMENT, made)

    async def _scale_canary(self, resource: Resource, action: actions.ScaleCanary) -> None:
        await self._objects.scale(kinds.DEPLOYMENT, resource.namespace, resource.canary, action.replicas)

    async def _delete_deployment(self, resource: Resource, _: actions.DeleteCanaryDeployment) -> None:
        await self._delete_own(kinds.DEPLOYMENT, resource)

    async def _delete_service(self, resource: Resource, _: actions.DeleteCanaryService) -> None:
        await self._delete_own(kinds.SERVICE, resource)

    async def _delete_own(self, kind: str, resource: Resource) -> None:
        found = self._objects.get(kind, resource.namespace, resource.canary)
        if found is not None and manifests.is_ours(found, resource.name):
            await self._objects.delete(kind, resource.namespace, resource.canary)

    async def _release(self, resource: Resource, action: actions.ReleaseHold) -> None:
        """Exactly the judged template is let go; one that came since makes the patch fail."""
        target = self._target(resource)
        if target is None:
            raise Missing(f"Deployment {resource.namespace}/{resource.target} is gone")
        marker = views.annotations_of(target).get(names.HELD_ANNOTATION)
        if marker is None and not target["spec"].get("paused"):
            return
        ops: list[dict[str, Any]] = [{"op": "test", "path": "/spec/template", "value": action.template}]
        ours = marker in (None, HELD_BY_US)
        if ours and "paused" in target["spec"]:
            ops.append({"op": "remove", "path": "/spec/paused"})
        ops += _removal(target, "annotations", names.HELD_ANNOTATION)
        after = await self._objects.json_patch(kinds.DEPLOYMENT, resource.namespace, resource.target, ops)
        if ours and after["spec"].get("paused"):
            raise ClusterError(
                f"Deployment {resource.namespace}/{resource.target} is still paused after its release: the admission "
                "policies do not exempt this operator; install the chart with this ServiceAccount, or use --as"
            )

    async def _scale_replica_set(self, resource: Resource, action: actions.ScaleReplicaSet) -> None:
        await self._objects.scale(kinds.REPLICA_SET, resource.namespace, action.name, action.replicas)

    async def _add_finalizer(self, resource: Resource, _: actions.AddFinalizer) -> None:
        present = resource.obj["metadata"].get("finalizers")
        if names.FINALIZER in (present or ()):
            return
        op = (
            {"op": "add", "path": "/metadata/finalizers/-", "value": names.FINALIZER}
            if present
            else {"op": "add", "path": "/metadata/finalizers", "value": [names.FINALIZER]}
        )
        await self._objects.json_patch(kinds.CANARY_DEPLOYMENT, resource.namespace, resource.name, [op])

    async def _remove_finalizer(self, resource: Resource, _: actions.RemoveFinalizer) -> None:
        current = self._objects.get(kinds.CANARY_DEPLOYMENT, resource.namespace, resource.name) or resource.obj
        present = current["metadata"].get("finalizers") or []
        if names.FINALIZER not in present:
            return
        path = f"/metadata/finalizers/{present.index(names.FINALIZER)}"
        ops = [{"op": "test", "path": path, "value": names.FINALIZER}, {"op": "remove", "path": path}]
        await self._objects.json_patch(kinds.CANARY_DEPLOYMENT, resource.namespace, resource.name, ops)
        if "deletionTimestamp" in current["metadata"] and len(present) == 1:
            # What is answered then is the object as it was: gone, without a newer version.
            self._objects.cache.forget(kinds.CANARY_DEPLOYMENT, resource.namespace, resource.name)

    async def _acknowledge(self, resource: Resource, _: actions.AcknowledgeCommand) -> None:
        """Only the command that was answered: one given since has another value, and fails the test."""
        ops: list[dict[str, Any]] = []
        for name in (names.COMMAND_ANNOTATION, names.COMMAND_REASON_ANNOTATION, names.COMMAND_BY_ANNOTATION):
            ops += _removal(resource.obj, "annotations", name)
        if ops:
            await self._objects.json_patch(kinds.CANARY_DEPLOYMENT, resource.namespace, resource.name, ops)

    def _target(self, resource: Resource) -> Manifest | None:
        return self._objects.get(kinds.DEPLOYMENT, resource.namespace, resource.target)


def _traffic(resource: Resource) -> TrafficProvider:
    if resource.traffic is None:
        raise resource.problem or SpecError("no provider", path="spec.traffic.provider")
    return resource.traffic


def escape(key: str) -> str:
    """As a JSON pointer spells it."""
    return key.replace("~", "~0").replace("/", "~1")


def _removal(obj: Manifest, where: str, key: str) -> list[dict[str, Any]]:
    """Operations that remove a label or annotation if it still has the value that was seen."""
    values = obj["metadata"].get(where) or {}
    if key not in values:
        return []
    path = f"/metadata/{where}/{escape(key)}"
    return [{"op": "test", "path": path, "value": values[key]}, {"op": "remove", "path": path}]


def _additions(obj: Manifest, where: str, values: dict[str, str]) -> list[dict[str, Any]]:
    present = obj["metadata"].get(where) or {}
    parent = [] if present else [{"op": "add", "path": f"/metadata/{where}", "value": {}}]
    adds = [
        {"op": "add", "path": f"/metadata/{where}/{escape(key)}", "value": value}
        for key, value in values.items()
        if present.get(key) != value
    ]
    return parent + adds


def _about(resource: Resource, action: Action) -> dict[str, str]:
    return {"canary": "/".join(resource.key), "action": type(action).__name__}
