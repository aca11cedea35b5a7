"""The server as a process: make the parts, join them, answer, and stop without losing a request."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from truststream.cluster.client import Client
from truststream.cluster.connection import USER_AGENT, Connection, connect
from truststream.cluster.reviews import Reviews
from truststream.cluster.signatures import Signatures
from truststream.cluster.watch import Watch
from truststream.flags.build import build
from truststream.serving.access.gate import ServerGate
from truststream.serving.access.identities import PATIENCE, Identities
from truststream.serving.access.keys import ApiKeys
from truststream.serving.catalog import WATCHED, FlagCatalog
from truststream.serving.files import FlagFiles
from truststream.serving.health import Answers, Gauges, Health
from truststream.serving.http.app import Parts, make_app
from truststream.serving.http.certificates import Certificate
from truststream.serving.http.events import EventStreams, ScopeTokens
from truststream.serving.http.exposures import routes as exposure_routes
from truststream.serving.http.listener import HttpServer, listen
from truststream.serving.options import ServerOptions
from truststream.serving.recorder import FlagRecorder
from truststream.serving.rpc import servers as rpc
from truststream.store import open_sink
from truststream.store.base import Intake

log = logging.getLogger(__name__)

_HEALTH_HEAD: Final = 16_384


async def run(options: ServerOptions, stop: asyncio.Event) -> int:
    """Answer until `stop`; the exit code.

    Raises:
        ConfigurationError: something that was asked for cannot be had.
    """
    connection = None
    if options.flags is None or options.kubeconfig is not None:
        connection = await connect(options.kubeconfig, options.user)
        log.info("%s at %s as %s", USER_AGENT, connection.server, connection.impersonate or "itself")
    server = Server(options, connection)
    try:
        await server.begin()
        if await _before(stop, server.catalog.wait_ready(), server.broken()):
            await server.answer()
            await _before(stop, server.broken())
            await server.leave()
    finally:
        await server.close()
    return 0 if stop.is_set() else 1


class Server:
    """The parts, and the order in which they begin and end."""

    def __init__(self, options: ServerOptions, connection: Connection | None) -> None:
        configuration = options.configuration
        self._options = options
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving = False
        self._http: HttpServer | None = None
        self._health_server: HttpServer | None = None
        self._rpc: rpc.Servers | None = None
        self._client = Client(connection, timeout=PATIENCE) if connection else None
        self._certificate = Certificate(configuration.tls) if configuration.tls else None
        self.catalog = FlagCatalog(build, environment=configuration.environment or "")
        self._source = FlagFiles(options.flags, self.catalog) if options.flags else None
        self._watches = _watches(options, connection, self.catalog) if connection and not self._source else []
        self.registry = CollectorRegistry()
        self._sink: Intake | None = open_sink(configuration.store, self.registry) if configuration.store else None
        self.recorder = FlagRecorder(self.registry, self._sink, scope=self.catalog.counted)
        self._identities = _identities(self._client, configuration.audience) if self._client else None
        keys = ApiKeys(Path(configuration.api_keys)) if configuration.api_keys else None
        self.gate = ServerGate(configuration, self._identities, keys)
        self.streams = EventStreams(self.catalog, ScopeTokens(options.signing_key()), configuration.limits.streams)
        parts = Parts(configuration, self.catalog, self.gate, self.recorder, self.streams)
        self._front, self._app = make_app(parts, exposure_routes(self.catalog, self.gate, self._sink, self.registry))
        self.health = Health(self.registry)

    async def begin(self) -> None:
        """Say how we are, take exposures, and read the flags."""
        self._check()
        if (port := self._options.ports.health) is not None:
            listening = listen(self._options.host, port)
            self._health_server = HttpServer(self.health.app(), listening, head=_HEALTH_HEAD, patience=5.0)
            await self._health_server.start()
        if self._sink is not None:
            await self._sink.start()
        if self._certificate is not None:
            self._spawn(self._certificate.follow(), "certificate")
        if self._identities is not None:
            self._spawn(self._identities.run(), "keys of tokens")
        if self._source is not None:
            self._source.start()
            self._spawn(self._source.run(), "files")
        for watch in self._watches:
            self._spawn(watch.run(), watch.name)

    async def answer(self) -> None:
        """Listen for requests, over HTTP and gRPC."""
        gc.freeze()  # modules and compiled flags stay: no collection goes through them again
        options, configuration = self._options, self._options.configuration
        limits, tls = configuration.limits, configuration.tls
        listening = listen(options.host, options.ports.http)
        self._http = HttpServer(self._app, listening, head=limits.headers, patience=limits.request_timeout)
        ports = rpc.RpcPorts(_grpc_host(options.host), options.ports.evaluation, options.ports.sync)
        self._rpc = await rpc.start(self.catalog, self.gate, self.recorder, ports, rpc.RpcOptions(limits, tls))
        self.health.notes["sync"] = self._rpc.health
        await self._http.start(self._certificate.context if self._certificate else None)
        if options.stream_key is None:
            log.warning("event streams are signed with a key of this process alone; replicas need --stream-key")
        log.info(
            "answering: http %d, evaluation %d, sync %d, health %s",
            self._http.port,
            self._rpc.evaluation_port,
            self._rpc.sync_port,
            self._health_server.port if self._health_server else "none",
        )

    async def leave(self) -> None:
        """Send clients elsewhere, then end what is under way. Not ready first, so that nobody new is sent here."""
        assert self._http is not None
        assert self._rpc is not None
        self._leaving = True
        self._http.drain()
        log.info("stopping: %g s for clients to go elsewhere", self._options.drain)
        await asyncio.sleep(self._options.drain)
        self.streams.stop()
        await asyncio.gather(self._http.stop(self._options.grace), self._rpc.stop(self._options.grace))

    async def close(self) -> None:
        """Give everything back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.catalog.close()
        if self._sink is not None:
            await self._sink.stop(self._options.grace)
        if self._client is not None:
            await self._client.close()
        if self._health_server is not None:
            await self._health_server.stop(1.0)

    async def broken(self) -> None:
        """Return when something ended that should not."""
        if not self._tasks:
            await asyncio.Event().wait()
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            log.error("%s ended", task.get_name(), exc_info=None if task.cancelled() else task.exception())

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _check(self) -> None:
        self.health.alive["parts"] = lambda: ", ".join(task.get_name() for task in self._tasks if task.done())
        self.health.ready["flags"] = lambda: "" if self.catalog.ready else "not read yet"
        self.health.ready["server"] = self._listening
        self.health.notes["watch"] = self._stale
        if self._identities is not None:
            self.health.notes["tokens"] = self._identities.note
        if self._sink is not None:
            self.health.notes["store"] = self._sink.health
        numbers = {
            "ready": ("1 while it answers.", lambda: float(self._listening() == "")),
            "stale_seconds": ("How long the watch has been lost.", self._stale_seconds),
            "requests_running": ("Requests being answered.", lambda: float(self._front.running)),
            "event_streams": ("Open event streams.", lambda: float(self.streams.open)),
            "grpc_streams": ("Open gRPC streams.", lambda: float(self._rpc.streams.open if self._rpc else 0)),
        }
        self.registry.register(Gauges(numbers))
        self.registry.register(Answers(self._front.answers))

    def _listening(self) -> str:
        if self._leaving:
            return "stopping"
        return "" if self._http is not None and self._rpc is not None else "not listening yet"

    def _stale_seconds(self) -> float:
        since = self.catalog.stale_since
        return 0.0 if since is None else max(0.0, time.time() - since)

    def _stale(self) -> str:
        if self.catalog.stale_since is None:
            return ""
        served = "the last known flags are served" if self.catalog.ready else "there is nothing to serve yet"
        return f"lost {self._stale_seconds():.0f} s ago, {served}"


def _identities(client: Client, audience: str) -> Identities:
    return Identities(Reviews(client, audience), Signatures(client, audience))


def _watches(options: ServerOptions, connection: Connection, catalog: FlagCatalog) -> list[Watch]:
    where = options.namespaces or (None,)
    return [Watch(connection, kind, catalog, namespace=one) for kind in WATCHED for one in where]


def _grpc_host(host: str) -> str:
    if not host:
        return "[::]"
    return f"[{host}]" if ":" in host else host


async def _before(stop: asyncio.Event, *works: Coroutine[Any, Any, None]) -> bool:
    """Whether the first of the works ended by itself before any other, and before somebody wanted us to stop."""
    tasks = [asyncio.ensure_future(work) for work in works]
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    first = tasks[0].done() and not stop.is_set()
    for task in (*tasks, waiting):
        task.cancel()
    await asyncio.gather(*tasks, waiting, return_exceptions=True)
    return first
