"""Server-sent events: clients that hold a bulk answer are told when to ask again. Nothing of a flag is in an event.

Browsers cannot send headers with an event stream, so its URL carries the scope, signed: who got a bulk answer may
listen to what it is about. The signature never expires, and replicas that share a key take each other's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote

from starlette.types import Receive, Send
from starlette.types import Scope as Request

from truststream.flags.flagset import FlagSet
from truststream.serving.base import Catalog, Refused, Scope, Subscription
from truststream.serving.http import messages

PATH: Final = "/ofrep/v1/events"
KEEP_ALIVE: Final = 25.0
_SEND: Final = 30.0  # a client that takes nothing for so long is gone
_INACTIVITY: Final = 120


class ScopeTokens:
    """`<namespace>/<environment>.<signature>`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, scope: Scope) -> str:
        """The token of a scope; always the same."""
        text = f"{scope.namespace}/{scope.environment}"
        digest = hmac.digest(self._key, text.encode(), hashlib.sha256)
        return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    def read(self, token: str) -> Scope:
        """The scope of a token.

        Raises:
            Refused: 403, it is not one of ours.
        """
        namespace, _, environment = token.rpartition(".")[0].partition("/")
        scope = Scope(namespace, environment)
        if not hmac.compare_digest(self.sign(scope).encode(), token.encode("utf-8", "replace")):
            raise Refused(403, "scope is not one that this server signed; take the URL of a new bulk answer")
        return scope


class EventStreams:
    """`GET /ofrep/v1/events?scope=…`. At most `limit` at a time; `stop` ends all."""

    def __init__(
        self, catalog: Catalog, tokens: ScopeTokens, limit: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._catalog = catalog
        self._tokens = tokens
        self._limit = limit
        self._clock = clock
        self._open: set[asyncio.Task[Any]] = set()
        self._stopping = asyncio.Event()

    @property
    def open(self) -> int:
        """How many are open."""
        return len(self._open)

    def urls(self, scope: Scope) -> Sequence[Mapping[str, Any]]:
        """`eventStreams` of a bulk answer: relative to where it was asked, which only the client knows."""
        uri = f"{PATH}?scope={quote(self._tokens.sign(scope), safe='/')}"
        return [{"type": "sse", "endpoint": {"requestUri": uri}, "inactivityDelaySec": _INACTIVITY}]

    def stop(self) -> None:
        """End all; clients come back after the time that each is told."""
        self._stopping.set()

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Until the client or the server goes."""
        try:
            scope = self._admit(request)
        except Refused as refused:
            body = messages.refusal_body(refused)
            return await messages.answer(send, refused.status, body, messages.refusal_headers(refused))
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            return await self._stream(scope, _last_id(request), receive, send)
        except TimeoutError:
            return None
        finally:
            self._open.discard(task)

    def _admit(self, request: Request) -> Scope:
        values = parse_qs(request["query_string"].decode("latin-1")).get("scope", [])
        if len(values) != 1:
            raise Refused(400, "scope is missing; take the URL from eventStreams of a bulk answer")
        scope = self._tokens.read(values[0])
        if self._stopping.is_set():
            raise Refused(503, "this server is about to stop; connect again", retry_after=1.0)
        if len(self._open) >= self._limit:
            raise Refused(429, "too many event streams are open; try again later, or poll", retry_after=30.0)
        return scope

    async def _stream(self, scope: Scope, last: str, receive: Receive, send: Send) -> None:
        # Listening begins before the first byte is sent: no change falls in between.
        with self._catalog.subscribe(scope.namespace) as listener:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            flags = self._catalog.flags(scope)
            await _write(send, _retry() + (_event(flags, self._clock()) if last and last != edition(flags) else b""))
            await self._follow(scope, listener, receive, send)

    async def _follow(self, scope: Scope, listener: Subscription, receive: Receive, send: Send) -> None:
        closed, stopped = asyncio.create_task(_closed(receive)), asyncio.create_task(self._stopping.wait())
        changed = asyncio.create_task(listener.changed())
        try:
            while True:
                await asyncio.wait({closed, stopped, changed}, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
                if closed.done():
                    return
                if stopped.done():
                    await _write(send, _retry(), more=False)
                    return
                if changed.done():
                    changed = asyncio.create_task(listener.changed())
                    await _write(send, _event(self._catalog.flags(scope), self._clock()))
                else:
                    await _write(send, b": still here\n\n")
        finally:
            for task in (closed, stopped, changed):
                task.cancel()


def edition(flags: FlagSet) -> str:
    """Of what a scope answers now: the same on every replica, and another one after a schedule's boundary."""
    return f"{flags.version}-{int(flags.next_change or 0)}"


def _event(flags: FlagSet, now: float) -> bytes:
    data = {"type": "refetchEvaluation", "etag": f'"{edition(flags)}"', "lastModified": int(now)}
    return f"id: {edition(flags)}\nevent: message\ndata: {json.dumps(data)}\n\n".encode()


def _retry() -> bytes:
    """Milliseconds after which the client connects again; not all at the same time."""
    return f"retry: {random.randint(500, 3000)}\n\n".encode()


_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def _last_id(request: Request) -> str:
    return next((value.decode("latin-1") for name, value in request["headers"] if name == b"last-event-id"), "")


async def _write(send: Send, text: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(_SEND):
        await send({"type": "http.response.body", "body": text, "more_body": more})


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
