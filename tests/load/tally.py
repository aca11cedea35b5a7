"""Answers counted: in all, by version, and between two moments."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .answer import Answer


@dataclass(frozen=True, slots=True)
class Tally:
    """What a stretch of load came to."""

    answers: Sequence[Answer]

    @classmethod
    def between(cls, answers: Sequence[Answer], start: float, end: float = math.inf) -> Tally:
        """Of the requests that were due in this time."""
        return cls([answer for answer in answers if start <= answer.at < end])

    @property
    def sent(self) -> int:
        """Requests that left."""
        return sum(not answer.skipped for answer in self.answers)

    @property
    def skipped(self) -> int:
        """Requests that were due and never left."""
        return len(self.answers) - self.sent

    @property
    def lost(self) -> list[Answer]:
        """No answer, or a wrong one."""
        return [answer for answer in self.answers if answer.lost]

    @property
    def versions(self) -> Counter[str]:
        """Answers by what the application calls itself."""
        return Counter(answer.version for answer in self.answers if answer.version)

    @property
    def rate(self) -> float:
        """Requests that left, a second."""
        if len(self.answers) < 2:
            return 0.0
        first, last = self.answers[0].at, max(answer.at for answer in self.answers)
        return self.sent / (last - first) if last > first else 0.0

    def share(self, version: str) -> float:
        """Percent of the answers with a name that this version gave."""
        named = self.versions.total()
        return 100 * self.versions[version] / named if named else 0.0

    def describe_lost(self, most: int = 5) -> str:
        """The first losses in words."""
        lost = self.lost
        shown = [f"{one.at:.2f}: {one.status or one.error} after {one.seconds:.2f} s" for one in lost[:most]]
        return f"{len(lost)} of {self.sent} lost" + (": " + "; ".join(shown) if shown else "")
