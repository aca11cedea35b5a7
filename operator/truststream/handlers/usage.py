"""Asking the servers what they counted: every ready endpoint of their Service, by what the cache knows of it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.errors import InputError, ServingError, TrustStreamError
from truststream.flags.life.usage import Report, report_of
from truststream.handlers.usage_keeper import Pace, UsageKeeper

log = logging.getLogger(__name__)

PATH: Final = "/v1/usage"
PORT: Final = 8016
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0, sock_connect=3.0)
_LARGEST: Final = 64 << 20

TOKEN: Final = Path("/var/run/secrets/truststream/server/token")
"""Where the chart has the kubelet keep a token for the servers' audience."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are: behind a Service, or at URLs that stand for it.

    `token` holds what they know us by, read anew each time; `authority` signed their certificates, if not a public one.
    """

    namespace: str
    service: str = "truststream-server"
    urls: tuple[str, ...] = ()
    token: Path = TOKEN
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """One server. `ready`: what it does not tell is missing; one that ends may be gone already."""

    url: str
    ready: bool = True


class UsageReader:
    """Asks in turns. Without a server nothing happens at all."""

    def __init__(self, cache: Cache, keeper: UsageKeeper, servers: Servers, told: Callable[[str], None]) -> None:
        self._cache = cache
        self._keeper = keeper
        self._servers = servers
        self._told = told
        self._failing: set[str] = set()

    async def run(self, pace: Pace, first: Callable[[], None]) -> None:
        """Ask every so often, for ever; `first` is called once when all servers were heard for the first time."""
        said = ""
        while True:
            try:
                if await self.ask():
                    first()
                said = ""
            except TrustStreamError as error:
                if str(error) != said:
                    log.warning("the servers were not asked what they counted: %s", error)
                said = str(error)
            except Exception:
                log.exception("the servers were not asked what they counted")
            await asyncio.sleep(pace.ask)

    async def ask(self) -> bool:
        """Once; whether all servers were heard for the first time."""
        addresses = list(self._addresses())
        if not addresses:
            return False
        headers = {"Authorization": f"Bearer {self._token()}"}
        connector = aiohttp.TCPConnector(ssl=self._trusted())
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers, connector=connector) as session:
            answers = await asyncio.gather(*(self._one(session, one) for one in addresses))
        complete = all(report is not None for report, one in zip(answers, addresses, strict=True) if one.ready)
        return self._keeper.absorb([one for one in answers if one is not None], complete=complete)

    def _token(self) -> str:
        file = self._servers.token
        try:
            return file.read_text().strip()
        except OSError as error:
            raise ServingError(
                f"no token for the servers: {file}: {error.strerror}; mount one of audience truststream, as the chart "
                "does, or name another file with --server-token"
            ) from None

    def _trusted(self) -> ssl.SSLContext | bool:
        """Whom to believe; read anew each time, for authorities are changed too."""
        file = self._servers.authority
        if file is None:
            return True
        try:
            return ssl.create_default_context(cafile=file)
        except (OSError, ssl.SSLError) as error:
            raise ServingError(f"{file}: {error}; name a PEM file of authorities with --server-ca") from None

    async def _one(self, session: aiohttp.ClientSession, address: Address) -> Report | None:
        try:
            report = await self._fetch(session, address.url)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, InputError, ServingError) as error:
            self._told("failed")
            if address.ready and address.url not in self._failing:
                self._failing.add(address.url)
                log.warning("%s did not tell what it counted: %s", address.url, error or type(error).__name__)
            return None
        self._told("ok")
        self._failing.discard(address.url)
        return report

    async def _fetch(self, session: aiohttp.ClientSession, url: str) -> Report:
        # Pods are asked by address; the certificate names the Service.
        name = f"{self._servers.service}.{self._servers.namespace}.svc" if url.startswith("https:") else None
        async with session.get(url + PATH, allow_redirects=False, server_hostname=name) as answer:
            body = b"".join([chunk async for chunk in _bounded(answer)])
            if answer.status != 200:
                raise ServingError(f"HTTP {answer.status}: {body[:200].decode(errors='replace')}")
        return report_of(orjson.loads(body))

    def _addresses(self) -> Iterator[Address]:
        if self._servers.urls:
            yield from (Address(url.rstrip("/")) for url in self._servers.urls)
            return
        slices = self._cache.indexed(kinds.ENDPOINT_SLICE, self._servers.namespace, self._servers.service)
        found: dict[str, bool] = {}
        for one in slices:
            for address in addresses_of(one):
                found[address.url] = found.get(address.url, False) or address.ready
        yield from (Address(url, ready) for url, ready in sorted(found.items()))


async def _bounded(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    read = 0
    async for chunk in answer.content.iter_any():
        read += len(chunk)
        if read > _LARGEST:
            raise ServingError(f"its answer is larger than {_LARGEST} bytes")
        yield chunk


def addresses_of(endpoint_slice: Mapping[str, Any]) -> Iterator[Address]:
    """The servers of an EndpointSlice, those included that end and still answer."""
    port = next((one for one in endpoint_slice.get("ports") or () if one.get("port") == PORT), None)
    if port is None:
        return
    scheme = "https" if "https" in str(port.get("appProtocol") or "") else "http"
    for endpoint in endpoint_slice.get("endpoints") or ():
        state = endpoint.get("conditions") or {}
        ready = state.get("ready") is not False
        if ready or state.get("serving") is True:
            for host in (endpoint.get("addresses") or ())[:1]:
                yield Address(f"{scheme}://[{host}]:{PORT}" if ":" in host else f"{scheme}://{host}:{PORT}", ready)
