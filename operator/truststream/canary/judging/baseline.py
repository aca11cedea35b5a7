"""What is fixed before the first request is judged: latency bounds, and how lumpy the baseline's errors are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from truststream.canary.judging.counting import tally
from truststream.canary.judging.judge import MetricShape
from truststream.canary.judging.pairing import halves
from truststream.canary.observation import Block, Cell
from truststream.stats.keys import dispersion
from truststream.stats.keys.counts import Floats

_QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
_LEAST_REQUESTS: Final = 100.0
_LEAST_SHARE: Final = 0.001
"""A bound above which less than this share of the requests lies says nothing in the time of a release."""
_ATTEMPTS: Final = 2.0
"""Floor of phi where attempts are counted: one failure behind a gateway that retries once is two of them."""


def guard_bounds(blocks: Sequence[Block]) -> tuple[float, ...]:
    """Bucket bounds next to the baseline's median, p90, p95 and p99; empty while too few requests are known."""
    cells = [cell for block in blocks if not block.fault for cell in block.stable]
    known = [cell for cell in cells if cell.buckets]
    total = sum(cell.requests for cell in known)
    if total < _LEAST_REQUESTS:
        return ()
    shares = {bound: count / total for bound, count in _summed(known).items() if np.isfinite(bound)}
    chosen = {min((b for b, share in shares.items() if share >= q), default=None) for q in _QUANTILES}
    useful = {bound for bound in chosen if bound is not None and 1.0 - shares[bound] >= _LEAST_SHARE}
    return tuple(sorted(useful or _highest(shares)))


def _summed(cells: Sequence[Cell]) -> dict[float, float]:
    common = set.intersection(*({bound for bound, _ in cell.buckets} for cell in cells))
    return {bound: sum(dict(cell.buckets)[bound] for cell in cells) for bound in sorted(common)}


def _highest(shares: dict[float, float]) -> set[float]:
    """All requests are below every bound but the last ones: the lowest that holds them all."""
    full = [bound for bound, share in shares.items() if share >= 1.0 - _LEAST_SHARE]
    return {min(full)} if full else {max(shares)} if shares else set()


def calibrate(
    history: Sequence[Block], bounds: Sequence[float], length: float, *, shape: MetricShape, proxied: bool, seed: str
) -> tuple[Floats, bool]:
    """phi of every term, and whether it was learned from an A/A or is the cautious default.

    Pods are split into two halves. Replicas of a proxy see the same pods, so splitting them would hide a pod's
    bursts: there, and with one pod, the baseline is compared with itself a window later.
    """
    floor = dispersion.FLOOR if shape.gateway else _ATTEMPTS
    sound = [block for block in history if not block.fault and block.stable]
    terms = len(bounds) or 1
    if not sound or length <= 0:
        return np.full(terms, max(dispersion.UNKNOWN, floor)), False
    units = {cell.unit for block in sound for cell in block.stable}
    if proxied or len(units) < 2:
        counts = tally([_alone(block) for block in sound], bounds, seed).counts
        phi = dispersion.calibrated_alone(counts.n_b.sum(axis=-1), counts.e_b.sum(axis=-1), length, floor)
    else:
        counts = tally([_split(block, halves(sorted(units), seed)[0]) for block in sound], bounds, seed).counts
        phi = dispersion.calibrated(counts.each(lambda part: part.sum(axis=-1)), length, floor)
    return phi, True


def _alone(block: Block) -> Block:
    return Block(block.start, block.end, stable=block.stable)


def _split(block: Block, first: frozenset[str]) -> Block:
    """One half of the baseline in the canary's place."""
    inside = tuple(cell for cell in block.stable if cell.unit in first)
    outside = tuple(cell for cell in block.stable if cell.unit not in first)
    return Block(block.start, block.end, canary=inside, stable=outside)
