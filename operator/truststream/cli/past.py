"""Metric sources for a past: one that keeps what it was answered, one of other names, one that deals out two arms."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import BaseModel

from truststream.api.configuration import PrometheusConfiguration
from truststream.canary.observation import Measurement, Outcome
from truststream.cli.recorded import Samples
from truststream.errors import MetricError
from truststream.metrics.answers import Answer, decode
from truststream.metrics.base import Arm, MetricSource, Question
from truststream.metrics.connection import Credentials
from truststream.metrics.prometheus import Prometheus
from truststream.replay.cells import dealt_out
from truststream.replay.outcome import Stage


class Taped(Prometheus):
    """Prometheus, and on the tape every range that it answered."""

    def __init__(
        self, config: PrometheusConfiguration, credentials: Credentials, scrape_interval: float, tape: Samples
    ) -> None:
        super().__init__(config, credentials, scrape_interval=scrape_interval)
        self._tape, self._lock = tape, threading.Lock()

    def _blocking(self, form: Mapping[str, str]) -> Answer:
        """Whose clock is ahead does not matter here: the past is in Prometheus' own time."""
        reply = self._connection.query(form)
        answer = decode(reply.status, reply.body, self._connection.where)
        if answer.kind == "matrix":
            with self._lock:
                self._tape.add(json.loads(reply.body)["data"]["result"])
        return answer


@dataclass(frozen=True, slots=True)
class Names:
    """What the arms were called, where not as the operator calls them; empty: as it does."""

    stable_service: str = ""
    canary_service: str = ""
    stable_pods: str = ""
    canary_pods: str = ""
    stable_variant: str = ""
    canary_variant: str = ""  # what a replay calls its release is not what it released

    def of(self, arm: Arm) -> Arm:
        """The arm by its name of then."""
        canary = arm.arm == "canary"
        service = self.canary_service if canary else self.stable_service
        pods = self.canary_pods if canary else self.stable_pods
        variant = self.canary_variant if canary else self.stable_variant
        return replace(arm, service=service or arm.service, pods=pods or arm.pods, variant=variant or arm.variant)


class Past:
    """A MetricSource that asks another one for a time that is over.

    With `seed` set, one version's units are dealt out to two arms, by the weights in `stages`: an A/A.
    """

    name: ClassVar[str] = "Past"
    Config: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, source: MetricSource, names: Names, seed: str = "") -> None:
        self._source, self._names, self._seed = source, names, seed
        self.stages: tuple[Stage, ...] = ()

    async def measure(self, question: Question) -> Measurement:
        """See `MetricSource`.

        Raises:
            MetricError: the other source is down.
        """
        canary, stable = (arm and self._names.of(arm) for arm in (question.canary, question.stable))
        question = replace(question, canary=canary, stable=stable)
        if not self._seed or canary is None:
            return await self._answer(question)
        one_version = replace(question, canary=None, block=question.block or 0.0)
        return dealt_out(await self._answer(one_version), self.stages, self._seed)

    async def _answer(self, question: Question) -> Measurement:
        """The controller waits for a source that is down; a replay without some of the answers would be another one."""
        answer = await self._source.measure(question)
        if answer.outcome is Outcome.SOURCE_DOWN:
            raise MetricError(answer.message)
        return answer

    async def probe(self) -> str:
        """Whether the other one answers."""
        return await self._source.probe()

    async def close(self) -> None:
        """Of the other one."""
        await self._source.close()
