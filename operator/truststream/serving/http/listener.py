"""uvicorn as a part of this process: it listens where it is told and stops without losing a request."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from truststream.errors import ConfigurationError
from truststream.serving.http.protocol import Guards, guarded

log = logging.getLogger(__name__)

_IDLE: Final = 75  # seconds that a connection is kept between two requests; longer than what proxies have
_BACKLOG: Final = 2048


class _Server(uvicorn.Server):
    """Signals are the process's own affair."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """One port."""

    def __init__(self, app: ASGIApp, listening: socket.socket, *, head: int, patience: float) -> None:
        self._listening = listening
        self._draining = False
        self._app = app
        self._guards = Guards(head, patience, lambda: self._draining)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Listen; with a context it speaks TLS."""
        tls: dict[str, Any] = {} if context is None else {"ssl_context_factory": lambda _config, _default: context}
        config = uvicorn.Config(
            self._app,
            http=guarded(self._guards),
            loop="none",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE,
            backlog=_BACKLOG,
            **tls,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listening]), name="http")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._task.done():
            await self._task

    def drain(self) -> None:
        """Go on answering, and ask every client to take another connection."""
        self._draining = True

    async def stop(self, grace: float) -> None:
        """Take no more connections, and give what is under way `grace` seconds."""
        self._draining = True
        if self._server is None or self._task is None:
            return self._listening.close()
        self._server.config.timeout_graceful_shutdown = max(1, round(grace))
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=grace + 5.0)
        return None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; without a host for IPv4 and IPv6, where there is IPv6. Port 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken, or the address is none of this machine.
    """
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("::", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host or "0.0.0.0", port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host or 'all addresses'} port {port}: {error.strerror}; choose another port"
        ) from error
