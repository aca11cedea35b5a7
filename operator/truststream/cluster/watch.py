"""List and watch for the server: one kind into a sink, for ever, without kopf.

The watch resumes where it stopped; when the API server has forgotten that place (410) all is listed again, and what
vanished meanwhile is told by its absence. Nothing of this ends the process: it tries again until it is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
import orjson

from truststream.cluster.client import refusal
from truststream.cluster.connection import Connection
from truststream.cluster.kinds import Manifest, kind_of
from truststream.errors import ClusterError, Forbidden, Missing, Unavailable

log = logging.getLogger(__name__)

PAGE: Final = 500
_SILENCE: Final = 75.0  # a bookmark comes every minute: after this the connection is dead, whatever TCP thinks
_WATCH: Final = (240, 300)  # seconds that the API server is asked to keep a watch open
_ANSWER: Final = 30.0
_TOO_SHORT: Final = 5.0  # a watch that ends sooner is not asked for again without a pause
_LIST_AGAIN: Final = 5  # failures after which the place may be one that the API server will never reach again
_FIRST_RETRY: Final = 0.2
_LAST_RETRY: Final = 5.0


class Sink(Protocol):
    """Who is told; `watch` is the name of the watch that tells."""

    def expect(self, watch: str) -> None:
        """It begins."""

    def replace(self, kind: str, namespace: str | None, objects: Sequence[Manifest]) -> None:
        """All there are, of a namespace or of the cluster."""

    def apply(self, kind: str, event: Mapping[str, Any]) -> None:
        """One change: `type` ADDED, MODIFIED or DELETED, and the `object`."""

    def held(self, watch: str) -> None:
        """What was told is all, and the watch is open."""

    def lost(self, watch: str) -> None:
        """The API server gives no answer."""


class _Gone(Exception):
    """The resourceVersion is too old: list again."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts, doubled each time; a random part of them, so that replicas do not come together."""

    first: float = _FIRST_RETRY
    last: float = _LAST_RETRY

    def seconds(self, failures: int) -> float:
        """After so many failures in a row."""
        return min(self.last, self.first * 2.0 ** min(failures, 20)) * random.uniform(0.5, 1.0)


class Watch:
    """One kind, in one namespace or everywhere."""

    def __init__(
        self,
        connection: Connection,
        kind: str,
        sink: Sink,
        *,
        namespace: str | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._connection = connection
        self._kind = kind_of(kind)
        self._namespace = namespace
        self._sink = sink
        self._backoff = backoff or Backoff()
        self._version = ""
        self._failures = 0
        self._told = ""
        self._listed = False
        self.name = f"{self._kind.plural}" + (f" in {namespace}" if namespace else "")
        sink.expect(self.name)

    async def run(self) -> None:
        """Until cancelled."""
        async with self._connection.session() as session:
            while True:
                try:
                    await self._once(session)
                except _Gone:
                    log.info("the watch of %s is too old: listing again", self.name)
                    self._version = ""
                except ClusterError as error:
                    await self._wait(error)

    async def _once(self, session: aiohttp.ClientSession) -> None:
        if not self._version:
            objects, version = await self._list(session)
            self._sink.replace(self._kind.name, self._namespace, objects)
            self._version, self._listed = version, True
            self._sink.held(self.name)
        began = time.monotonic()
        await self._follow(session)
        if time.monotonic() - began < _TOO_SHORT:
            await asyncio.sleep(self._backoff.seconds(0))

    async def _list(self, session: aiohttp.ClientSession) -> tuple[list[Manifest], str]:
        """Everything, page by page; all pages are of one moment."""
        objects: list[Manifest] = []
        more = ""
        while True:
            query = {"limit": str(PAGE), **({"continue": more} if more else {})}
            patience = aiohttp.ClientTimeout(total=_ANSWER, sock_connect=5.0)
            async with self._request(session, query, patience) as answer:
                page = _document(await answer.read())
            objects += page.get("items") or ()
            metadata = page.get("metadata") or {}
            more = str(metadata.get("continue") or "")
            if not more:
                return objects, str(metadata.get("resourceVersion") or "")

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        """One watch, until the API server ends it or nothing comes any more."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(*_WATCH)),
        }
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=_SILENCE)
        async with self._request(session, query, patience) as answer:
            self._sink.held(self.name)
            self._failures, self._told = 0, ""
            try:
                async for line in answer.content:
                    self._take(_document(line))
            except aiohttp.SocketTimeoutError:
                log.info("the watch of %s is silent: asking again", self.name)

    def _take(self, event: Manifest) -> None:
        kind, obj = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            if obj.get("code") == 410:
                raise _Gone
            raise refusal(int(obj.get("code") or 500), obj)
        version = (obj.get("metadata") or {}).get("resourceVersion")
        if not version:
            raise Unavailable(f"an event of type {kind} without a resourceVersion")
        if kind != "BOOKMARK":
            self._sink.apply(self._kind.name, event)
        self._version = str(version)

    @asynccontextmanager
    async def _request(
        self, session: aiohttp.ClientSession, query: Mapping[str, str], patience: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = self._connection.server + self._kind.path(self._namespace)
        selector = {"labelSelector": self._kind.selector} if self._kind.selector else {}
        try:
            async with session.get(url, params={**selector, **query}, timeout=patience) as answer:
                if answer.status == 410:
                    raise _Gone
                if answer.status != 200:
                    raise refusal(answer.status, _document(await answer.read()), answer.headers.get("Retry-After"))
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(f"no answer: {type(error).__name__} {error}".rstrip()) from error

    async def _wait(self, error: ClusterError) -> None:
        if isinstance(error, Missing | Forbidden):
            hint = "; install the CRDs" if isinstance(error, Missing) else "; grant get, list and watch"
        else:
            hint = ""
        # Lost only once a second attempt failed at once: an API server that restarts ends each watch.
        if self._failures or not self._version:
            self._sink.lost(self.name)
        if str(error) != self._told and self._failures:
            served = "the last known is served" if self._listed else "there is nothing to serve yet"
            log.warning("the watch of %s is lost, %s: %s%s", self.name, served, error, hint)
            self._told = str(error)
        await asyncio.sleep(self._backoff.seconds(self._failures))
        self._failures += 1
        if self._failures % _LIST_AGAIN == 0:
            self._version = ""


def _document(text: bytes) -> Manifest:
    """A JSON object.

    Raises:
        ClusterError: it is none.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unavailable(f"the API server's answer is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Unavailable("the API server's answer is no JSON object")
    return document
