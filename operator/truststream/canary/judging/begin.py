"""The first record of a metric: what is fixed before the first request is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from truststream.canary.judging.baseline import calibrate, guard_bounds
from truststream.canary.judging.judge import Situation
from truststream.canary.judging.record import COUNTS, Record
from truststream.canary.judging.wishes import Wishes
from truststream.canary.observation import Block, Measurement
from truststream.errors import InputError
from truststream.stats.keys import absolute
from truststream.stats.keys.dispersion import Running
from truststream.stats.keys.mismatch import Routed
from truststream.stats.keys.promotion import Proof
from truststream.stats.keys.rollback import Wealth


def begin(measurement: Measurement, wishes: Wishes, situation: Situation) -> Record | None:
    """A record without a block; None while too little is known of stable's latencies to choose bounds.

    Raises:
        InputError: no bucket lies at or above a limit.
    """
    guarded, until = _guarded(measurement, wishes, situation)
    if guarded is None:
        return None
    known = (*measurement.history, *measurement.blocks)
    bounds = (*guarded, *(limit_bound(limit, known) for limit in wishes.latency_limits))
    guards = len(guarded) or 1
    proxied = _proxied(measurement.blocks)
    phi, calibrated = calibrate(
        measurement.history, bounds, measurement.length, shape=wishes.shape, proxied=proxied, seed=situation.seed
    )
    return Record(
        length=measurement.length,
        until=until,
        weight=situation.weight,
        since=situation.since,
        margin=wishes.margin,
        bounds=bounds,
        guards=guards,
        phi=phi,
        calibrated=calibrated,
        started=0.0,
        totals=np.zeros((1, len(bounds) or 1, COUNTS)),
        wealth=Wealth.begin((guards,)),
        proof=Proof.begin((guards,)),
        running=Running.begin((guards,)),
        limit=absolute.begin_above(),
        routed=Routed.begin(),
    )


def _guarded(measurement: Measurement, wishes: Wishes, situation: Situation) -> tuple[tuple[float, ...] | None, float]:
    """Latency bounds that are compared, and from when on blocks count; no bound for a ratio, None: not known yet.

    Blocks that had to be looked at to choose the bounds are no evidence any more.
    """
    if wishes.shape.unit != "ms":
        return (), situation.since
    if before := guard_bounds(measurement.history):
        return before, situation.since
    learned = guard_bounds(measurement.blocks)
    return (learned, measurement.blocks[-1].end) if learned else (None, situation.since)


def limit_bound(limit: float, blocks: Sequence[Block]) -> float:
    """The lowest bucket bound (seconds) that is not below a limit in milliseconds.

    Raises:
        InputError: there is none.
    """
    cells = (cell for block in blocks for cell in (*block.stable, *block.canary))
    bounds = sorted({bound for cell in cells for bound, _ in cell.buckets if np.isfinite(bound)})
    fitting = [bound for bound in bounds if bound >= limit / 1000]
    if not fitting:
        highest = f"the highest is {1000 * bounds[-1]:g} ms" if bounds else "there is none at all"
        raise InputError("threshold", f"no bucket of the histogram reaches {limit:g} ms: {highest}")
    return fitting[0]


def _proxied(blocks: Sequence[Block]) -> bool:
    return any({cell.unit for cell in block.canary} & {cell.unit for cell in block.stable} for block in blocks)
