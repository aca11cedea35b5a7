"""What the three exact tests of a 2x2 table share: its shape."""

from __future__ import annotations

from dataclasses import dataclass

from truststream.errors import InputError
from truststream.stats.samples import whole
from truststream.stats.summary import Proportion

_TABLES = 1_000_000  # a search through more takes minutes and gigabytes, and the score test is exact enough there


@dataclass(frozen=True, slots=True)
class Table:
    """Two rows of two counts; columns are the arms, rows are what happened to them."""

    rows: tuple[tuple[int, int], tuple[int, int]]

    @classmethod
    def of(cls, rows: tuple[tuple[float, float], tuple[float, float]]) -> Table:
        """Counts as they come, checked to be whole."""
        (a, b), (c, d) = rows
        first = whole("table[0][0]", a), whole("table[0][1]", b)
        return cls((first, (whole("table[1][0]", c), whole("table[1][1]", d))))

    @classmethod
    def of_arms(cls, treatment: Proportion, control: Proportion) -> Table:
        """Successes above failures, treatment left of control: `greater` means that treatment succeeds more."""
        return cls.of(((treatment.successes, control.successes), (treatment.failures, control.failures)))

    @property
    def n(self) -> float:
        """All events."""
        return float(sum(map(sum, self.rows)))

    def small_enough(self) -> None:
        """Refuses arms for which all tables of these sizes cannot be gone through."""
        (a, b), (c, d) = self.rows
        tables = (a + c + 1) * (b + d + 1)
        if tables > _TABLES:
            raise InputError(
                "table", f"has arms with {tables} outcomes, at most {_TABLES} are searched; use the score test"
            )

    @property
    def empty_arm(self) -> str:
        """Why nothing can be said, if a column is empty."""
        (a, b), (c, d) = self.rows
        return "an arm (column) of the table is empty" if a + c == 0 or b + d == 0 else ""

    @property
    def one_outcome(self) -> str:
        """Why there is nothing to compare, if a row is empty."""
        (a, b), (c, d) = self.rows
        return "all trials ended alike: a row of the table is empty" if a + b == 0 or c + d == 0 else ""
