"""One operator acts at a time: a Lease, renewed while we live, given back when we stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from truststream.cluster import kinds
from truststream.cluster.client import Client
from truststream.errors import ClusterError, Conflict, Missing

log = logging.getLogger(__name__)

DURATION: Final = 12  # a standby takes over after this and one retry: under 15 s
NAME: Final = "truststream"
RENEW: Final = 4.0
RETRY: Final = 2.0
GIVE_UP: Final = 8.0
"""Without a renewal for so long we stop, well before a standby may begin."""


class Time:
    """The clock, and waiting by it."""

    def now(self) -> float:
        """Seconds; never set back."""
        return monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others work."""
        await asyncio.sleep(seconds)


class Leader:
    """Times are our own clock's: a Lease is expired when it did not change for its duration while we watched."""

    def __init__(self, client: Client, namespace: str, identity: str, time: Time | None = None) -> None:
        self._client = client
        self._namespace = namespace
        self._time = time or Time()
        self._me = identity
        self._lease: dict[str, Any] = {}
        self._changed_at = 0.0

    async def acquire(self) -> None:
        """Wait until we lead."""
        told = ""
        while not await self._try():
            holder = str((self._lease.get("spec") or {}).get("holderIdentity", ""))
            if holder != told:
                log.info("standing by: %s leads", holder or "nobody")
                told = holder
            await self._time.sleep(RETRY)
        log.info("leading as %s", self._me)

    async def hold(self) -> None:
        """Renew; comes back only when the lead is lost."""
        renewed = self._time.now()
        while self._time.now() - renewed < GIVE_UP:
            await self._time.sleep(RENEW if renewed > self._time.now() - RENEW else RETRY)
            try:
                await self._write()
                renewed = self._time.now()
            except Conflict:
                if await self._taken():
                    break
            except ClusterError as error:
                log.warning("the lease was not renewed: %s", error)

    async def release(self) -> None:
        """Let a standby begin at once."""
        try:
            await self._patch({"holderIdentity": "", "leaseDurationSeconds": 1})
        except ClusterError as error:
            log.warning("the lease was not given back: %s", error)

    async def _try(self) -> bool:
        try:
            if not await self._read():
                return await self._create()
            if not self._free():
                return False
            await self._write(taking=True)
        except Conflict:
            return False
        except ClusterError as error:
            log.warning("the lease cannot be had: %s", error)
            return False
        return True

    async def _read(self) -> bool:
        try:
            found = await self._client.get(kinds.LEASE, self._namespace, NAME)
        except Missing:
            return False
        if _version(found) != _version(self._lease):
            self._changed_at = self._time.now()
        self._lease = found
        return True

    def _free(self) -> bool:
        spec = self._lease.get("spec") or {}
        if spec.get("holderIdentity", "") in ("", self._me):
            return True
        return self._time.now() - self._changed_at > float(spec.get("leaseDurationSeconds", DURATION))

    async def _taken(self) -> bool:
        """Whether a conflict means that somebody else leads."""
        try:
            await self._read()
        except ClusterError:
            return False
        return (self._lease.get("spec") or {}).get("holderIdentity") != self._me

    async def _create(self) -> bool:
        metadata = {"name": NAME, "namespace": self._namespace}
        self._lease = await self._client.create(kinds.LEASE, {"metadata": metadata, "spec": self._spec(taking=True)})
        return True

    async def _write(self, *, taking: bool = False) -> None:
        await self._patch(self._spec(taking=taking))

    async def _patch(self, spec: Mapping[str, Any]) -> None:
        """Only on the version that we know: two that try at once cannot both succeed."""
        patch = {"metadata": {"resourceVersion": _version(self._lease)}, "spec": dict(spec)}
        self._lease = await self._client.merge_patch(kinds.LEASE, self._namespace, NAME, patch)

    def _spec(self, *, taking: bool) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: dict[str, Any] = {"holderIdentity": self._me, "leaseDurationSeconds": DURATION, "renewTime": now}
        if taking:
            before = int((self._lease.get("spec") or {}).get("leaseTransitions", 0))
            spec |= {"acquireTime": now, "leaseTransitions": before + 1}
        return spec


def _version(lease: Mapping[str, Any]) -> str:
    return str((lease.get("metadata") or {}).get("resourceVersion", ""))
