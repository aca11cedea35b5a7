"""python -m tests.load URL --rate 100 --seconds 30: one line of JSON an answer; SIGTERM and SIGINT end it early."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from . import client, target
from .answer import Answer


def _plan() -> client.Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--host", default="", help="Host header")
    parser.add_argument("--rate", type=float, default=100, help="requests a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="for how long at most (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=100_000, help="how many at most (default: %(default)s)")
    parser.add_argument("--no-keep-alive", action="store_true", help="a new connection for every request")
    given = parser.parse_args()
    return client.Plan(
        url=given.url,
        host=given.host,
        rate=given.rate,
        seconds=given.seconds,
        requests=given.requests,
        keep_alive=not given.no_keep_alive,
    )


def _emit(answer: Answer) -> None:
    sys.stdout.write(answer.line() + "\n")
    sys.stdout.flush()


async def _run(plan: client.Plan) -> None:
    work = asyncio.ensure_future(client.run(plan, _emit))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


def main() -> int:
    """0 when the plan was carried out or ended early; 2 for a target that is refused."""
    try:
        asyncio.run(_run(_plan()))
    except target.TargetRefused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
