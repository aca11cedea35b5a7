"""A simulated release: how much traffic, which weights when, and which errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from truststream.stats.keys.counts import Floats
from truststream.stats.keys.exchangeability import PLANNED

LENGTH: Final = 10.0
"""Seconds of a block, and between two looks."""

BLOCKS: Final = 360
USUAL_ERRORS: Final = 0.005
"""Share of stable's requests that fail."""

STEPS: Final = (0.05, 0.1, 0.25, 0.5)
_START: Final = 30
"""Blocks between two starts: five minutes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One hour."""

    rate: float  # requests a second, both arms
    weight: float | None  # None: 5, 10, 25 and 50 %, a quarter of an hour each
    errors: float = USUAL_ERRORS
    pods: int = 1  # of each arm; pod i of the canary is compared with part i of stable

    @property
    def weights(self) -> Floats:
        """Of every block."""
        if self.weight is not None:
            return np.full(BLOCKS, self.weight)
        return np.repeat(np.array(STEPS), BLOCKS // len(STEPS))

    @property
    def exchange(self) -> npt.NDArray[np.bool_]:
        """Blocks in which the exchangeability key is used: by the planned weight, never by the measured one."""
        return self.weights >= PLANNED

    @property
    def stages(self) -> frozenset[int]:
        """Blocks with which a stage begins."""
        changed = np.flatnonzero(np.diff(self.weights)) + 1
        return frozenset({0, *(int(block) for block in changed)})

    @property
    def starts(self) -> frozenset[int]:
        """Blocks before which a start is placed: every stage, and every five minutes."""
        return self.stages | frozenset(range(0, BLOCKS, _START))

    @property
    def label(self) -> str:
        """For tables."""
        weight = "5-10-25-50 %" if self.weight is None else f"{self.weight:.0%}".replace("%", " %")
        pods = "" if self.pods == 1 else f", {self.pods} pods"
        return f"{self.rate:g} rps, {weight}, p0 {100 * self.errors:g} %{pods}"


@dataclass(frozen=True, slots=True)
class Regression:
    """What is wrong with the canary: its rate is `ratio` times stable's from block `since` on."""

    ratio: float = 1.0
    since: int = 0

    @property
    def ratios(self) -> Floats:
        """Of every block."""
        return np.where(np.arange(BLOCKS) >= self.since, self.ratio, 1.0)


NO_CHANGE: Final = Regression()
