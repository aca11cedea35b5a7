"""A CanaryDeployment as it was seen once: the fields that people look at, without the models of the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


def unix(text: str) -> float:
    """Seconds of a time as it stands in status."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass(frozen=True, slots=True)
class Canary:
    """One sight of it; `at` is when we got it."""

    at: float
    manifest: Mapping[str, Any]

    @property
    def status(self) -> Mapping[str, Any]:
        """Empty before the operator has said anything."""
        found: Mapping[str, Any] = self.manifest.get("status") or {}
        return found

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    @property
    def weight(self) -> float:
        return float(self.status.get("weight", 0))

    @property
    def step(self) -> str:
        return str(self.status.get("step", ""))

    @property
    def verdict(self) -> str:
        return str(self.status.get("verdict") or "")

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))

    @property
    def release(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.status.get("release") or {}
        return found

    @property
    def last(self) -> Mapping[str, Any]:
        """The newest entry of the history."""
        history = self.status.get("history") or [{}]
        newest: Mapping[str, Any] = history[0]
        return newest

    @property
    def releases_ended(self) -> int:
        return len(self.status.get("history") or ())

    @property
    def metrics(self) -> list[Mapping[str, Any]]:
        return list(self.status.get("metrics") or ())

    @property
    def warnings(self) -> list[str]:
        return list(self.status.get("warnings") or ())

    def condition(self, kind: str) -> Mapping[str, Any]:
        """Empty when there is none of that type."""
        conditions = self.status.get("conditions") or ()
        return next((one for one in conditions if one["type"] == kind), {})

    def is_true(self, kind: str) -> bool:
        return str(self.condition(kind).get("status")) == "True"

    @property
    def stalled(self) -> str:
        """The reason, when it is stalled."""
        return str(self.condition("Stalled").get("reason", "")) if self.is_true("Stalled") else ""

    @property
    def caught_up(self) -> bool:
        """Whether the status is about the spec that we see."""
        return bool(self.status.get("observedGeneration") == self.manifest["metadata"].get("generation"))

    def describe(self) -> str:
        """One line."""
        stalled = f", stalled: {self.stalled}" if self.stalled else ""
        where = f" step {self.step}" if self.step else ""
        return f"{self.phase or 'no status'} {self.weight:g} %{where} {self.verdict}{stalled}: {self.message}"
