"""OFREP over loopback: single evaluations at a given pace and flat out, bulk answers, memory."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.flags import flags, wire
from tests.bench.flags.server import Server, running, write

RATE, SECONDS, UNITS, FLAGS = 2000.0, 20.0, 500, 100
_SINGLE = "/ofrep/v1/evaluate/flags/typical"
_BULK = "/ofrep/v1/evaluate/flags"
_SCOPE = {"Flagd-Selector": "flagSetId=bench"}
_SMALL = {"Flagd-Selector": "flagSetId=hundred"}


def measure() -> dict[str, Any]:
    """Milliseconds, answers a second, MiB; the server has one core and the client the other."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "flags"
        directory.mkdir()
        many = [flags.typical(f"flag-{number}", "hundred") for number in range(FLAGS)]
        write(directory, [flags.typical("typical"), *many])
        with running(directory, core=_last_core()) as server:
            return asyncio.run(_all(server))


def _last_core() -> int | None:
    """With one core there is nothing to part."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1] if len(cores) > 1 else None


async def _all(server: Server) -> dict[str, Any]:
    single = [wire.request(_SINGLE, _body(number), _SCOPE) for number in range(UNITS)]
    bulk = [wire.request(_BULK, _body(number), _SMALL) for number in range(UNITS)]
    await _ask(server, single, rate=RATE, seconds=2)  # caches, connections
    return {
        "singleAt2000": _row(await _ask(server, single, rate=RATE, seconds=SECONDS)),
        "singleFlatOut": _row(await _ask(server, single, rate=0, seconds=5)),
        "bulkOf100FlatOut": _row(await _ask(server, bulk, rate=0, seconds=5)),
        "memoryMiB": round(server.memory, 1),
    }


async def _ask(server: Server, requests: Sequence[bytes], *, rate: float, seconds: float) -> wire.Latencies:
    return await wire.open_loop("127.0.0.1", server.http, requests, rate=rate, seconds=seconds)


def _body(number: int) -> bytes:
    return json.dumps({"context": flags.context(number)}).encode()


def _row(found: wire.Latencies) -> dict[str, float]:
    return {
        "perSecond": round(found.per_second, 1),
        "p50Milliseconds": round(1000 * found.quantile(0.5), 3),
        "p99Milliseconds": round(1000 * found.quantile(0.99), 3),
        "failed": found.failed,
    }
