"""Servers as the controller sees them: what `GET /v1/usage` answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Servers:
    """One process; `counts` is by namespace and key."""

    url: str = ""
    token: str = "a-token-of-audience-truststream"
    process: str = "p1"
    started: float = field(default_factory=time.time)
    counts: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    without_unit: int = 0
    asked: int = 0

    def use(self, namespace: str, flag: str, variant: str, times: int) -> None:
        """So many evaluations gave it."""
        counts = self.counts.setdefault((namespace, flag), {})
        counts[variant] = counts.get(variant, 0) + times

    def restart(self, process: str) -> None:
        """It forgets what it counted."""
        self.process, self.started, self.counts = process, time.time(), {}

    def answer(self) -> dict[str, Any]:
        """The document."""
        now = time.time()
        flags = [
            {
                "namespace": namespace,
                "flag": flag,
                "variants": {name: {"evaluations": count, "lastUsed": now} for name, count in variants.items()},
                "withoutUnit": self.without_unit,
            }
            for (namespace, flag), variants in self.counts.items()
        ]
        return {"process": self.process, "started": self.started, "flags": flags, "synced": []}

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Servers]:
        """On a port of its own."""
        made = cls()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                allowed = self.headers.get("Authorization") == f"Bearer {made.token}" and self.path == "/v1/usage"
                body = json.dumps(made.answer() if allowed else {"error": "no"}).encode()
                made.asked += allowed
                self.send_response(200 if allowed else 403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library calls it
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
