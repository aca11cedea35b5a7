"""The messages: what is generated is what the `.proto` files say, and bytes that are no message harm nobody."""

from __future__ import annotations

import logging
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.fakes.flagd_client import METHODS, FlagdClient
from tests.fakes.flagd_world import SHOP, serving
from truststream.serving.protocol.evaluation_v2_pb2 import ResolveObjectRequest
from truststream.serving.protocol.sync_pb2 import SyncFlagsRequest

CLEAN = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
ROOT = Path(__file__).parents[3]
DEEP = {"targetingKey": "u", "n": [1.5, None, {"deep": [[[["x"] * 3]]]}], "é": {"a": {"b": {"c": True}}}}


def test_generated_modules_are_those_of_the_proto_files(tmp_path: Path) -> None:
    subprocess.run(["bash", str(ROOT / ".ci" / "protos"), str(tmp_path)], check=True, capture_output=True)
    protocol = Path("truststream") / "serving" / "protocol"
    made = {one.name: one.read_text() for one in (tmp_path / protocol).iterdir()}
    kept = {one.name: one.read_text() for one in (ROOT / "operator" / protocol).glob("*_pb2.py*")}
    assert made == kept, "run `make protos`"


def garbage(draw: random.Random) -> Iterator[bytes]:
    """Random bytes, and sound messages with a few bytes changed, cut off, repeated or nested too deep."""
    context = ParseDict(DEEP, Struct())
    sound = [
        ResolveObjectRequest(flag_key="object", context=context).SerializeToString(),
        SyncFlagsRequest(provider_id="p" * 50, selector=SHOP).SerializeToString(),
        b"",
    ]
    yield from sound
    yield b"\x12" + b"\xff" * 8 + b"\x01"  # a length beyond everything
    yield b"\x0b" * 5000  # groups in groups
    for _ in range(40):
        yield draw.randbytes(draw.randrange(64))
        changed = bytearray(draw.choice(sound[:2]))
        for _ in range(draw.randrange(1, 4)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        yield bytes(changed)
        yield bytes(changed[: draw.randrange(len(changed))]) + bytes(changed[draw.randrange(len(changed)) :])


async def status(client: FlagdClient, service: str, method: str, data: bytes) -> grpc.StatusCode:
    try:
        await client.raw(service, method, data)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("service", "method"), METHODS)
async def test_no_bytes_get_more_than_a_clean_status(
    service: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving() as world:
        reach = world.syncing if service == "sync" else world.client
        async with reach(flagd_selector=SHOP) as client:
            met = {await status(client, service, method, data) for data in garbage(random.Random(f"{service}{method}"))}
        async with world.client(flagd_selector=SHOP) as client:
            assert (await client.call("v2", "ResolveString", flag_key="string")).value == "blue"
    assert met <= CLEAN
    assert grpc.StatusCode.INVALID_ARGUMENT in met
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
