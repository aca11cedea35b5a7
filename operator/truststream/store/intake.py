"""What the server gives exposures to: on disk before it says yes, in the database soon after."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from truststream.errors import ConfigurationError, StoreError
from truststream.store.base import Acknowledged, Exposure, Store, Unfit
from truststream.store.codec import decode, encode, identity
from truststream.store.committer import Committer
from truststream.store.drain import Drain
from truststream.store.frames import Kind
from truststream.store.spool import Spool
from truststream.store.telemetry import StoreTelemetry

_LOG: Final = logging.getLogger(__name__)
_REMEMBERED: Final = 65_536
_EVERY: Final = 3600.0  # seconds between looks for what is too old
_AT_ONCE: Final = 5000
_REST: Final = 0.2


class SpooledIntake:
    """Implements `store.base.Intake`.

    Args:
        address: gives the database's URL; asked again while the database does not answer, for passwords change.
        open_store: makes a store of a URL.
    """

    def __init__(
        self,
        spool: Spool,
        address: Callable[[], str],
        open_store: Callable[[str], Store],
        *,
        retention: float,
        telemetry: StoreTelemetry,
    ) -> None:
        self._spool = spool
        self._address = address
        self._open_store = open_store
        self._url = address()
        self._store = open_store(self._url)
        self._retention = retention
        self._telemetry = telemetry
        self._drain = Drain(spool, {Kind.EXPOSURE: self._take}, self._ready, telemetry.counted)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committer = Committer(spool, self._written, lambda lost: telemetry.counted("dropped", lost))
        self._known = OrderedDict[bytes, None]()
        self._tasks = list[asyncio.Task[None]]()
        self._refusing = False

    @property
    def retention(self) -> float:
        """See Intake."""
        return self._retention

    @property
    def waiting(self) -> int:
        """See Intake."""
        return self._spool.waiting

    async def start(self) -> None:
        """See Intake."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._spool.open)
        self._telemetry.watch(self._spool)
        self._committer.start()
        self._tasks = [asyncio.create_task(self._drain.run()), asyncio.create_task(self._forget())]

    async def stop(self, grace: float = 5.0) -> None:
        """See Intake."""
        await asyncio.to_thread(self._committer.stop)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(grace):
                await self._drain.empty()
        except TimeoutError:
            _LOG.warning("the database takes longer than %g s", grace)
        if self._spool.waiting:
            _LOG.warning("%d records stay in the spool for the next server", self._spool.waiting)
        await self._store.close()
        await asyncio.to_thread(self._spool.close)

    def offer(self, exposure: Exposure) -> bool:
        """See ExposureSink; one that no database could hold is refused too."""
        try:
            taken = self._committer.offer(encode(exposure))
        except Unfit as unfit:
            self._telemetry.counted("refused", 1)
            _LOG.debug("%s", unfit)
            return False
        self._refusing = not taken
        if not taken:
            self._telemetry.counted("dropped", 1)
        return taken

    async def record(self, exposures: Sequence[Exposure]) -> Acknowledged:
        """See ExposureSink.

        Raises:
            Unfit: no database could hold one of them; none was taken.
            StoreError: the spool cannot be written.
        """
        new = dict[bytes, bytes]()
        for exposure in exposures:
            key = identity(exposure)
            if key in self._known:
                self._known.move_to_end(key)
            elif key not in new:
                new[key] = encode(exposure)
        if new:
            await asyncio.wrap_future(self._committer.submit(list(new.values())))
            self._remember(new)
        return Acknowledged(len(new), len(exposures) - len(new))

    def health(self) -> str:
        """See Intake."""
        if self._committer.problem:
            return f"exposures cannot be written to the spool: {self._committer.problem}"
        if self._refusing:
            return f"the spool is full ({self._spool.limit} bytes): exposures of evaluations are dropped"
        if self._drain.problem:
            return f"{self._spool.waiting} records wait in the spool: {self._drain.problem}"
        return ""

    async def count_exposures(self, namespace: str, flag: str) -> dict[str, int]:
        """See Intake."""
        return await self._store.count_exposures(namespace, flag)

    def _remember(self, keys: Sequence[bytes] | dict[bytes, bytes]) -> None:
        """Those that are durable: only of them may a repetition be called a duplicate."""
        for key in keys:
            self._known[key] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _written(self) -> None:
        """Called in the committer's thread."""
        assert self._loop is not None, "start() comes first"
        self._loop.call_soon_threadsafe(self._drain.wake)

    async def _ready(self) -> None:
        """The database answers and has our schema; a URL that changed is taken over."""
        url = await asyncio.to_thread(self._read_address)
        if url != self._url:
            before, self._url, self._store = self._store, url, self._open_store(url)
            await before.close()
        await self._store.migrate()

    def _read_address(self) -> str:
        try:
            return self._address()
        except ConfigurationError as error:
            raise StoreError(str(error)) from error

    async def _take(self, payloads: Sequence[bytes]) -> int:
        return await self._store.add_exposures([decode(payload) for payload in payloads])

    async def _forget(self) -> None:
        """What is older than the retention goes, in portions that nobody notices."""
        while True:
            try:
                gone = await self._store.forget(time.time() - self._retention, limit=_AT_ONCE)
            except StoreError as error:
                _LOG.debug("old exposures are not deleted yet: %s", error)
                gone = 0
            except Exception:  # noqa: BLE001 - one that nobody foresaw must not end this in silence
                _LOG.exception("old exposures are not deleted yet")
                gone = 0
            await asyncio.sleep(_REST if gone == _AT_ONCE else _EVERY)


def address_of(url: str | None, url_file: str | None) -> Callable[[], str]:
    """Where the URL comes from: it may stand in a file, which may change."""
    if url is not None:
        return lambda: url

    def read() -> str:
        path = Path(str(url_file))
        try:
            text = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"server.store.urlFile: {path} cannot be read: {error}") from None
        if not text:
            raise ConfigurationError(f"server.store.urlFile: {path} is empty; it must hold the database's URL")
        return text

    return read
