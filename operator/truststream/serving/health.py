"""/healthz, /readyz and /metrics of the server, on a port of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

Check = Callable[[], str]
"""Empty when all is well, else what is wrong."""


@dataclass(slots=True)
class Health:
    """What to answer; parts are added while the process starts.

    `notes` are told by /readyz and do not make it fail: what is old is served all the same.
    """

    registry: CollectorRegistry
    alive: dict[str, Check] = field(default_factory=dict)
    ready: dict[str, Check] = field(default_factory=dict)
    notes: dict[str, Check] = field(default_factory=dict)

    def app(self) -> Starlette:
        """As an application."""

        async def healthz(_request: Request) -> Response:
            return _answer(self.alive, {})

        async def readyz(_request: Request) -> Response:
            return _answer(self.ready, self.notes)

        async def metrics(_request: Request) -> Response:
            return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])


def _answer(checks: Mapping[str, Check], notes: Mapping[str, Check]) -> Response:
    """A line a part, as kubectl shows for the API server itself."""
    results = {name: check() for name, check in checks.items()}
    lines = [f"[-] {name}: {problem}" if problem else f"[+] {name}" for name, problem in results.items()]
    told = {name: note() for name, note in notes.items()}
    lines += [f"[!] {name}: {note}" if note else f"[+] {name}" for name, note in told.items()]
    return PlainTextResponse("\n".join(lines) + "\n", 503 if any(results.values()) else 200)


class Answers(Collector):
    """How often the HTTP side answered with each status."""

    def __init__(self, by_status: Mapping[int, int]) -> None:
        self._by_status = by_status

    def collect(self) -> Iterator[Metric]:
        """For Prometheus."""
        family = CounterMetricFamily("truststream_server_answers", "HTTP answers by status.", labels=("status",))
        for status, count in sorted(self._by_status.items()):
            family.add_metric((str(status),), count)
        yield family


class Gauges(Collector):
    """Numbers that are read when somebody asks: by name, what they are and how to get them."""

    _PREFIX: Final = "truststream_server_"

    def __init__(self, numbers: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """For Prometheus."""
        for name, (description, read) in self._numbers.items():
            yield GaugeMetricFamily(self._PREFIX + name, description, value=read())
