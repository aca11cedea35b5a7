"""One run: parse, look when a look is due, observe, decide, apply, write down, tell. The same for every phase."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from truststream.api.names import FINALIZER
from truststream.api.status import CanaryDeploymentStatus
from truststream.canary.actions import AttachRoute, Event, RemoveFinalizer, Severity
from truststream.canary.decide import decide
from truststream.canary.decision import Decision
from truststream.canary.judging.judge import Judge
from truststream.canary.judging.modes import every_mode
from truststream.canary.observation import Measurement, Observation, Outcome
from truststream.cluster import kinds
from truststream.cluster.kinds import Manifest
from truststream.cluster.objects import Objects
from truststream.cluster.queue import Key
from truststream.errors import ClusterError, StateError
from truststream.handlers import posting
from truststream.handlers.apply import Applier, OnAction
from truststream.handlers.looks import Looker, Wanted, wanted_metrics
from truststream.handlers.observe import Observer
from truststream.handlers.resource import Parser, Resource
from truststream.handlers.settings import Settings
from truststream.handlers.status import difference, only_words
from truststream.handlers.telemetry import Telemetry

log = logging.getLogger(__name__)

_MANY_RUNS: Final = 25
"""Runs in a row that each wrote something. A release needs a handful; more means that somebody undoes what we do."""


class Reconciler:
    """What the queue runs."""

    def __init__(
        self,
        objects: Objects,
        settings: Settings,
        telemetry: Telemetry,
        judge: Judge | None = None,
        on_action: OnAction | None = None,
    ) -> None:
        self._objects = objects
        self._settings = settings
        self._telemetry = telemetry
        self._judge = judge or every_mode()
        self._parser = Parser(objects)
        self._observer = Observer(objects)
        self._looker = Looker(objects)
        self._applier = Applier(objects, on_action)
        self._streaks: dict[Key, int] = {}

    async def run(self, key: Key) -> datetime | None:
        """One run; answers when the next is due."""
        await self._settings.refresh()
        before = self._objects.writes
        try:
            decision = await self._decide_and_do(key)
        except StateError as error:
            await self._refuse_state(key, error)
            return None
        if decision is None:
            self._forget(key)
            return None
        return self._next(key, decision, wrote=self._objects.writes != before)

    async def _decide_and_do(self, key: Key) -> Decision | None:
        """None: there is nobody to decide about any more."""
        asked = self._parse(key)
        if asked is None:
            return None
        measured = await self._looker.look(*asked, self._settings.source, datetime.now(UTC))
        self._telemetry.looked(measured)
        if any(one.outcome is Outcome.SOURCE_DOWN for one in measured or ()):
            self._settings.doubt()
        # A look takes time, and the world goes on: what is decided rests on what is there afterwards.
        found = self._parse(key)
        if found is None:
            return None
        if asked[0].generation != found[0].generation:
            measured = None
        return await self._conclude(*found, measured)

    async def _conclude(self, resource: Resource, wanted: Wanted, measured: Sequence[Measurement] | None) -> Decision:
        seen = await self._observer.observe(resource, measured)
        now = datetime.now(UTC)
        decision = decide(resource.spec, resource.status, seen, now, judge=self._judge, shapes=wanted.shapes)
        resource, decision = await self._note_route(resource, decision)
        await self._applier.apply(resource, decision.actions, terminating=seen.namespace_terminating)
        await self._write_down(resource, decision, seen)
        await self._tell(resource, decision.events, now, post=not seen.namespace_terminating)
        self._telemetry.ran(resource.key, resource.status, decision.status)
        return decision

    def _parse(self, key: Key) -> tuple[Resource, Wanted] | None:
        obj = self._objects.get(kinds.CANARY_DEPLOYMENT, *key)
        if obj is None or _left(obj):
            return None
        resource = self._parser.parse(obj, self._settings.configuration)
        wanted = wanted_metrics(resource, self._settings.configuration)
        return replace(resource, problem=resource.problem or wanted.problem), wanted

    async def _note_route(self, resource: Resource, decision: Decision) -> tuple[Resource, Decision]:
        """What putting the route back needs is saved before the route is touched, or a crash between would lose it."""
        release = decision.status.release
        attaches = any(isinstance(action, AttachRoute) for action in decision.actions)
        if not attaches or release is None or release.route or resource.traffic is None:
            return resource, decision
        note = resource.traffic.note(resource.split)
        if not note:
            return resource, decision
        status = decision.status.model_copy(update={"release": release.model_copy(update={"route": note})})
        decision = replace(decision, status=status)
        obj = await self._patch_status(resource, status)
        return replace(resource, obj=obj, status=status), decision

    async def _write_down(self, resource: Resource, decision: Decision, seen: Observation) -> None:
        if any(isinstance(action, RemoveFinalizer) for action in decision.actions) and seen.deleting:
            return  # nobody is left who could read it
        silent = seen.measurements is None and not decision.actions and not decision.events
        if silent and only_words(resource.obj.get("status") or {}, decision.status.dump()):
            return
        try:
            await self._patch_status(resource, decision.status)
        except ClusterError:
            if not seen.namespace_terminating:
                raise
            log.info("the namespace goes; its status is not written", extra={"canary": "/".join(resource.key)})

    async def _patch_status(self, resource: Resource, status: CanaryDeploymentStatus) -> Manifest:
        """One merge patch with what differs; no request when nothing does."""
        current = self._objects.get(kinds.CANARY_DEPLOYMENT, *resource.key) or resource.obj
        patch = difference(current.get("status") or {}, status.dump())
        if not patch:
            return current
        return await self._objects.patch_status(*resource.key, patch)

    async def _tell(self, resource: Resource, events: Sequence[Event], now: datetime, *, post: bool) -> None:
        kind, name = (kinds.FEATURE_FLAG, resource.flag) if resource.flag else (kinds.DEPLOYMENT, resource.target)
        target = self._objects.get(kind, resource.namespace, name) if name else None
        for event in events:
            level = logging.WARNING if event.severity is Severity.WARNING else logging.INFO
            log.log(level, event.message, extra={"canary": "/".join(resource.key), "reason": event.reason})
            if not post:
                continue
            await posting.post(self._objects, event, kinds.CANARY_DEPLOYMENT, resource.obj, now)
            if event.on_target and target is not None:
                await posting.post(self._objects, event, kind, target, now)

    async def _refuse_state(self, key: Key, error: StateError) -> None:
        obj = self._objects.get(kinds.CANARY_DEPLOYMENT, *key)
        log.error("%s", error, extra={"canary": "/".join(key)})
        if obj is not None:
            stalled = {
                "type": "Stalled", "status": "True", "reason": "StateUnreadable", "message": str(error),
                "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "observedGeneration": obj["metadata"].get("generation", 0),
            }  # fmt: skip
            known = (obj.get("status") or {}).get("conditions") or []
            if not any(c.get("reason") == "StateUnreadable" for c in known if isinstance(c, dict)):
                await self._objects.patch_status(*key, {"conditions": [stalled]})

    def _next(self, key: Key, decision: Decision, *, wrote: bool) -> datetime | None:
        """A run that wrote is followed by another at once: our own writes wake nobody, and may allow the next step."""
        streak = self._streaks[key] = self._streaks.get(key, 0) + 1 if wrote else 0
        if not wrote:
            return decision.wake_at
        soon = datetime.now(UTC)
        if streak >= _MANY_RUNS:
            log.warning("%d runs in a row changed something; waiting", streak, extra={"canary": "/".join(key)})
            soon += timedelta(seconds=5)
        return min(soon, decision.wake_at) if decision.wake_at and streak < _MANY_RUNS else soon

    def _forget(self, key: Key) -> None:
        self._streaks.pop(key, None)
        self._parser.forget(key)
        self._telemetry.forget(key)


def _left(obj: Manifest) -> bool:
    """Whether it goes and we have nothing to do with it any more."""
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and FINALIZER not in (metadata.get("finalizers") or ())
