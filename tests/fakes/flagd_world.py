"""The gRPC servers in this process, with everything behind them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.fakes.flagd_client import FlagdClient
from tests.fakes.flags import FakeCatalog, FakeGate, FakeRecorder, flag
from truststream.api.serverconfiguration import ServerLimits
from truststream.serving.rpc.servers import RpcOptions, RpcPorts, Servers, start

SHOP = "flagSetId=shop"
VALUES: dict[str, Any] = {
    "bool": True,
    "off": False,
    "string": "blue",
    "integer": 42,
    "float": 1.5,
    "whole": 10.0,
    "huge": 2**53,
    "object": {"a": 1, "b": [True, "x", {"c": None}]},
    "wide": {"id": 2**60},
}


@dataclass
class World:
    """A server and what it was given."""

    catalog: FakeCatalog
    gate: FakeGate
    recorder: FakeRecorder
    servers: Servers

    def client(self, **metadata: str) -> FlagdClient:
        """Of the evaluation services."""
        return FlagdClient(self.servers.evaluation_port, metadata)

    def syncing(self, **metadata: str) -> FlagdClient:
        """Of the sync service."""
        return FlagdClient(self.servers.sync_port, metadata)


def options(**fields: Any) -> RpcOptions:
    """The defaults, but for what is given."""
    return replace(RpcOptions(ServerLimits.model_validate({}), keep_alive=30.0), **fields)


@asynccontextmanager
async def serving(how: RpcOptions | None = None) -> AsyncIterator[World]:
    """A namespace `shop` with a flag of every kind of value."""
    catalog, recorder = FakeCatalog(), FakeRecorder()
    gate = FakeGate(tokens={"shop-token": "shop", "bank-token": "bank"}, keys={"key-1": "shop"})
    catalog.put("shop", *(flag(key, value) for key, value in VALUES.items()))
    servers = await start(catalog, gate, recorder, RpcPorts("127.0.0.1", 0, 0), how or options())
    try:
        yield World(catalog, gate, recorder, servers)
    finally:
        await servers.stop(0)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    """Status and sentence of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""
