"""The first record of a metric: what is fixed before the first request is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from truststream.canary.judging.absorb import Rules
from truststream.canary.judging.baseline import calibrate, guard_bounds
from truststream.canary.judging.judge import Situation
from truststream.canary.judging.record import COUNTS, Record
from truststream.canary.observation import Block, Measurement
from truststream.errors import InputError
from truststream.stats.keys import absolute
from truststream.stats.keys.dispersion import Running
from truststream.stats.keys.mismatch import Routed
from truststream.stats.keys.promotion import Proof
from truststream.stats.keys.rollback import Wealth


def begin(
    measurement: Measurement, rules: Rules, limits: Sequence[float], margin: float, situation: Situation
) -> Record | None:
    """A record without a block; None while too little is known of stable's latencies to choose bounds.

    Args:
        limits: latency limits of the spec in milliseconds, which need a bound of their own.

    Raises:
        InputError: no bucket lies at or above a limit.
    """
    bounds: tuple[float, ...] = ()
    until = situation.since
    guards = 1
    if rules.shape.unit == "ms":
        bounds = guard_bounds(measurement.history)
        if not bounds:
            bounds = guard_bounds(measurement.blocks)
            until = measurement.blocks[-1].end if measurement.blocks else until
        if not bounds:
            return None
        guards = len(bounds)
        bounds = (*bounds, *(limit_bound(limit, [*measurement.history, *measurement.blocks]) for limit in limits))
    phi, calibrated = calibrate(
        measurement.history,
        bounds,
        measurement.length,
        shape=rules.shape,
        proxied=_proxied(measurement.blocks),
        seed=situation.seed,
    )
    return Record(
        length=measurement.length,
        until=until,
        weight=situation.weight,
        since=situation.since,
        margin=margin,
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
