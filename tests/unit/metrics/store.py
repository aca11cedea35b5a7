"""Raw samples that a look can be asked about, without a server in between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tests.contract.metrics.fake import FakePrometheus
from truststream.api.canarydeployment import Direction, MetricKind
from truststream.canary.observation import Measurement
from truststream.metrics.answers import Answer, decode
from truststream.metrics.base import Arm, Query, Question
from truststream.metrics.look import Look

RATIO = Query(
    "errors", MetricKind.RATIO, "%", Direction.LOWER, bad='hits{arm="{{arm}}",code="5"}', total='hits{arm="{{arm}}"}'
)
LATENCY = Query("latency", MetricKind.DISTRIBUTION, "ms", Direction.LOWER, buckets='took_bucket{arm="{{arm}}"}')


def arm(name: str) -> Arm:
    return Arm(name, "shop", f"web-{name}", "80", ".*", "web", f"web-{name}")


class Store(FakePrometheus):
    """Of one target or more; times are seconds."""

    async def ask(self, promql: str, at: datetime) -> Answer:
        status, _, body = self.answer(promql, at.timestamp())
        return decode(status, body, "the store")

    def series(self, labels: Mapping[str, str], *samples: tuple[float, float], target: str = "a") -> None:
        for time, value in samples:
            self.add({"job": "j", "instance": target, **labels}, time, value)

    def hits(self, name: str, code: str, *samples: tuple[float, float], target: str = "a") -> None:
        self.series({"__name__": "hits", "arm": name, "code": code}, *samples, target=target)

    async def look(
        self,
        query: Query,
        since: float,
        until: float,
        *,
        block: float | None = 10.0,
        arms: tuple[bool, bool] = (True, True),
        hint: float = 5.0,
    ) -> Measurement:
        """What is found about (since, until]; `arms`: whether canary and stable are asked about."""
        canary, stable = (
            arm(name) if wanted else None for name, wanted in zip(("canary", "stable"), arms, strict=True)
        )
        begin, end = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
        return await Look(Question(query, begin, end, canary, stable, block=block), self.ask, hint).measure()
