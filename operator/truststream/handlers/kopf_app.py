"""The only file that knows kopf: its watches fill our cache and nudge our queues; it neither writes nor decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import kopf

from truststream.cluster.cache import Cache, version_of
from truststream.cluster.client import Client
from truststream.cluster.connection import Connection
from truststream.cluster.kinds import FEATURE_FLAG, kind_of
from truststream.errors import Missing
from truststream.handlers.desk import Desk

log = logging.getLogger(__name__)

_SETTLE: Final = 5.0


class Watches:
    """Every kind has an index, which kopf fills for all kinds before it handles the first event: then we are synced."""

    def __init__(self, cache: Cache, desks: Sequence[Desk], client: Client) -> None:
        self._cache = cache
        self._desks = desks
        self._client = client
        self._news: set[tuple[str, str]] = set()  # kind and uid, between index and event
        self._listed: dict[str, dict[str, int]] = {}  # kind -> uid -> version, of a listing under way
        self._sweeps: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.filled = asyncio.Event()

    @property
    def synced(self) -> bool:
        """Whether the cache has everything that there was when we began."""
        return self.filled.is_set()

    def seen(self, kind: str, body: Mapping[str, Any]) -> None:
        """An object as it is now."""
        if self._cache.put(kind, body):
            self._news.add((kind, str(body["metadata"]["uid"])))

    def happened(self, kind: str, event: Mapping[str, Any]) -> None:
        """An event, after the object went into the cache."""
        self.filled.set()
        obj, gone = event["object"], event["type"] == "DELETED"
        mark = (kind, str(obj["metadata"]["uid"]))
        news = mark in self._news
        self._news.discard(mark)
        if gone:
            self._cache.remove(kind, obj)
            news = True  # the end may be known by our own request already, but nobody has been told
        elif event["type"] is None:
            self._note_listing(kind, obj)
        if news:
            self._nudge(kind, obj, gone=gone)

    def wrote(self, kind: str, obj: Mapping[str, Any]) -> None:
        """Our own write of a FeatureFlag: canaries and reviews of flags change the same objects, and both have to know.

        The watch's event for it is no news. Of other kinds whoever wrote runs again by itself.
        """
        if kind == FEATURE_FLAG:
            self._nudge(kind, obj, gone=False)

    def _nudge(self, kind: str, obj: Mapping[str, Any], *, gone: bool) -> None:
        for desk in self._desks:
            desk.tell(kind, obj, deleted=gone)

    def _note_listing(self, kind: str, obj: Mapping[str, Any]) -> None:
        """kopf lists anew after it lost its place; what vanished meanwhile is in no event, only missing in the list."""
        self._listed.setdefault(kind, {})[str(obj["metadata"]["uid"])] = version_of(obj)
        if timer := self._sweeps.pop(kind, None):
            timer.cancel()
        self._sweeps[kind] = asyncio.get_running_loop().call_later(_SETTLE, self._sweep, kind)

    def _sweep(self, kind: str) -> None:
        self._sweeps.pop(kind, None)
        listed = self._listed.pop(kind, {})
        newest = max(listed.values(), default=0)
        for obj in self._cache.everywhere(kind):
            if obj["metadata"]["uid"] not in listed and version_of(obj) < newest:
                task = asyncio.create_task(self._confirm(kind, dict(obj)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _confirm(self, kind: str, obj: Mapping[str, Any]) -> None:
        metadata = obj["metadata"]
        try:
            await self._client.get(kind, metadata.get("namespace") or "", metadata["name"])
        except Missing:
            if self._cache.remove(kind, obj):
                self._nudge(kind, obj, gone=True)


def build(connection: Connection, watches: Watches, kinds: Iterable[str]) -> tuple[kopf.OperatorRegistry, Any]:
    """A registry with our handlers, and settings under which kopf only watches."""
    registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.queueing.idle_timeout = 1.0
    settings.process.ultimate_exiting_timeout = None
    kopf.on.login(registry=registry, id="login")(_login(connection))
    for name in kinds:
        kind = kind_of(name)
        where = (kind.group, kind.version, kind.plural)
        if kind.selector:
            settings.watching.label_selectors[where] = kind.selector
        kopf.index(*where, registry=registry, id=f"{kind.plural}-seen")(_on_seen(watches, name))
        kopf.on.event(*where, registry=registry, id=f"{kind.plural}-happened")(_on_event(watches, name))
    return registry, settings


async def watch(registry: kopf.OperatorRegistry, settings: Any, stop: asyncio.Event, ready: asyncio.Event) -> None:
    """Run until `stop`; `ready` is set once the signal handlers of kopf are in place and may be replaced."""
    # Only peering uses it, which is off; without one kopf asks for the user's name, and a container's user has none.
    identity: Any = "truststream"
    await kopf.operator(
        registry=registry,
        settings=settings,
        identity=identity,
        standalone=True,
        clusterwide=True,
        stop_flag=stop,
        ready_flag=ready,
    )


def _login(connection: Connection) -> Callable[..., Awaitable[Any]]:
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session())

    return login


def _on_seen(watches: Watches, kind: str) -> Callable[..., Awaitable[None]]:
    async def seen(body: kopf.Body, **_: Any) -> None:
        watches.seen(kind, dict(body))

    return seen


def _on_event(watches: Watches, kind: str) -> Callable[..., Awaitable[None]]:
    async def happened(event: Mapping[str, Any], **_: Any) -> None:
        watches.happened(kind, event)

    return happened
