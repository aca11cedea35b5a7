"""What a played release came to: values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from truststream.api.status import MetricStatus, Verdict


class Ending(StrEnum):
    """How a played release ends."""

    ROLLED_BACK = "RolledBack"
    PROMOTED = "Promoted"
    UNDECIDED = "Undecided"


@dataclass(frozen=True, slots=True)
class Stage:
    """From `since` (seconds since the epoch) the canary gets `weight` percent."""

    since: float
    weight: float


@dataclass(frozen=True, slots=True)
class Look:
    """What one look said. `against` and `needed` are natural logarithms, over all metrics together."""

    at: float
    stage: Stage
    verdict: Verdict
    against: float
    needed: float
    proven: bool
    rows: tuple[MetricStatus, ...] = ()

    @property
    def proof(self) -> float | None:
        """Log evidence of the criterion that has least of it; None while nothing is to be proven by counts."""
        found = [row.evidence.proof for row in self.rows if row.evidence and row.evidence.proof is not None]
        return min(found, default=None)

    @property
    def proof_needed(self) -> float | None:
        """Its level."""
        found = [row.evidence.proof_needed for row in self.rows if row.evidence]
        return max(found, default=None)


@dataclass(frozen=True, slots=True)
class Run:
    """One played release. `by_policy`: a deadline decided, not the evidence."""

    begin: float
    at: float  # of the decision, or where the time was over
    ending: Ending
    reason: str
    by_policy: bool
    looks: tuple[Look, ...]
    stages: tuple[Stage, ...]

    @property
    def seconds(self) -> float:
        """From the first weight to the end."""
        return self.at - self.begin

    @property
    def decided(self) -> bool:
        """It ended by itself."""
        return self.ending is not Ending.UNDECIDED
