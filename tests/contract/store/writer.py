"""A process that records exposures until it is killed, and says on standard output which ones were acknowledged.

usage: python -m tests.contract.store.writer URL SPOOL NAME [FILE-BYTES]
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import sys
from pathlib import Path

from tests.contract.store.world import configuration, exposure
from truststream.errors import StoreFull
from truststream.store import open_sink

BATCH = 10


async def main(url: str, spool: Path, name: str) -> None:
    sink = open_sink(configuration(url, spool))
    await sink.start()
    print("ready", flush=True)
    for number in itertools.count():
        batch = [exposure(f"{name}-{number}-{row}") for row in range(BATCH)]
        try:
            await sink.record(batch)
        except StoreFull as full:
            print(f"full {full}", flush=True)
            await asyncio.sleep(0.1)
            continue
        print(f"kept {number}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
