"""Sample ratio mismatch: does the traffic split as it was told to?

A split that is off says that assignment, routing or counting is broken. No comparison of the arms is worth anything
then, however clear it looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from truststream.errors import InputError
from truststream.stats.chi_square import goodness_of_fit
from truststream.stats.guards import open_unit, positive
from truststream.stats.multinomial import MultinomialTest
from truststream.stats.result import SequentialResult, TestResult

ALPHA = 0.001  # small, because it is asked of every experiment, and an alarm stops one
_FEWEST = 5.0  # expected units of a class below which χ² is not to be trusted


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """What the split says: evidence, and the shares that were seen."""

    result: TestResult | SequentialResult
    alpha: float
    observed: tuple[float, ...]
    expected: tuple[float, ...]

    @property
    def mismatch(self) -> bool:
        """The split is not the one that was configured. Never true when the test cannot tell."""
        return self.result.can_tell and self.result.p <= self.alpha


def sample_ratio(counts: Sequence[float], shares: Sequence[float], alpha: float = ALPHA) -> SampleRatio:
    """Units per arm against configured shares, at one look fixed in advance.

    Hypothesis: units fall on the arms in these shares.
    Formula: χ² goodness of fit, mismatch at p <= alpha.
    Assumptions: units are independent (users, not the requests of a sticky session); expected counts of 5 or more.
    Wrong when: looked at again and again: then use `sample_ratio_sequential`.
    Source: Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapter 21; Fabijan et al. (2019), KDD.
    """
    open_unit("alpha", alpha)
    result = goodness_of_fit(counts, shares)
    total, configured = math.fsum(counts), _normalised(shares)
    if result.can_tell and total * min(configured) < _FEWEST:
        few = f"an arm expects {total * min(configured):.2g} units, χ² needs {_FEWEST:g}; wait for more"
        result = TestResult(method=result.method, n=result.n, reason=few)
    return SampleRatio(result, alpha, _seen(counts), configured)


def sample_ratio_sequential(
    counts: Sequence[float], shares: Sequence[float], alpha: float = ALPHA, concentration: float = 100.0
) -> SampleRatio:
    """Units per arm against configured shares, as often as one likes.

    Hypothesis: as `sample_ratio`, at every moment; P(ever a mismatch) <= alpha if it holds.
    Formula: Dirichlet-multinomial e-process, mismatch at E >= 1/alpha.
    Assumptions: units are independent; the shares do not change (start anew at a new weight).
    Wrong when: requests stick to sessions or connections: their clusters are taken for evidence.
    Source: Lindon & Malek (2022), NeurIPS, sections 2 and 4.
    """
    open_unit("alpha", alpha), positive("concentration", concentration)
    configured = _normalised(shares)
    result = MultinomialTest(configured, concentration).look(counts)
    if not result.n:
        result = SequentialResult(method=result.method, n=0.0, reason="no units")
    return SampleRatio(result, alpha, _seen(counts), configured)


def _normalised(shares: Sequence[float]) -> tuple[float, ...]:
    total = math.fsum(positive(f"shares[{index}]", share) for index, share in enumerate(shares))
    if len(shares) < 2:
        raise InputError("shares", f"has {len(shares)}; a split has at least two arms")
    return tuple(share / total for share in shares)


def _seen(counts: Sequence[float]) -> tuple[float, ...]:
    total = math.fsum(counts)
    return tuple(count / total if total else math.nan for count in counts)
