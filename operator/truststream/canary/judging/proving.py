"""How far a metric's criteria are proven at this weight, and how long the rest may take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from truststream.api.canarydeployment import Criterion, Mode
from truststream.canary.judging.record import Record
from truststream.canary.judging.wishes import CLEAN, Wishes
from truststream.errors import InputError
from truststream.stats.keys import absolute, bounds
from truststream.stats.keys.counts import Counts
from truststream.stats.keys.promotion import LEAST_ERRORS, Promotion, expected_errors
from truststream.stats.keys.starts import log_sum

BURN_IN: Final = 30
"""Blocks before a comparison may promote: the running dispersion needs them to see a canary's lumps."""

_LUMPS: Final = 1.5
_OVERSHOOT: Final = 1.4
"""How much longer than the bound the keys take, roughly: what is said is a forecast, not a promise."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One criterion: log evidence for it, what it says, and the seconds that are still to be expected (inf: never)."""

    log: float
    needed: float
    text: str
    seconds: float

    @property
    def holds(self) -> bool:
        """Proven."""
        return self.log >= self.needed


def proofs(record: Record, wishes: Wishes, mode: Mode) -> tuple[Proof, ...]:
    """One a criterion; the built-in one when the spec has none at all."""
    if wishes.by_default:
        return (_built_in(record, wishes, mode),)
    return tuple(_criterion(record, wishes, mode, criterion) for criterion in wishes.criteria)


def _criterion(record: Record, wishes: Wishes, mode: Mode, criterion: Criterion) -> Proof:
    needed = math.log(1.0 / wishes.promotion_alpha)
    if criterion.margin is not None:
        text = f"at most {criterion.margin:g} % above stable"
        log = _ratio_log(record, mode)
        return Proof(log, needed, text, _ratio_seconds(record, log, needed))
    limit = criterion.threshold or 0.0
    log, seconds = _absolute(record, wishes.term(limit, record.guards), wishes.share(limit), needed)
    return Proof(log, needed, _limit_text(wishes, limit), seconds)


def _built_in(record: Record, wishes: Wishes, mode: Mode) -> Proof:
    """Not worse by more than half; or, of a ratio, hardly any bad at all: the mean of both is evidence for either."""
    needed = math.log(1.0 / wishes.promotion_alpha)
    ratio, text = _ratio_log(record, mode), f"at most {100 * record.margin:g} % above stable"
    if record.bounds:
        return Proof(ratio, needed, text, _ratio_seconds(record, ratio, needed))
    both = needed + math.log(2.0)
    log, seconds = _absolute(record, 0, CLEAN / 100, both)
    mean = float(np.logaddexp(ratio, log)) - math.log(2.0)
    return Proof(mean, needed, f"{text}, or bad below {CLEAN:g} %", min(seconds, _ratio_seconds(record, ratio, both)))


def _limit_text(wishes: Wishes, limit: float) -> str:
    if wishes.shape.unit == "ms":
        return f"p{100 * wishes.shape.quantile:g} below {limit:g} ms"
    return f"{'above' if wishes.shape.higher_is_better else 'below'} {limit:g} %"


def _ratio_log(record: Record, mode: Mode) -> float:
    if record.running.blocks < BURN_IN or _expected(record) < LEAST_ERRORS:
        return 0.0
    keys = Promotion(record.margin).keys(record.proof, _lumpiness(record))
    each = keys.fast if mode is Mode.FAST else keys.two
    return float(log_sum(each))


def _expected(record: Record) -> float:
    """Errors that the canary would have had at the margin; of latencies at the bound that has fewest."""
    totals = Counts(*record.totals[-1, : record.guards].T)
    return float(expected_errors(totals, record.margin).min())


def _lumpiness(record: Record) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.maximum(record.phi[: record.guards], _LUMPS * record.running.dispersion)


def _ratio_seconds(record: Record, log: float, needed: float) -> float:
    """Were the canary as good as stable: by the bound, from the errors seen at this weight; and as it went so far."""
    elapsed = record.running.blocks * record.length
    n_c, e_c, n_b, e_b = record.totals[-1, : record.guards].sum(axis=0)
    if elapsed <= 0 or n_c <= 0 or n_b <= 0 or e_c + e_b <= 0:
        return math.inf
    errors = (e_c + e_b) / elapsed / record.guards
    rate = bounds.information(errors, n_c / (n_c + n_b), 1.0, 1.0 + record.margin) / float(_lumpiness(record).max())
    by_bound = _OVERSHOOT * needed / rate - elapsed if rate > 0 else math.inf
    return max(by_bound, _guarded(record, elapsed), _as_before(record, log, needed, elapsed), record.length)


def _guarded(record: Record, elapsed: float) -> float:
    """Until a comparison may promote at all."""
    errors = elapsed * (LEAST_ERRORS / max(_expected(record), 1e-9) - 1.0)
    return max((BURN_IN - record.running.blocks) * record.length, errors)


def _as_before(record: Record, log: float, needed: float, elapsed: float) -> float:
    """At the pace of this weight so far; as long again when that has led nowhere yet. Nothing is known in burn-in."""
    if _guarded(record, elapsed) > 0:
        return 0.0
    return elapsed * (needed - log) / log if log > needed / 2 else elapsed


def _absolute(record: Record, term: int, share: float, needed: float) -> tuple[float, float]:
    n_c, e_c = record.totals[-1, term, :2]
    phi = float(record.phi[term])
    log = float(absolute.log_below(n_c, e_c, share, phi))
    elapsed = record.running.blocks * record.length
    if n_c <= 0 or elapsed <= 0:
        return log, math.inf
    rate = e_c / n_c
    gain = (share - rate + (rate * math.log(rate / share) if rate > 0 else 0.0)) / phi if rate < share else 0.0
    missing = max(0.0, needed - log)
    return log, max(missing / gain / (n_c / elapsed), record.length) if gain > 0 else math.inf


def clean_requests(record: Record, wishes: Wishes) -> int:
    """Requests without a bad one that the first criterion needs; 0 where it is a comparison alone."""
    first = next((c.threshold for c in wishes.criteria if c.threshold is not None), None)
    if (not wishes.by_default and first is None) or (wishes.by_default and record.bounds):
        return 0
    share = CLEAN / 100 if first is None else wishes.share(first)
    alpha = wishes.promotion_alpha / (2.0 if wishes.by_default else 1.0)
    term = 0 if first is None else wishes.term(first, record.guards)
    try:
        return absolute.requests_needed(share, float(record.phi[term]), alpha)
    except InputError:
        return 0
