"""A server for a worker's tests, and a program of each kind, connected to a namespace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.contract.clients.flagd.flags import flags
from tests.contract.clients.flagd.programs import KINDS, Kind, Program
from tests.contract.clients.flagd.server_process import ServerProcess
from tests.fakes.flagd_client import FlagdClient

UNITS = 1000


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """With the flags of every kind's namespace."""
    running = ServerProcess(tmp_path_factory.mktemp("flagd"))
    for kind in KINDS:
        running.put(namespace(kind), flags())
    running.start()
    try:
        yield running
    finally:
        running.stop()
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def program(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[Program]:
    """Connected to its namespace in the environment `prod`."""
    found = connect(request.param, server)
    try:
        yield found.ready()
    finally:
        found.close()


def connect(kind: Kind, server: ServerProcess) -> Program:
    """Not ready yet."""
    selector = f"flagSetId={namespace(kind)}/prod"
    return Program(kind, evaluation=server.evaluation, sync=server.sync, selector=selector)


def namespace(kind: Kind) -> str:
    """Each has its own, so that changes do not cross."""
    return kind.name.replace(".", "-")


@pytest.fixture(scope="session")
def on_the_server(server: ServerProcess) -> dict[str, list[str]]:
    """Variants of user-0, user-1 and so on, by flag, as the server evaluates them."""
    asked = [f"user-{number}" for number in range(UNITS)]
    return asyncio.run(_variants(server.evaluation, asked))


async def _variants(port: int, units: list[str]) -> dict[str, list[str]]:
    selector = {"flagd-selector": f"flagSetId={namespace(KINDS[0])}/prod"}
    async with FlagdClient(port, selector) as client:

        async def variant(flag: str, unit: str) -> str:
            context = ParseDict({"targetingKey": unit}, Struct())
            answer = await client.call("v2", "ResolveString", flag_key=flag, context=context)
            return str(answer.variant)

        return {
            flag: await asyncio.gather(*(variant(flag, unit) for unit in units)) for flag in ("split-v2", "split-v3")
        }
