"""A small HTTP server that speaks as much of Prometheus' API as the contract uses, in a time of its own."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import promql_parser

Key = tuple[tuple[str, str], ...]
Reply = tuple[int, Mapping[str, str], bytes]
_LOOKBACK = 300.0


class FakePrometheus:
    """Samples put in by hand; `reply` answers instead when it is set."""

    def __init__(self) -> None:
        self.samples: dict[Key, list[tuple[float, float]]] = {}
        self.queries: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.reply: Callable[[str], Reply | None] = lambda _query: None
        self.warnings: list[str] = []
        self.infos: list[str] = []
        self.ahead = 0.0  # seconds of its clock

    def add(self, labels: Mapping[str, str], time: float, value: float) -> None:
        self.samples.setdefault(tuple(sorted(labels.items())), []).append((time, value))

    def answer(self, query: str, at: float) -> Reply:
        self.queries.append(query)
        if chosen := self.reply(query):
            return chosen
        try:
            expression = promql_parser.parse(query)
        except ValueError as error:
            return _json(400, {"status": "error", "errorType": "bad_data", "error": str(error)})
        return _json(200, {"status": "success", "data": self._data(expression, at), **self._remarks()})

    def _remarks(self) -> dict[str, list[str]]:
        remarks = {"warnings": self.warnings, "infos": self.infos}
        return {name: texts for name, texts in remarks.items() if texts}

    def _data(self, expression: Any, at: float) -> dict[str, Any]:
        if isinstance(expression, promql_parser.MatrixSelector):
            width = expression.range.total_seconds()
            found = self._select(expression.vector_selector, at - width, at)
            return {"resultType": "matrix", "result": [{"metric": m, "values": v} for m, v in found]}
        if isinstance(expression, promql_parser.VectorSelector):
            found = self._select(expression, at - _LOOKBACK, at)
            return {"resultType": "vector", "result": [{"metric": m, "value": v[-1]} for m, v in found]}
        return {"resultType": "vector", "result": [{"metric": {}, "value": [at, "1"]}]}

    def _select(self, selector: Any, after: float, until: float) -> Iterator[tuple[dict[str, str], list[list[Any]]]]:
        wanted = [(one.name, str(one.op), one.value) for one in selector.matchers.matchers]
        if selector.name:
            wanted.append(("__name__", "MatchOp.Equal", selector.name))
        for key, samples in self.samples.items():
            labels = dict(key)
            values = [
                [time, repr(value).replace("nan", "NaN").replace("inf", "+Inf")]
                for time, value in samples
                if after < time <= until
            ]
            if values and all(_matches(op, value, labels.get(name, "")) for name, op, value in wanted):
                yield labels, values


def _matches(op: str, wanted: str, value: str) -> bool:
    if op in ("MatchOp.Equal", "MatchOp.NotEqual"):
        return (value == wanted) is (op == "MatchOp.Equal")
    return (re.fullmatch(wanted, value, re.DOTALL) is not None) is (op == "MatchOp.Re")


def _json(status: int, body: object) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def error(status: int, kind: str = "", text: str = "") -> Callable[[str], Reply]:
    """Every query fails so; without a kind the body is no JSON."""
    if not kind:
        return lambda _query: (status, {}, b"<html>sorry</html>")
    return lambda _query: _json(status, {"status": "error", "errorType": kind, "error": text})


@contextlib.contextmanager
def serve(fake: FakePrometheus) -> Iterator[str]:
    """The address of a server in front of `fake`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            fake.headers.append(dict(self.headers))
            status, headers, body = fake.answer(form["query"][0], float(form.get("time", ["0"])[0]))
            self.send_response_only(status)
            now = self.date_time_string(time.time() + fake.ahead)
            for name, value in {"Date": now, **headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

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
