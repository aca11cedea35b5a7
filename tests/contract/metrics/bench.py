"""What the contract needs of a world with targets, a store that scrapes them, and time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from truststream.api.canarydeployment import Direction, MetricKind
from truststream.canary.observation import Measurement
from truststream.metrics.base import Arm, MetricSource, Query, Question

BOUNDS = (0.1, 0.5, 1.0, math.inf)


def arm(name: str, namespace: str = "shop") -> Arm:
    return Arm(name, namespace, f"web-{name}", "80", f"^web-{name}-.*$", "web", f"web-{name}")


RATIO = Query(
    "errors",
    MetricKind.RATIO,
    "%",
    Direction.LOWER,
    bad='hits_total{ns="{{namespace}}",arm="{{arm}}",class="5"}',
    total='hits_total{ns="{{namespace}}",arm="{{arm}}"}',
)
LATENCY = Query(
    "latency",
    MetricKind.DISTRIBUTION,
    "ms",
    Direction.LOWER,
    buckets='took_seconds_bucket{ns="{{namespace}}",arm="{{arm}}"}',
)
VALUE = Query(
    "depth", MetricKind.VALUE, "", Direction.LOWER, expression='queue_depth{ns="{{namespace}}",arm="{{arm}}"}'
)


class Target:
    """A process that exposes numbers. Empty, it is still scraped; down, it is not."""

    def __init__(self, namespace: str = "shop") -> None:
        self.namespace = namespace
        self.values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self.up = True

    def set(self, name: str, value: float, **labels: str) -> None:
        self.values[name, tuple(sorted({**labels, "ns": self.namespace}.items()))] = value

    def forget(self) -> None:
        """As after a restart."""
        self.values.clear()

    def hits(self, arm: str, **classes: float) -> None:
        """Counters of answers by class: ``hits("canary", c2=10, c5=1)``."""
        for name, value in classes.items():
            self.set("hits_total", value, **{"arm": arm, "class": name[1:]})

    def took(self, arm: str, *counts: float, bounds: tuple[float, ...] = BOUNDS) -> None:
        """Cumulative counts by bucket."""
        for bound, count in zip(bounds, counts, strict=True):
            self.set("took_seconds_bucket", count, arm=arm, le="+Inf" if math.isinf(bound) else f"{bound:g}")

    def text(self) -> str:
        """In Prometheus' exposition format."""
        seen = list(self.values.items())  # one step: a scrape may come while a test writes
        return "".join(f"{name}{_braces(dict(labels))} {value}\n" for (name, labels), value in seen)


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


class Bench(Protocol):
    """A world whose targets start empty for every test."""

    namespace: str
    block: float  # seconds of two scrapes

    @property
    def source(self) -> MetricSource:
        """Who is asked."""

    def target(self, number: int = 0) -> Target:
        """Scraped from the next scrape on; 0 always was. Every other number belongs to one test alone."""

    def now(self) -> datetime:
        """This world's time; every scrape so far lies before it."""

    def epoch(self) -> float:
        """The same, as seconds."""

    async def scrape(self, times: int = 1) -> None:
        """Return when every target was scraped as it is now."""

    async def wait(self, seconds: float) -> None:
        """Let time go by, scrapes included."""


async def ask(
    bench: Bench, query: Query, since: datetime, *, stable: bool = False, block: float | None = None
) -> Measurement:
    canary, other = (arm(name, bench.namespace) for name in ("canary", "stable"))
    return await bench.source.measure(
        Question(query, since, bench.now(), canary, other if stable else None, block=block)
    )
