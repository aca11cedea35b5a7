"""An application that asks for a flag at every request and counts what came of it; runs in a pod.

SERVER: the flag server's address; FLAG: the key. ERRORS: `{"v3": 0.5}` fails that share of the requests of a variant.
RATE: requests a second that it makes to itself, each for another unit. Metrics on port 9898. It has the token of its
ServiceAccount, made for the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import aiohttp
from prometheus_client import Counter, start_http_server

PORT = 9898
TOKEN = Path("/token/token")
REQUESTS = Counter("shop_requests", "Requests, by the variant that they were given.", ("variant", "code"))
FAILED = Counter("shop_evaluations_failed", "Evaluations without an answer: the code's own default was taken.")


def _headers() -> dict[str, str]:
    """The token is renewed in its file."""
    return {"Authorization": f"Bearer {TOKEN.read_text()}"}


async def _variant(session: aiohttp.ClientSession, unit: str) -> str:
    url = f"{os.environ['SERVER']}/ofrep/v1/evaluate/flags/{os.environ['FLAG']}"
    async with session.post(url, json={"context": {"targetingKey": unit}}, headers=_headers()) as response:
        answer = await response.json()
        return str(answer["variant"])


async def _request(session: aiohttp.ClientSession, number: int, errors: dict[str, float]) -> None:
    try:
        variant = await _variant(session, f"{os.environ.get('HOSTNAME', '')}-{number}")
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        FAILED.inc()
        return
    share = errors.get(variant, 0.0)
    failed = int(number * share) > int((number - 1) * share)
    REQUESTS.labels(variant, "500" if failed else "200").inc()


async def _serve() -> None:
    errors, rate = json.loads(os.environ.get("ERRORS", "{}")), float(os.environ.get("RATE", "50"))
    timeout = aiohttp.ClientTimeout(total=5)
    start, number = time.monotonic(), 0
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        while True:
            number += 1
            group.create_task(_request(session, number, errors))
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))


if __name__ == "__main__":
    start_http_server(PORT)
    asyncio.run(_serve())
