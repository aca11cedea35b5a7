"""One run of a FeatureFlag: build its namespace if need be, review it, write status, tell. kopf is not here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from truststream.api.flagstatus import FeatureFlagStatus
from truststream.canary.actions import Event, Severity
from truststream.cluster import kinds
from truststream.cluster.kinds import Manifest
from truststream.cluster.objects import Objects
from truststream.cluster.queue import Key
from truststream.errors import ClusterError, StateError
from truststream.flags.life.review import review
from truststream.flags.life.reviewed import FlagEvent, FlagView, Review, view_of
from truststream.handlers.flags_book import FlagBook
from truststream.handlers.flags_facts import Counted, FactFinder
from truststream.handlers.flags_write import acknowledge, read_flag_status, write_status
from truststream.handlers.posting import post
from truststream.handlers.telemetry import Telemetry

log = logging.getLogger(__name__)

_LONGEST_SLEEP: Final = 24 * 3600.0
"""A timer in the far future is set anew, for clocks are set too."""


class Usage(Counted, Protocol):
    """Counts, and when status may say them."""

    def may_write(self, key: Key) -> bool:
        """Whether it is this flag's turn."""

    def written(self, key: Key) -> None:
        """Status says what was counted."""

    def forget(self, key: Key, flag: str) -> None:
        """The resource is gone, and its flag with it."""


class FlagReconciler:
    """What the queue of the flags runs; `again` queues others that a build concerns."""

    def __init__(
        self,
        objects: Objects,
        book: FlagBook,
        usage: Usage,
        telemetry: Telemetry,
        again: Callable[[Key], None],
    ) -> None:
        self._objects = objects
        self._book = book
        self._usage = usage
        self._telemetry = telemetry
        self._again = again
        self._facts = FactFinder(book, objects.cache, usage)
        self._keys: dict[Key, str] = {}  # what the flags of resources are called

    async def run(self, key: Key) -> datetime | None:
        """One run; answers when the next is due."""
        namespace, name = key
        if (wait := self._book.wait(namespace)) > 0:
            return datetime.now(UTC) + timedelta(seconds=wait)
        for other in self._book.refresh(namespace, time.time()) - {name}:
            self._again((namespace, other))
        obj = self._objects.get(kinds.FEATURE_FLAG, namespace, name)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            self._forget(key)
            return None
        try:
            return await self._review(key, obj)
        except StateError as error:
            await self._refuse(key, obj, error)
            return None

    async def _review(self, key: Key, obj: Manifest) -> datetime | None:
        view, before, now = view_of(obj), read_flag_status(obj), time.time()
        self._keys[key] = view.source.key
        done = self._reviewed(view, before, now, write_usage=self._usage.may_write(key))
        if done.status != before:
            done = self._reviewed(view, before, now, write_usage=True)
        try:
            await write_status(self._objects, obj, done.status.dump())
        except ClusterError:
            self._book.note(obj)  # nothing came into force
            raise
        if done.status.usage is not None and done.status.usage != before.usage:
            self._usage.written(key)
        await self._tell(key, obj, done, now)
        self._telemetry.reviewed(key, done.status)
        if done.wake_at is None:
            return None
        return datetime.fromtimestamp(min(done.wake_at, now + _LONGEST_SLEEP), UTC)

    def _reviewed(self, view: FlagView, before: FeatureFlagStatus, now: float, *, write_usage: bool) -> Review:
        facts = replace(self._facts.facts(view.source, before.usage), write_usage=write_usage)
        done = review(view, before, facts, now)
        if not done.adopts or done.status.served is None:
            return done
        # The namespace was built before these approvals were enough: build it as it will be, for one write says it all.
        adopted = replace(view.source, served=done.status.served.dump())
        self._book.adopt(adopted)
        for other in self._book.refresh(view.source.namespace, now) - {view.source.name}:
            self._again((view.source.namespace, other))
        return review(view, before, replace(self._facts.facts(adopted, before.usage), write_usage=write_usage), now)

    async def _tell(self, key: Key, obj: Manifest, done: Review, now: float) -> None:
        for place, event in enumerate(done.events):
            level = logging.WARNING if event.warning else logging.INFO
            log.log(level, event.message, extra={"flag": "/".join(key), "reason": event.reason})
            # A microsecond apart, so that whoever sorts by time reads them in their order.
            at = datetime.fromtimestamp(now, UTC) + timedelta(microseconds=place)
            await post(self._objects, _event(event), kinds.FEATURE_FLAG, obj, at)
        if done.acknowledge:
            await acknowledge(self._objects, self._objects.get(kinds.FEATURE_FLAG, *key) or obj)

    async def _refuse(self, key: Key, obj: Manifest, error: StateError) -> None:
        """Said once in a condition; what is served stays."""
        old = (obj.get("status") or {}).get("conditions")
        listed = [one for one in old if isinstance(one, dict)] if isinstance(old, list) else []
        if any(one.get("type") == "Stalled" and one.get("message") == str(error) for one in listed):
            return
        log.error("%s", error, extra={"flag": "/".join(key)})
        stalled = {
            "type": "Stalled",
            "status": "True",
            "reason": "StateUnreadable",
            "message": str(error),
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "observedGeneration": obj["metadata"].get("generation", 0),
        }
        kept = [one for one in listed if one.get("type") not in ("Stalled", "Ready")]
        status = {**(obj.get("status") or {}), "conditions": [*kept, stalled]}
        await write_status(self._objects, obj, status)

    def _forget(self, key: Key) -> None:
        self._telemetry.forget_flag(key)
        if (flag := self._keys.pop(key, None)) is not None:
            self._usage.forget(key, flag)


def _event(event: FlagEvent) -> Event:
    return Event(event.reason, event.message, Severity.WARNING if event.warning else Severity.NORMAL)
