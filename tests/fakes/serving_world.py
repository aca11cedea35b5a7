"""The HTTP side of the server in this process: the real parts, driven as uvicorn drives them, without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from truststream.api.configuration import Configuration
from truststream.cluster.kinds import FEATURE_FLAG, SEGMENTS
from truststream.cluster.reviews import Identity
from truststream.errors import ClusterError
from truststream.flags.build import build
from truststream.serving.access.gate import ServerGate
from truststream.serving.access.keys import ApiKeys
from truststream.serving.catalog import FlagCatalog
from truststream.serving.http.app import Parts, make_app
from truststream.serving.http.events import EventStreams, ScopeTokens
from truststream.serving.recorder import FlagRecorder, Tallies
from truststream.store.base import Acknowledged, Exposure

EVALUATE = "/ofrep/v1/evaluate/flags"
SHOP = {"flagd-selector": "flagSetId=shop"}


class Clock:
    """Set by hand."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def manifest(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A boolean flag that is off, but for what is given."""
    base = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}", "generation": 1},
        "spec": {**base, **spec},
    }


def segments(name: str, namespace: str = "shop", **data: str) -> dict[str, Any]:
    """A ConfigMap of segments."""
    return {"metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}"}, "data": data}


@dataclass
class FakeReviewer:
    """What the API server knows."""

    tokens: dict[str, Identity] = field(default_factory=dict)
    rights: set[tuple[str, str, str]] = field(default_factory=set)  # user, verb, namespace
    away: ClusterError | None = None
    asked: list[str] = field(default_factory=list)

    async def who(self, token: str) -> Identity | None:
        self.asked.append("who")
        await asyncio.sleep(0)
        if self.away:
            raise self.away
        return self.tokens.get(token)

    async def may(self, who: Identity, verb: str, namespace: str) -> bool:
        self.asked.append(f"may {verb} {namespace}")
        await asyncio.sleep(0)
        if self.away:
            raise self.away
        return (who.user, verb, namespace) in self.rights


def account(namespace: str, name: str = "app") -> Identity:
    """A ServiceAccount."""
    return Identity(f"system:serviceaccount:{namespace}:{name}", groups=("system:serviceaccounts",))


class FakeSink:
    """Takes exposures, as many as it has room for."""

    def __init__(self, room: int = 1000) -> None:
        self.taken: list[Exposure] = []
        self.room = room

    def offer(self, exposure: Exposure) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append(exposure)
        return True

    async def record(self, exposures: Any) -> Acknowledged:
        self.taken += exposures
        return Acknowledged(len(exposures), 0)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class World:
    """Flags of the namespace `shop`, open to anybody; `bank` needs credentials."""

    def __init__(self, *, sink: FakeSink | None = None, keys: ApiKeys | None = None, **server: Any) -> None:
        settings = {"anonymous": ["shop"], **server}
        self.configuration = Configuration.model_validate_json(json.dumps({"server": settings})).server
        self.clock = Clock()
        self.monotonic = Clock(1000.0)
        self.reviews = FakeReviewer(tokens={"shop-token": account("shop"), "bank-token": account("bank")})
        self.catalog = FlagCatalog(build, environment=self.configuration.environment or "", clock=self.clock)
        self.catalog.expect("test")
        self.catalog.held("test")
        self.gate = ServerGate(self.configuration, self.reviews, keys, clock=self.monotonic)
        self.recorder = FlagRecorder(CollectorRegistry(), sink, Tallies(clock=self.clock), scope=self.catalog.counted)
        limit = self.configuration.limits.streams
        self.streams = EventStreams(self.catalog, ScopeTokens(b"k" * 32), limit, clock=self.clock)
        parts = Parts(self.configuration, self.catalog, self.gate, self.recorder, self.streams)
        self.front, self.app = make_app(parts)

    def put(self, *manifests: Mapping[str, Any], kind: str = FEATURE_FLAG) -> None:
        """Flags as a watch would bring them, built at once."""
        for one in manifests:
            self.catalog.apply(kind, {"type": "MODIFIED", "object": one})
        self.catalog.flush()

    def put_segments(self, *maps: Mapping[str, Any]) -> None:
        self.put(*maps, kind=SEGMENTS)

    def remove(self, one: Mapping[str, Any], kind: str = FEATURE_FLAG) -> None:
        self.catalog.apply(kind, {"type": "DELETED", "object": one})
        self.catalog.flush()

    async def post(self, path: str, document: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """JSON, or bytes as they are."""
        body = document if isinstance(document, bytes) else b"" if document is None else orjson.dumps(document)
        return await self.ask("POST", path, body, SHOP if headers is None else headers)

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One request."""
        sent: list[Any] = []
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return messages.pop() if messages else await asyncio.Future[Any]()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(request(method, path, headers or {}), receive, send)
        start, *rest = sent
        given = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], given, b"".join(message.get("body", b"") for message in rest))


def request(method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """ASGI's scope."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("server", 80),
        "client": ("client", 1),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
