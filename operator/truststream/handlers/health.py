"""/healthz, /readyz and /metrics on one small server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from truststream.handlers.telemetry import Telemetry

Check = Callable[[], str]
"""Empty when all is well, else what is wrong."""


@dataclass(slots=True)
class Health:
    """What to answer; parts are added while the process starts."""

    telemetry: Telemetry
    alive: dict[str, Check] = field(default_factory=dict)
    ready: dict[str, Check] = field(default_factory=dict)

    async def serve(self, port: int) -> web.AppRunner:
        """Start; the caller calls `cleanup` on what it gets."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", lambda _request: _answer(self.alive)),
                web.get("/readyz", lambda _request: _answer(self.ready)),
                web.get("/metrics", self._metrics),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host=None, port=port).start()
        return runner

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.telemetry.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _answer(checks: Mapping[str, Check]) -> web.Response:
    """A line a part, as kubectl shows for the API server itself."""
    results = {name: check() for name, check in checks.items()}
    lines = [f"[-] {name}: {problem}" if problem else f"[+] {name}" for name, problem in results.items()]
    return web.Response(text="\n".join(lines) + "\n", status=503 if any(results.values()) else 200)
