"""A Prometheus whose counters grow as a test says: so many requests a second, so many of them bad, by Service."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.contract.metrics.fake import FakePrometheus, Key, Reply, error, serve

SCRAPE = 1.0
_KEPT = 900.0  # longer than a scenario: what was asked once is answered the same later
_FASTER = {"0.5": 0.2, "1": 0.5, "5": 0.9, "25": 0.985, "100": 1.0, "+Inf": 1.0}
"""Part of the requests that took at most so many milliseconds."""


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
    """Envoy's counters as Contour's metrics have them.

    It refuses questions about several Services at once, as a server does whose limit they exceed: the operator then
    asks about each alone, so that a test can tell what a question is about.
    """

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

    def counted(self, namespace: str, service: str, after: float, until: float, port: int = 80) -> tuple[float, float]:
        """Requests and bad ones of the scrapes in (after, until], as whoever reads the counters has to find them."""
        arm = self._arms[namespace, service, port]
        grown = {}
        for status, values in arm.samples.items():
            known = dict(values)
            grown[status] = known[until] - known[after]
        return grown["2"] + grown["5"], grown["5"]

    def answer(self, query: str, at: float) -> Reply:
        if "envoy_cluster_name=~" in query:
            self.queries.append(query)
            return error(422, "execution", "query processing would load too many samples into memory")(query)
        now = time.time()
        self.samples.clear()
        for (namespace, service, port), arm in list(self._arms.items()):
            arm.scrape(now)
            if f"{namespace}_{service}_{port}" in query:
                self._expose(f"{namespace}_{service}_{port}", arm)
        return super().answer(query, at)

    def _expose(self, cluster: str, arm: _Arm) -> None:
        for status, values in arm.samples.items():
            self.samples[_key("envoy_cluster_upstream_rq_xx", cluster, envoy_response_code_class=status)] = list(values)
        for bound, part in _FASTER.items():
            both = zip(*arm.samples.values(), strict=True)
            counts = [(time, float(math.floor((good + bad) * part))) for (time, good), (_, bad) in both]
            self.samples[_key("envoy_cluster_upstream_rq_time_bucket", cluster, le=bound)] = counts


def _key(name: str, cluster: str, **label: str) -> Key:
    labels = {
        "__name__": name,
        "envoy_cluster_name": cluster,
        "job": "envoy",
        "instance": "envoy-1:8002",
        **label,
    }
    return tuple(sorted(labels.items()))


@contextlib.contextmanager
def traffic() -> Iterator[tuple[Traffic, str]]:
    """A running one and its address."""
    made = Traffic()
    with serve(made) as address:
        yield made, address
