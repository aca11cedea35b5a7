"""A past as a folder of Prometheus' answers: pods that count requests, drawn by a fixed seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BEGIN = 1_767_268_800.0
"""2026-01-01 12:00:00 UTC, where the canary begins."""

MANIFEST = """
apiVersion: truststream.dev/v1alpha1
kind: CanaryDeployment
metadata: {name: checkout, namespace: shop}
spec:
  targetRef: {name: checkout}
  monitoringMetrics: [{name: errorRate}]
"""


@dataclass(frozen=True, slots=True)
class Past:
    """`stages`: (seconds after `begin`, percent of the canary); none: one version alone."""

    stages: Sequence[tuple[float, float]] = ()
    before: float = 3600.0
    after: float = 1800.0
    rps: float = 200.0
    errors: float = 0.005
    ratio: float = 1.0
    pods: int = 4
    scrape: float = 5.0
    seed: int = 7
    begin: float = BEGIN

    def write(self, folder: Path) -> Path:
        """One file, as the query API answers."""
        folder.mkdir(parents=True, exist_ok=True)
        body = {"status": "success", "data": {"resultType": "matrix", "result": self.series()}}
        (folder / "http_requests_total.json").write_text(json.dumps(body))
        return folder

    def series(self) -> list[dict[str, Any]]:
        """The result of a query for the whole past."""
        return [series for pod in self._pods() for series in pod]

    def text(self) -> str:
        """All of it in one scrape, in Prometheus' exposition format: every sample carries its time."""
        lines = []
        for one in self.series():
            labels = ",".join(f'{name}="{value}"' for name, value in one["metric"].items() if name != "__name__")
            name = f"{one['metric']['__name__']}{{{labels}}}"
            lines += [f"{name} {value} {round(1000 * time)}\n" for time, value in one["values"]]
        return "".join(lines)

    def _pods(self) -> list[list[dict[str, Any]]]:
        generator = np.random.default_rng(self.seed)
        times = np.arange(self.begin - self.before, self.begin + self.after + 1, self.scrape)
        weights = np.zeros(len(times))
        for since, weight in self.stages:
            weights[times > self.begin + since] = weight / 100
        arms = [("checkout-6f7c9d", self.pods, 1 - weights, 1.0)]
        if self.stages:
            arms.append(("checkout-canary-5b4d8", 1, weights, self.ratio))
        return [
            self._pod(f"{name}-{chr(97 + number)}", times, share / count, ratio, generator)
            for name, count, share, ratio in arms
            for number in range(count)
        ]

    def _pod(
        self, pod: str, times: np.ndarray, share: np.ndarray, ratio: float, generator: np.random.Generator
    ) -> list[dict[str, Any]]:
        requests = generator.poisson(self.rps * self.scrape * share)
        bad = generator.binomial(requests, min(1.0, self.errors * ratio))
        labels = {"__name__": "http_requests_total", "namespace": "shop", "job": "pods", "instance": f"{pod}:8080"}
        return [
            {
                "metric": {**labels, "pod": pod, "status": status},
                "values": [[time, str(count)] for time, count in zip(times.tolist(), counts.cumsum(), strict=True)],
            }
            for status, counts in (("200", requests - bad), ("500", bad))
        ]
