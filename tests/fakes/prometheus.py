"""A Prometheus whose counters grow as a test says: so many requests a second, so many of them bad, by Service."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.contract.metrics.fake import FakePrometheus, Key, Reply, error, serve

SCRAPE = 1.0
_KEPT = 180.0


@dataclass
class _Arm:
    """What one Service answers; the past stays when the rate changes."""

    since: float
    requests: float = 0.0
    bad: float = 0.0
    rate: float = 0.0
    bad_part: float = 0.0
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {"2": [], "5": []})
    scraped: float = 0.0

    def change(self, now: float, rate: float, bad_part: float) -> None:
        self._move(now)
        self.rate, self.bad_part = rate, bad_part

    def scrape(self, now: float) -> None:
        """A sample for each full second since the last one."""
        tick = max(math.floor(self.scraped) + SCRAPE, math.ceil(self.since))
        while tick <= now:
            self._move(tick)
            self.samples["2"].append((tick, math.floor(self.requests) - math.floor(self.bad)))
            self.samples["5"].append((tick, float(math.floor(self.bad))))
            self.scraped = tick
            tick += SCRAPE
        for values in self.samples.values():
            while values and values[0][0] < now - _KEPT:
                values.pop(0)

    def _move(self, now: float) -> None:
        if now > self.since:
            self.requests += (now - self.since) * self.rate
            self.bad += (now - self.since) * self.rate * self.bad_part
            self.since = now


class Traffic(FakePrometheus):
    """Envoy's counters as Contour's metrics have them."""

    def __init__(self) -> None:
        super().__init__()
        self._arms: dict[tuple[str, str, int], _Arm] = {}

    def flow(self, namespace: str, service: str, *, rate: float, bad: float = 0.0, port: int = 80) -> None:
        """From now on `rate` requests a second, of which the part `bad` (0 to 1) fails."""
        now = time.time()
        # A counter is there before the requests: the first sample says how many were counted before.
        arm = self._arms.setdefault((namespace, service, port), _Arm(since=now - 30, scraped=now - 30))
        arm.scrape(now)
        arm.change(now, rate, bad)

    def down(self) -> None:
        """Answers 503 from now on."""
        broken = error(503)
        self.reply = broken

    def up(self) -> None:
        """Answers again."""
        self.reply = lambda _query: None

    def answer(self, query: str, at: float) -> Reply:
        now = time.time()
        self.samples.clear()
        for (namespace, service, port), arm in list(self._arms.items()):
            arm.scrape(now)
            for status, values in arm.samples.items():
                self.samples[_key(f"{namespace}_{service}_{port}", status)] = list(values)
        return super().answer(query, at)


def _key(cluster: str, status: str) -> Key:
    labels = {
        "__name__": "envoy_cluster_upstream_rq_xx",
        "envoy_cluster_name": cluster,
        "envoy_response_code_class": status,
        "job": "envoy",
        "instance": "envoy-1:8002",
    }
    return tuple(sorted(labels.items()))


@contextlib.contextmanager
def traffic() -> Iterator[tuple[Traffic, str]]:
    """A running one and its address."""
    made = Traffic()
    with serve(made) as address:
        yield made, address
