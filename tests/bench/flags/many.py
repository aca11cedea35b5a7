"""Ten thousand flags: the server's memory, and what one sync message of them weighs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import grpc

from tests.bench.flags import flags
from tests.bench.flags.server import running, write
from truststream.serving.protocol import sync_pb2

_METHOD = "/flagd.sync.v1.FlagSyncService/FetchAllFlags"
NUMBER = 10_000
SETS = 10
MESSAGE_LIMIT = 4 * 1024 * 1024
"""Of gRPC's clients, unless they are told otherwise."""


def measure() -> dict[str, Any]:
    """MiB with one flag and with 10,000, and of the largest sync message: all in one flag set, and in ten."""
    alone = _with([flags.typical("only", "set-0")], ["set-0"])
    one = _with([flags.typical(f"flag-{number}", "set-0") for number in range(NUMBER)], ["set-0"])
    names = [f"set-{number}" for number in range(SETS)]
    ten = _with([flags.typical(f"flag-{number}", names[number % SETS]) for number in range(NUMBER)], names)
    return {
        "memoryOfOneFlagMiB": alone["memory"],
        "memoryMiB": ten["memory"],
        "kibibytesPerFlag": round(1024 * (ten["memory"] - alone["memory"]) / NUMBER, 2),
        "messageOfOneSetMiB": one["message"],
        "messageOfTenSetsMiB": ten["message"],
        "messageLimitMiB": MESSAGE_LIMIT / 1024**2,
        "oneSetIsWarnedAbout": one["warned"],
        "tenSetsFit": ten["message"] < MESSAGE_LIMIT / 1024**2,
    }


def _with(manifests: list[flags.Manifest], sets: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "flags"
        directory.mkdir()
        write(directory, manifests)
        with running(directory) as server:
            message = max(_message(server.sync, name) for name in sets)
            memory = server.memory
        log = (directory.parent / "flags.log").read_text()
    return {
        "memory": round(memory, 1),
        "message": round(message / 1024**2, 2),
        "warned": any("set-0" in line and "MB" in line for line in log.splitlines()),
    }


def _message(port: int, flag_set: str) -> int:
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        fetch: Any = channel.unary_unary(_METHOD, sync_pb2.FetchAllFlagsRequest.SerializeToString, None)
        asked = sync_pb2.FetchAllFlagsRequest(provider_id="bench")
        return len(fetch(asked, metadata=(("flagd-selector", f"flagSetId={flag_set}"),), timeout=60))
