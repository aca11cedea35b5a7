"""What is counted and kept of evaluations: `base.Recorder`. One tally serves /metrics, /v1/usage and exposures."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from truststream.flags.bucketing import Unit, unit_of
from truststream.flags.evaluation import Context, Evaluation
from truststream.flags.flagset import CompiledFlag
from truststream.serving.base import Scope
from truststream.store.base import MAX_UNIT, Exposure, ExposureSink, window_start

_SEEN: Final = 200_000
"""Exposures remembered, so that the same one is not offered again and again."""


@dataclass(slots=True)
class _Variant:
    evaluations: int = 0
    last: float = 0.0


@dataclass(slots=True)
class _Flag:
    """What applications asked of one flag."""

    variants: dict[str, _Variant] = field(default_factory=dict)
    without_unit: int = 0


class Tallies(Collector):
    """Counts since the process began. Only flags that exist are counted, so labels are as many as variants."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.process = str(uuid.uuid4())
        self.clock = clock
        self.started = clock()
        self.flags: dict[tuple[str, str], _Flag] = {}
        self.lists: dict[str, int] = {}
        self.synced: dict[Scope, float] = {}
        self.exposures = {"offered": 0, "dropped": 0}

    def collect(self) -> Iterator[Metric]:
        """For Prometheus."""
        labels = ("flag_namespace", "flag")
        evaluations = CounterMetricFamily(
            "truststream_flag_evaluations", "Single evaluations by applications.", labels=(*labels, "variant")
        )
        unit = CounterMetricFamily(
            "truststream_flag_without_unit", "Evaluations of percentages for contexts without a unit.", labels=labels
        )
        listed = CounterMetricFamily("truststream_flag_listed", "Bulk answers.", labels=labels[:1])
        exposures = CounterMetricFamily(
            "truststream_flag_exposures", "Exposures from evaluations.", labels=("outcome",)
        )
        for (namespace, name), flag in list(self.flags.items()):
            for variant, tally in list(flag.variants.items()):
                evaluations.add_metric((namespace, name, variant), tally.evaluations)
            if flag.without_unit:
                unit.add_metric((namespace, name), flag.without_unit)
        for namespace, count in list(self.lists.items()):
            listed.add_metric((namespace,), count)
        for outcome, count in self.exposures.items():
            exposures.add_metric((outcome,), count)
        yield from (evaluations, unit, listed, exposures)

    def usage(self) -> dict[str, Any]:
        """For the controller: counts, last uses and what in-process clients were sent; times in epoch seconds."""
        return {
            "process": self.process,
            "started": self.started,
            "flags": [
                {
                    "namespace": namespace,
                    "flag": name,
                    "variants": {
                        variant: {"evaluations": tally.evaluations, "lastUsed": tally.last}
                        for variant, tally in flag.variants.items()
                    },
                    "withoutUnit": flag.without_unit,
                }
                for (namespace, name), flag in self.flags.items()
            ],
            "synced": [
                {"namespace": scope.namespace, "environment": scope.environment, "at": at}
                for scope, at in self.synced.items()
            ],
        }


class FlagRecorder:
    """`base.Recorder`. Without a `sink` no exposures are kept.

    `scope` says as which scope one is counted, None: not at all; callers may ask for any.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        sink: ExposureSink | None,
        tallies: Tallies | None = None,
        *,
        scope: Callable[[Scope], Scope | None] = lambda scope: scope,
    ) -> None:
        self.tallies = tallies or Tallies()
        self._sink = sink
        self._scope = scope
        self._seen: OrderedDict[tuple[str, str, str, str, str, int], None] = OrderedDict()
        self._units: dict[str, Unit] = {}
        registry.register(self.tallies)

    def evaluated(self, scope: Scope, flag: CompiledFlag, evaluation: Evaluation, context: Context) -> None:
        """One evaluation by an application: counted, and kept as an exposure where the flag asks for it."""
        if evaluation.error is not None:
            return
        now = self.tallies.clock()
        tally = self.tallies.flags.get((scope.namespace, flag.key))
        if tally is None:
            tally = self.tallies.flags[scope.namespace, flag.key] = _Flag()
        variant = tally.variants.get(evaluation.variant)
        if variant is None:
            variant = tally.variants[evaluation.variant] = _Variant()
        variant.evaluations += 1
        variant.last = now
        if evaluation.unit_missing:
            tally.without_unit += 1
        if self._sink is not None and flag.spec.record_exposures:
            self._expose(self._sink, scope, flag, evaluation.variant, context, now)

    def listed(self, scope: Scope, evaluations: Mapping[str, Evaluation]) -> None:
        """A bulk answer: a prefetch, counted apart and never an exposure.

        Who holds a list evaluates by itself, as an in-process client does: these flags are not unused.
        """
        counted = self._scope(scope)
        if counted is None:
            return
        self.tallies.lists[counted.namespace] = self.tallies.lists.get(counted.namespace, 0) + 1
        if evaluations:
            self.tallies.synced[counted] = self.tallies.clock()

    def synced(self, scope: Scope, provider_id: str, user_agent: str) -> None:  # noqa: ARG002 - the seam's
        """An in-process client was sent the flags of a scope."""
        if (counted := self._scope(scope)) is not None:
            self.tallies.synced[counted] = self.tallies.clock()

    def _expose(
        self, sink: ExposureSink, scope: Scope, flag: CompiledFlag, variant: str, context: Context, now: float
    ) -> None:
        unit = self._unit(flag.spec.bucketing.by)(context)
        if unit is None:
            return
        window = window_start(now, flag.spec.exposure_window)
        key = (scope.namespace, flag.key, scope.environment, unit, variant, window)
        if key in self._seen:
            self._seen.move_to_end(key)
            return
        exposure = Exposure(scope.namespace, flag.key, scope.environment, variant, unit, now, window)
        if len(unit) > MAX_UNIT or "\0" in unit or not sink.offer(exposure):
            self.tallies.exposures["dropped"] += 1
            return
        self.tallies.exposures["offered"] += 1
        self._seen[key] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    def _unit(self, path: str) -> Unit:
        found = self._units.get(path)
        if found is None:
            found = self._units[path] = unit_of(path)
        return found
