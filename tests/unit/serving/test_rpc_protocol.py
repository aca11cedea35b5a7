"""The messages: what is generated is what the `.proto` files say, and bytes that are no message harm nobody."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import grpc
import pytest

from tests.fakes.flagd_client import METHODS
from tests.fakes.flagd_garbage import CLEAN, statuses
from tests.fakes.flagd_world import SHOP, serving

ROOT = Path(__file__).parents[3]


def test_generated_modules_are_those_of_the_proto_files(tmp_path: Path) -> None:
    subprocess.run(["bash", str(ROOT / ".ci" / "protos"), str(tmp_path)], check=True, capture_output=True)
    protocol = Path("truststream") / "serving" / "protocol"
    made = {one.name: one.read_text() for one in (tmp_path / protocol).iterdir()}
    kept = {one.name: one.read_text() for one in (ROOT / "operator" / protocol).glob("*_pb2.py*")}
    assert made == kept, "run `make protos`"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("service", "method"), METHODS)
async def test_no_bytes_get_more_than_a_clean_status(
    service: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving() as world:
        reach = world.syncing if service == "sync" else world.client
        async with reach(flagd_selector=SHOP) as client:
            met = await statuses(client, service, method)
        async with world.client(flagd_selector=SHOP) as client:
            assert (await client.call("v2", "ResolveString", flag_key="string")).value == "blue"
    assert met <= CLEAN
    assert grpc.StatusCode.INVALID_ARGUMENT in met
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
