"""Make the parts, join them, run them, and stop them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.client import Client
from truststream.cluster.connection import USER_AGENT, Connection, connect, own_identity, own_namespace
from truststream.cluster.objects import Objects
from truststream.cluster.queue import WorkQueue
from truststream.handlers import kopf_app
from truststream.handlers.desk import Desk
from truststream.handlers.flags import FlagDesk
from truststream.handlers.health import Health
from truststream.handlers.interest import Interests
from truststream.handlers.leader import Leader
from truststream.handlers.reconcile import Reconciler
from truststream.handlers.resource import Parser
from truststream.handlers.settings import Settings, decode_secret
from truststream.handlers.telemetry import Telemetry
from truststream.handlers.usage import Servers
from truststream.handlers.usage_keeper import Pace
from truststream.traffic import PROVIDERS

log = logging.getLogger(__name__)

WORKERS: Final = 64
_FINISH_RUNS: Final = 6.0
_STOP_WATCHES: Final = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """What `truststream run` was asked."""

    config: Path | None = None
    kubeconfig: str | None = None
    user: str | None = None
    namespace: str | None = None
    elect: bool = True
    port: int = 8080
    servers: Servers | None = None  # by default behind the Service that the chart makes
    pace: Pace = field(default_factory=Pace)


async def run(options: Options) -> int:
    """The controller, until a signal or until the lead is lost; the exit code."""
    connection = await connect(options.kubeconfig, options.user)
    namespace = options.namespace or own_namespace()
    log.info("%s at %s as %s", USER_AGENT, connection.server, connection.impersonate or "itself")
    telemetry, stop = Telemetry(), _stop_on_signals()
    async with AsyncExitStack() as closing:
        client, lease_client = Client(connection, telemetry.requested), Client(connection, timeout=3.0)
        settings, health = settings_for(options.config, client, namespace), Health(telemetry)
        for part in (lease_client, client, settings):
            closing.push_async_callback(part.close)
        await settings.start()
        if options.port:
            closing.push_async_callback((await health.serve(options.port)).cleanup)
        leader = Leader(lease_client, namespace, own_identity()) if options.elect else None
        if leader is not None and not await _first(leader.acquire(), stop):
            return 0
        telemetry.leads(True)
        objects = Objects(client, Cache())
        flags = FlagDesk(objects, telemetry, options.servers or Servers(namespace), options.pace)
        controller = Controller(connection, objects, Reconciler(objects, settings, telemetry), flags)
        return await _lead(controller, leader, health, stop)


class Controller:
    """The parts that only the leader runs."""

    def __init__(self, connection: Connection, objects: Objects, reconciler: Reconciler, flags: FlagDesk) -> None:
        self.objects = objects
        self.queue = WorkQueue(reconciler.run, WORKERS)
        self._flags = flags
        canaries = Desk(Interests(objects.cache, Parser(objects)), self.queue)
        self.watches = kopf_app.Watches(objects.cache, (canaries, flags.desk), objects.client)
        objects.on_written = self.watches.wrote
        self._registry, self._settings = kopf_app.build(connection, self.watches, watched_kinds())
        self._stop = asyncio.Event()

    async def run(self, ready: asyncio.Event) -> None:
        """Watch and work until `stop`."""
        self.queue.start()
        self._flags.start(self.watches.filled)
        await kopf_app.watch(self._registry, self._settings, self._stop, ready)

    async def stop(self, task: asyncio.Task[None], *, patience: float) -> None:
        """Let the runs that are under way finish, then end the watches."""
        await asyncio.gather(self.queue.stop(patience), self._flags.stop(patience))
        self._stop.set()
        await asyncio.wait([task], timeout=_STOP_WATCHES)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def watched_kinds() -> tuple[str, ...]:
    """Ours and the providers'."""
    extra = {kind for provider in PROVIDERS.values() for kind in provider.watches}
    return (*kinds.WATCHED, *sorted(extra - set(kinds.WATCHED)))


def settings_for(file: Path | None, client: Client, namespace: str) -> Settings:
    """Settings whose Secrets are those of the operator's namespace."""

    async def read(name: str) -> dict[str, str]:
        return decode_secret(await client.get(kinds.SECRET, namespace, name))

    return Settings(file, read)


async def _lead(controller: Controller, leader: Leader | None, health: Health, stop: asyncio.Event) -> int:
    ready = asyncio.Event()
    work = asyncio.create_task(controller.run(ready), name="controller")
    holding = asyncio.create_task(leader.hold() if leader else asyncio.Event().wait(), name="lease")
    stopping = asyncio.create_task(_stop_wanted(ready, stop), name="signals")
    health.alive["watches"] = lambda: "they ended" if work.done() else ""
    health.ready["cache"] = lambda: "" if controller.watches.synced else "not read yet"
    await asyncio.wait([work, holding, stopping], return_when=asyncio.FIRST_COMPLETED)
    lost = holding.done()
    if lost:
        log.error("the lead is lost; this process ends, so that no two act at a time")
    await controller.stop(work, patience=0.0 if lost else _FINISH_RUNS)
    for task in (holding, stopping):
        task.cancel()
    await asyncio.gather(holding, stopping, return_exceptions=True)
    if leader is not None and not lost:
        await leader.release()
    if not stop.is_set() and not lost:
        log.error("the watches ended", exc_info=None if work.cancelled() else work.exception())
    return 0 if stop.is_set() and not lost else 1


async def _stop_wanted(ready: asyncio.Event, stop: asyncio.Event) -> None:
    """kopf takes the signals for itself when it starts; we take them back, since runs have to finish first."""
    await ready.wait()
    _listen(stop)
    await stop.wait()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    _listen(stop)
    return stop


def _listen(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _first(work: object, stop: asyncio.Event) -> bool:
    """Whether the work was done before somebody wanted us to stop."""
    doing = asyncio.ensure_future(work)  # type: ignore[call-overload]
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in (doing, waiting):
        if not task.done():
            task.cancel()
    await asyncio.gather(doing, waiting, return_exceptions=True)
    return bool(doing.done() and not doing.cancelled() and not stop.is_set())
