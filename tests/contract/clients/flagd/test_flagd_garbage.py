"""Bytes that are no message, sent to every method of the real server: clean statuses, and it answers afterwards."""

from __future__ import annotations

import asyncio

import grpc

from tests.contract.clients.flagd.conftest import namespace
from tests.contract.clients.flagd.programs import KINDS
from tests.contract.clients.flagd.server_process import ServerProcess
from tests.fakes.flagd_client import METHODS, FlagdClient
from tests.fakes.flagd_garbage import CLEAN, statuses


async def _all(server: ServerProcess) -> dict[tuple[str, str], set[grpc.StatusCode]]:
    selector = {"flagd-selector": f"flagSetId={namespace(KINDS[0])}"}
    async with FlagdClient(server.evaluation, selector) as evaluation, FlagdClient(server.sync, selector) as sync:
        met = {
            (service, method): await statuses(sync if service == "sync" else evaluation, service, method)
            for service, method in METHODS
        }
        assert (await evaluation.call("v2", "ResolveInt", flag_key="integer")).value == 42
        assert '"integer"' in (await sync.call("sync", "FetchAllFlags")).flag_configuration
    return met


def test_every_method_bears_any_bytes(server: ServerProcess) -> None:
    met = asyncio.run(_all(server))
    assert {name: codes - CLEAN for name, codes in met.items()} == {name: set() for name in METHODS}
    assert all(grpc.StatusCode.INVALID_ARGUMENT in codes for codes in met.values())
    assert "Traceback" not in server.log()
