"""An application whose errors follow a rule that is known exactly; runs in a pod, on the standard library alone.

VERSION: what it calls itself. ERROR_RATE: 0.1 fails every tenth request, exactly. BURSTS: `0.25 0.1 0.5` fails half of
the requests in a tenth of the quarters of a second, the same quarters in every pod, since the clock draws them.
DEPENDENCY: `host:port` to which every request connects; one that cannot fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import time

PORT = 9898
_PATIENCE = 1.0


class Errors:
    """Which requests fail."""

    def __init__(self, rate: float, bursts: tuple[float, ...]) -> None:
        self._rate, self._bursts = rate, bursts
        self._asked = 0

    def next(self) -> bool:
        """Whether this one does."""
        self._asked += 1
        exact = int(self._asked * self._rate + 1e-9) > int((self._asked - 1) * self._rate + 1e-9)
        return exact or self._in_burst()

    def _in_burst(self) -> bool:
        if not self._bursts:
            return False
        slot, share, within = self._bursts
        drawn = random.Random(f"burst {int(time.time() / slot)}").random() < share
        return drawn and random.random() < within


class Application:
    """Answers every path; /readyz is always well."""

    def __init__(self) -> None:
        bursts = tuple(float(part) for part in os.environ.get("BURSTS", "").split())
        self._errors = Errors(float(os.environ.get("ERROR_RATE", "0")), bursts)
        self._dependency = os.environ.get("DEPENDENCY", "")
        said = {"message": os.environ.get("VERSION", ""), "hostname": os.environ.get("HOSTNAME", "")}
        self._body = json.dumps(said).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as long as the other side keeps it."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                well = head.startswith(b"GET /readyz ") or await self._works()
                status = b"200 OK" if well else b"500 Internal Server Error"
                length = str(len(self._body)).encode()
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: " + length + b"\r\n\r\n" + self._body)
                await writer.drain()
        writer.close()

    async def _works(self) -> bool:
        if self._errors.next():
            return False
        return not self._dependency or await self._reached()

    async def _reached(self) -> bool:
        host, port = self._dependency.split(":")
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), _PATIENCE)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True


async def main() -> None:
    """Until SIGTERM, which the first process of a container has to take itself."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with await asyncio.start_server(Application().serve, "0.0.0.0", PORT):
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
