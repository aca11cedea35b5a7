"""FeatureFlags against the API server in memory: what a review asks of it, and what is there afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from tests.fakes.api_server import FakeApiServer, Object
from truststream.api import names
from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.client import Client
from truststream.cluster.objects import Objects
from truststream.cluster.queue import Key
from truststream.handlers.flags_book import FlagBook
from truststream.handlers.flags_interest import FlagInterests
from truststream.handlers.flags_reconcile import FlagReconciler
from truststream.handlers.telemetry import Telemetry
from truststream.handlers.usage_keeper import Pace, UsageKeeper

BOOLEAN: Object = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
START = 1_900_000_000.0


class Clock:
    """Set by tests."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class FlagWorld:
    """The namespace `shop`. A run that writes is told to the desk, as in the operator."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    cache: Cache = field(default_factory=Cache)
    queued: list[Key] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.objects = Objects(cast(Client, self.server), self.cache)
        self.objects.on_written = self._happened
        self.book = FlagBook(clock=lambda: 0.0)
        self.interests = FlagInterests(self.book)
        self.keeper = UsageKeeper(self.book, self.cache, Pace(), self.clock)
        self.telemetry = Telemetry()
        self.reconciler = FlagReconciler(
            self.objects, self.book, self.keeper, self.telemetry, self.queued.append
        )  # fmt: skip

    def flag(self, name: str, *, generation: int = 1, notes: dict[str, str] | None = None, **spec: Any) -> Object:
        """Somebody writes a flag; its status stays."""
        old = self.server.peek(kinds.FEATURE_FLAG, "shop", name) or {}
        annotations = {names.CHANGED_BY_ANNOTATION: "ada", **(notes or {})}
        made: Object = {
            "metadata": {"name": name, "namespace": "shop", "generation": generation, "annotations": annotations},
            "spec": {**BOOLEAN, **spec},
        }
        return self.put(kinds.FEATURE_FLAG, made | ({"status": old["status"]} if "status" in old else {}))

    def segments(self, name: str, **data: str) -> Object:
        """Somebody writes a labelled ConfigMap."""
        metadata = {"name": name, "namespace": "shop", "labels": {names.SEGMENTS_LABEL: ""}}
        return self.put(kinds.SEGMENTS, {"metadata": metadata, "data": data})

    def put(self, kind: str, obj: Object) -> Object:
        """Written by somebody else, and seen."""
        made = self.server.put(kind, obj)
        self.cache.put(kind, made)
        self._happened(kind, made)
        return made

    def remove(self, kind: str, name: str) -> None:
        """Deleted by somebody else, and seen."""
        obj = self.server.objects.pop((kind, "shop", name))
        self.cache.remove(kind, obj)
        self.queued.extend(self.interests.of(kind, obj, deleted=True))

    def _happened(self, kind: str, obj: Object) -> None:
        self.queued.extend(self.interests.of(kind, obj))

    async def settle(self, most: int = 50) -> None:
        """Until nobody is queued any more."""
        for _ in range(most):
            if not self.queued:
                return
            keys, self.queued[:] = list(dict.fromkeys(self.queued)), []
            for key in keys:
                await self.reconciler.run(key)
        raise AssertionError(f"no rest: {self.server.writes()[-10:]}")

    def live(self, name: str) -> Object:
        """As the API server has it."""
        found = self.server.peek(kinds.FEATURE_FLAG, "shop", name)
        assert found is not None
        return found

    def status(self, name: str) -> Object:
        """Of a flag."""
        found: Object = self.live(name)["status"]
        return found

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason."""
        one = next(one for one in self.status(name)["conditions"] if one["type"] == kind)
        return one["status"], one["reason"]

    def events(self, name: str) -> list[str]:
        """Reasons, in order."""
        found = [obj for (kind, _, _), obj in self.server.objects.items() if kind == kinds.EVENT]
        return [str(one["reason"]) for one in found if one["regarding"]["name"] == name]
