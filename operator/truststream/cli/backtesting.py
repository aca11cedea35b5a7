"""A CanaryDeployment against its past: which weights it had or is given, what is asked, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, MetricKind
from truststream.api.configuration import Configuration
from truststream.canary.judging.modes import every_mode
from truststream.canary.observation import Block
from truststream.cli.manifest import NoCluster, UsageError
from truststream.cli.past import Past
from truststream.handlers.looks import Looker, Wanted, wanted_metrics
from truststream.handlers.resource import Resource
from truststream.metrics.base import Arm, Query, Question
from truststream.metrics.queries import resolve
from truststream.metrics.routing import SourceQuery
from truststream.replay import shares
from truststream.replay.loop import Release, play
from truststream.replay.outcome import Run
from truststream.replay.played import held, planned, watched

_CHUNK: Final = timedelta(hours=1)
"""Of a long past so much is asked at once: the answers are raw samples."""
_PORT: Final = re.compile(r"\{\{\s*port\s*\}\}")


@dataclass(frozen=True, slots=True)
class Split:
    """An A/A: one version's pods dealt out to two arms.

    With a `weight` the whole time is judged; None: by the weights of the plan, step by step, until it is decided.
    """

    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What is to be played; `split` None: the past itself had two arms."""

    resource: Resource
    wanted: Wanted
    begin: datetime
    end: datetime
    split: Split | None = None

    @property
    def seed(self) -> str:
        """Pairs of pods are drawn from it: the same in every replay."""
        return f"{self.resource.namespace}/{self.resource.name}"


def wanted_of(resource: Resource, configuration: Configuration, *, split: bool) -> Wanted:
    """The queries of the spec. For an A/A the built-in ones are those that the pods count: a proxy has no pods.

    Raises:
        SpecError: a metric that cannot be asked for.
        UsageError: a metric that cannot be dealt out to two arms.
    """
    if not split:
        wanted = wanted_metrics(resource, configuration)
        if wanted.problem is not None:
            raise wanted.problem
        return replace(wanted, unanswerable="")
    if resource.releases_flag:
        raise UsageError("a FeatureFlag has no pods that could be dealt out: replay a release that was recorded")
    metrics = enumerate(resource.spec.monitoring_metrics)
    queries = tuple(resolve(m, "Pods", configuration, f"spec.monitoringMetrics[{place}]") for place, m in metrics)
    for query in queries:
        if query.kind is MetricKind.VALUE:
            raise UsageError(f"metric {query.name} is a Value, one number for all pods: leave it out for --split")
    return Wanted(queries)


def check_queries(queries: Sequence[Query], port: int | None) -> None:
    """Refuse what would ask for something else than is meant.

    Raises:
        UsageError: a query needs the port, and none was given; or it is for another source.
    """
    for query in queries:
        if isinstance(query, SourceQuery):
            raise UsageError(f"metric {query.name} is asked of source {query.source}: only Prometheus can be replayed")
        texts = (query.bad, query.total, query.buckets, query.expression)
        if port is None and any(_PORT.search(text) for text in texts):
            raise UsageError(f"metric {query.name} is asked for by the Service's port: say which with --port")


async def backtest(test: Backtest, source: Past, port: int | None, tell: Callable[[float], None]) -> Run:
    """The run of the past.

    Args:
        tell: is told how much of the time is played, from 0 to 1.

    Raises:
        UsageError: the past has nothing to play.
    """
    looker = Arms(NoCluster(port))
    release = _split(test, test.split) if test.split else await _recorded(test, source, looker)
    player = play(release, every_mode())
    try:
        ask = next(player)
        while True:
            source.stages = ask.stages
            tell((ask.now.timestamp() - release.begin) / max(1.0, release.until - release.begin))
            then = replace(test.resource, status=ask.status)
            measured = await looker.look(then, test.wanted, source, ask.now)
            ask = player.send(measured or ())
    except StopIteration as ended:
        run: Run = ended.value
        return run


class Arms(Looker):
    """A Looker that also tells what it calls the arms."""

    def both(self, resource: Resource) -> tuple[Arm, Arm]:
        """Canary and stable."""
        return self._arm(resource, "canary"), self._arm(resource, "stable")


def _split(test: Backtest, split: Split) -> Release:
    begin, end, spec = test.begin.timestamp(), test.end.timestamp(), test.resource.spec
    if split.weight is None:
        return _release(test, planned(spec), begin, end)
    return replace(_release(test, watched(spec, split.weight), begin, end), whole=True)


def _release(test: Backtest, spec: CanaryDeploymentSpec, begin: float, until: float) -> Release:
    return Release(spec, test.wanted.shapes, begin, until, test.seed)


async def _recorded(test: Backtest, source: Past, looker: Arms) -> Release:
    """The release that the counts show."""
    blocks = await _both_arms(test, source, looker)
    spec = test.resource.spec
    stages = shares.recorded_stages(blocks, [spec.initial_traffic, *spec.increments])
    if not stages:
        between = f"between {_text(test.begin)} and {_text(test.end)}"
        said = f"no request reached the canary {between}: look at another time, name the arms with --canary-service"
        raise UsageError(f"{said} or --canary-pods, or play an A/A with --split")
    until = min(test.end.timestamp(), shares.release_end(blocks))
    release = _release(test, held(spec, stages[0].weight), stages[0].since, until)
    return replace(release, recorded=stages)


async def _both_arms(test: Backtest, source: Past, looker: Arms) -> list[Block]:
    """Blocks of the first metric that counts requests, over the whole time."""
    query = next((query for query in test.wanted.queries if query.kind is not MetricKind.VALUE), None)
    if query is None:
        raise UsageError("no metric of the spec counts requests, so the weights of the past are not known")
    canary, stable = looker.both(test.resource)
    found, length, begin = list[Block](), 0.0, test.begin
    while begin < test.end:
        end = min(begin + _CHUNK, test.end)
        measured = await source.measure(Question(query, begin, end, canary, stable, length))
        length = measured.length or length
        found += measured.blocks
        begin = datetime.fromtimestamp(found[-1].end, UTC) if measured.blocks and end < test.end else end
    return found


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
