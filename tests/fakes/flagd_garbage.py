"""Bytes that are no message, or nearly one, for every method of flagd's services."""

from __future__ import annotations

import random
from collections.abc import Iterator

import grpc
import grpc.aio
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.fakes.flagd_client import FlagdClient
from tests.fakes.flagd_world import SHOP
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
_DEEP = {"targetingKey": "u", "n": [1.5, None, {"deep": [[[["x"] * 3]]]}], "é": {"a": {"b": {"c": True}}}}


def garbage(draw: random.Random) -> Iterator[bytes]:
    """Random bytes, and sound messages with a few bytes changed, cut off, repeated or nested too deep."""
    context = ParseDict(_DEEP, Struct())
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


async def _status(client: FlagdClient, service: str, method: str, data: bytes) -> grpc.StatusCode:
    try:
        await client.raw(service, method, data)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def statuses(client: FlagdClient, service: str, method: str) -> set[grpc.StatusCode]:
    """All that a method answered to its share of garbage; the same bytes in every run."""
    draw = random.Random(f"{service}{method}")
    return {await _status(client, service, method, data) for data in garbage(draw)}
