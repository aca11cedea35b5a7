"""uvicorn's HTTP/1.1 with limits: the head's size, the time that a request may take to arrive, and nothing doubtful.

llhttp is strict by itself: two lengths, a length beside chunks, a space before a colon or a bare LF end the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httptools
from starlette.types import Receive, Send
from starlette.types import Scope as Request
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from truststream.serving.base import Refused
from truststream.serving.http import messages

_OF_AN_UPGRADE: Final = (b"connection", b"upgrade", b"http2-settings", b"keep-alive")
_CLOSE: Final = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Guards:
    """What a connection may cost: `head` in bytes, `patience` in seconds; while `draining` none is kept open."""

    head: int
    patience: float
    draining: Callable[[], bool]


def guarded(guards: Guards) -> type[HttpToolsProtocol]:
    """A protocol class for uvicorn, which makes its instances itself."""

    class Protocol(GuardedProtocol):
        pass

    Protocol.guards = guards
    return Protocol


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    guards: Guards

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open = False  # a message has begun and is not complete
        self._in_head = False
        self._head = 0  # bytes of a head, or around a body, that came since anything else did
        self._upgrading = False
        self._over = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that never asks anything ends as an idle one does."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives it."""
        self._set_deadline(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; only a request that is not complete yet gets a deadline."""
        self._unset_keepalive_if_required()
        if self._over:
            return
        if self._open:
            self._head += len(data)
        self._feed(data)
        if self._over:
            return
        if self._open and self._head > self.guards.head:
            self._end(431, f"the headers have more than {self.guards.head} bytes")
        else:
            self._set_deadline(self._open)

    def on_message_begin(self) -> None:
        """A new head."""
        self._open = self._in_head = True
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the application, or one that refuses."""
        self._in_head = False
        self._head = 0
        if self.parser.should_upgrade():
            self._upgrading = True
            return
        refused = self._doubtful()
        if refused is not None:
            self.app, app = _refusing(refused), self.app
            try:
                super().on_headers_complete()
            finally:
                self.app = app
        else:
            super().on_headers_complete()
        if self.guards.draining():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Of an upgrade there is none yet. Chunks' extensions and the fields after the last one are no body."""
        self._head = 0
        if not self._upgrading:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has arrived."""
        self._open = False
        if not self._upgrading:
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._end(400, "this is no valid HTTP/1.1 request")

    def _decline_upgrade(self, rest: bytes) -> None:
        """Answer as if no upgrade had been asked for: Java asks for h2c with every first request.

        The parser takes what follows for another protocol, so that body would be lost, or be read as a request.
        """
        self._upgrading = False
        method = self.parser.get_method()
        if method == b"CONNECT":
            return self._end(405, "this is no proxy")
        kept = [(name, value) for name, value in self.headers if name not in _OF_AN_UPGRADE]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in [*kept, _CLOSE])
        version = self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return self._feed(method + b" " + self.url + b" HTTP/" + version + b"\r\n" + lines + b"\r\n" + rest)

    def _doubtful(self) -> Refused | None:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.guards.head:
            return Refused(431, f"the headers have more than {self.guards.head} bytes")
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            return Refused(400, "a request has exactly one Host header")
        return None

    def _set_deadline(self, wanted: bool) -> None:
        if wanted and self._deadline is None:
            self._deadline = self.loop.call_later(self.guards.patience, self._too_slow)
        elif not wanted and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._end(408, f"the request did not arrive within {self.guards.patience:g} seconds")

    def _end(self, status: int, sentence: str) -> None:
        """Answer in the place of the application, unless it answers already, and close."""
        self._over = True
        self._set_deadline(False)
        if self.transport.is_closing():
            return
        if self._may_answer():
            body = messages.refusal_body(Refused(status, sentence))
            length = (b"content-length", str(len(body)).encode())
            headers = [*self.server_state.default_headers, messages.JSON, length, _CLOSE]
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
            self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether the client waits for exactly this answer: none before it is under way."""
        cycle = self.cycle
        if cycle is None:
            return True
        if cycle.response_complete:  # of the request before, or of this one, whose body nobody waited for
            return self._in_head or not self._open
        return self._open and not self._in_head and not cycle.response_started and not self.pipeline


def _refusing(refused: Refused) -> Any:
    async def refuse(_request: Request, _receive: Receive, send: Send) -> None:
        await messages.answer(send, refused.status, messages.refusal_body(refused), [_CLOSE])

    return refuse
