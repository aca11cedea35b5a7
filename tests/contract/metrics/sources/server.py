"""A local HTTP server in front of a fake source, and what all fakes have in common."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = tuple[int, Mapping[str, str], bytes]
SECRETS = {
    ("keys", "one"): "first-s3cret",
    ("keys", "two"): "second-s3cret",
    ("login", "username"): "reader",
    ("login", "password"): "login-s3cret",
}
_KEY = re.compile(r"(?:hits|errors|depth)_(?:canary|stable)")


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


class Fake(ABC):
    """Numbers put in by hand, answered in the form that the source documents.

    `series[key][name]` are the samples (time, number) of one series; the key stands in the query's text.
    """

    def __init__(self) -> None:
        self.series: dict[str, dict[str, list[tuple[float, Any]]]] = {}
        self.seen: list[Seen] = []
        self.reply: Callable[[Seen], Reply | None] = lambda _seen: None
        self.reject = ""

    def add(self, key: str, time: float, number: Any, name: str = "all") -> None:
        self.series.setdefault(key, {}).setdefault(name, []).append((time, number))

    def respond(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        if chosen := self.reply(seen):
            return chosen
        if not self.allowed(seen):
            return self.refusal()
        return self.rejection(self.reject) if self.reject else self.answer(seen)

    def samples(self, text: str, start: float, end: float) -> dict[str, list[tuple[float, Any]]]:
        """By series: those in [start, end)."""
        found = _KEY.search(text)
        series = self.series.get(found.group(), {}) if found else {}
        return {name: [(t, n) for t, n in points if start <= t < end] for name, points in series.items()}

    def sums(self, text: str, start: float, end: float, length: int) -> dict[str, dict[int, Any]]:
        """By series: what happened in each interval in which anything did."""
        result: dict[str, dict[int, Any]] = {}
        for name, points in self.samples(text, start, end).items():
            found = result.setdefault(name, {})
            for time, number in points:
                begin = int(time // length) * length
                found[begin] = found.get(begin, 0) + number
        return result

    @abstractmethod
    def allowed(self, seen: Seen) -> bool:
        """Whether the credentials are there."""

    def refusal(self) -> Reply:
        return reply(403, {"errors": ["Forbidden"]})

    def rejection(self, text: str) -> Reply:
        return reply(400, {"errors": [text]})

    @abstractmethod
    def answer(self, seen: Seen) -> Reply:
        """The documented answer."""


def reply(status: int, document: object) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


@contextlib.contextmanager
def serve(fake: Fake) -> Iterator[str]:
    """The address of a server in front of `fake`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, answer = fake.respond(Seen(self.command, url.path, query, headers, body))
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # whoever asked may have given up
                self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
