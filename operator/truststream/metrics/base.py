"""The seam of the metric sources: one file and one registry line each, one contract suite for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from pydantic import BaseModel

from truststream.api.canarydeployment import Direction, MetricKind
from truststream.canary.observation import Measurement


@dataclass(frozen=True, slots=True)
class Arm:
    """The values that a query's placeholders stand for, for one arm.

    ``{{namespace}} {{service}} {{port}} {{pods}} {{target}} {{workload}} {{arm}}``; `pods` is an anchored regular
    expression, `port` the first port of the Service. With kind FeatureFlag, which has no Service and no pods of its
    own, ``{{flag}}`` is the flag's key and ``{{variant}}`` what the arm is given.
    """

    arm: str  # stable | canary
    namespace: str
    service: str
    port: str
    pods: str
    target: str
    workload: str
    flag: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A metric resolved to PromQL with placeholders; which fields are set follows from `kind`."""

    name: str
    kind: MetricKind
    unit: str  # "%", "ms" or ""
    direction: Direction
    bad: str = ""
    total: str = ""
    buckets: str = ""
    expression: str = ""
    good_is_bad: bool = False  # successRate: `bad` counts failures, the value shown is 100 - failures
    quantile: float = 0.99
    scale: float = 1.0  # Distribution: a bucket's bound times this is seconds; Envoy's bounds are milliseconds
    gateway: bool = False  # counted where the weight is set: an answer once, after all its attempts


@dataclass(frozen=True, slots=True)
class Question:
    """One metric, both arms, over (since, until]; arms are None where they do not exist (yet).

    `block` asks for counts in blocks of that many seconds besides those of the whole window: None for none, 0 for a
    length that the source chooses from its scrape interval (it says which in the measurement).
    """

    query: Query
    since: datetime
    until: datetime
    canary: Arm | None
    stable: Arm | None = None
    block: float | None = None


class MetricSource(Protocol):
    """Answers questions with counts. A failure is a Measurement with its outcome, never an exception."""

    name: ClassVar[str]
    Config: ClassVar[type[BaseModel]]

    async def measure(self, question: Question) -> Measurement:
        """Counts per arm between the two times, deltas taken by us from raw samples; never blocks the event loop."""

    async def probe(self) -> str:
        """Empty when the source answers, else why not."""

    async def close(self) -> None:
        """Release connections."""
