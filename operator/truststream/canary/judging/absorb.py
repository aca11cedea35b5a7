"""Blocks into a record: each is used exactly once, in order, whatever the looks were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from truststream.canary.judging.counting import Tally, fault, tally
from truststream.canary.judging.judge import MetricShape, Situation
from truststream.canary.judging.record import Record, Silence
from truststream.canary.observation import Block
from truststream.errors import InputError
from truststream.stats.keys import absolute, exchangeability
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.dispersion import Running
from truststream.stats.keys.mismatch import Mismatch, Routed
from truststream.stats.keys.promotion import Promotion, Proof
from truststream.stats.keys.rollback import Rollback

RESTART: Final = 300.0
"""Seconds after which another start is placed: a regression that comes late is met by a young bet."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A rollback threshold: the share of bad requests (0 to 1) of one term."""

    term: int
    share: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the spec bears on one metric's evidence."""

    shape: MetricShape
    tolerance: float
    limit: Limit | None = None


def absorb(record: Record, blocks: Sequence[Block], rules: Rules, situation: Situation) -> Record:
    """The record after all blocks that it has not seen."""
    fresh = [block for block in blocks if block.start >= record.until]
    faults = {block.start: block.fault for block in fresh if block.fault}
    try:
        record = _used(record, fresh, faults, rules, situation)
    except InputError:
        faults = _faults(fresh, record, situation)
        record = _used(record, fresh, faults, rules, situation)
    if faults:
        record = replace(record, faults=record.faults + len(faults), fault=next(reversed(faults.values())))
    return replace(record, until=fresh[-1].end) if fresh else record


def _used(
    record: Record, fresh: Sequence[Block], faults: Mapping[float, str], rules: Rules, situation: Situation
) -> Record:
    """The record after those blocks that have no fault.

    Raises:
        InputError: one of them has, all the same.
    """
    for stretch in _stretches([block for block in fresh if block.start not in faults], record, situation):
        record = _stretch(record, stretch, rules, situation)
    return record


def _faults(blocks: Sequence[Block], record: Record, situation: Situation) -> dict[float, str]:
    """Why blocks cannot be counted, by their start."""
    found = ((block.start, block.fault or fault(block, record.bounds, situation.seed)) for block in blocks)
    return {start: why for start, why in found if why}


def _stretches(blocks: Sequence[Block], record: Record, situation: Situation) -> Iterator[list[Block]]:
    """Blocks of one stage without a start between them; one that straddles a change of weight is left out.

    A look may come after the weight changed: the blocks before that are the former stage's.
    """
    current: list[Block] = []
    started, fresh = record.started, record.since != situation.since
    for block in blocks:
        if fresh and block.start < situation.since < block.end:
            continue
        changes = fresh and block.start >= situation.since
        fresh = fresh and not changes
        if changes or block.start >= started + RESTART:
            if current:
                yield current
            current, started = [], block.start
        current.append(block)
    if current:
        yield current


def staged(record: Record, situation: Situation) -> Record:
    """The record at this weight: proof, counts and what is suspected of the split begin anew with each; what is
    known against the canary goes on.

    Saved only with the first block of the new weight, since blocks of the former one may still come; whoever reads a
    record reads it staged.
    """
    if record.since == situation.since:
        return record
    return replace(
        record,
        since=situation.since,
        weight=situation.weight,
        proof=Proof.begin((record.guards,)),
        running=Running.begin((record.guards,)),
        routed=Routed.begin(),
        silence=Silence(),
        totals=np.concatenate([record.totals, np.zeros((1, *record.totals.shape[1:]))]),
        started=0.0,
    )


def _stretch(record: Record, blocks: list[Block], rules: Rules, situation: Situation) -> Record:
    if blocks[0].start >= situation.since:
        record = staged(record, situation)
    counted = tally(blocks, record.bounds, situation.seed)
    guarded = counted.counts.each(lambda part: part[: record.guards])
    start = blocks[0].start >= record.started + RESTART
    exchange = record.weight / 100 >= exchangeability.PLANNED
    test = Rollback(rules.tolerance, record.phi[: record.guards])
    record = replace(
        record,
        wealth=test.advance(record.wealth, guarded, exchange=exchange, start=start, disjoint=counted.disjoint),
        limit=_limited(record, counted.counts, rules.limit, start),
        proof=Promotion(record.margin).advance(record.proof, guarded, disjoint=counted.disjoint),
        running=record.running.advance(guarded, record.length),
        started=blocks[0].start if start else record.started,
        blocks=record.blocks + len(blocks),
    )
    return _counted(record, counted, rules)


def _limited(record: Record, counts: Counts, limit: Limit | None, start: bool) -> Floats:
    if limit is None:
        return record.limit
    requests, errors = counts.n_c[limit.term].sum(axis=-1), counts.e_c[limit.term].sum(axis=-1)
    factors = absolute.log_above_factors(requests, errors, limit.share, record.phi[limit.term]).sum(axis=0)
    return absolute.step_above(record.limit, factors, record.wealth.starts if start else None)


def _counted(record: Record, counted: Tally, rules: Rules) -> Record:
    """Totals, and whether the canary gets what its weight says."""
    counts = counted.counts
    parts = (counts.n_c, counts.e_c, counts.n_b, counts.e_b)
    totals = record.totals.copy()
    totals[-1] += np.stack([part.sum(axis=(-2, -1)) for part in parts], axis=-1)
    canary, stable = counts.n_c[0].sum(axis=-1), counts.n_b[0].sum(axis=-1)
    share = record.weight / 100
    routed = _routed(record.routed, canary, stable, share) if rules.shape.gateway else record.routed
    return replace(record, totals=totals, routed=routed, silence=_silence(record.silence, canary, stable, share))


def _routed(routed: Routed, canary: Floats, stable: Floats, share: float) -> Routed:
    """A start before every block: a canary that dies late is missed as soon as one that never lived."""
    if not 0.0 < share < 1.0:
        return routed
    test = Mismatch(share)
    for mine, others in zip(canary.tolist(), stable.tolist(), strict=True):
        routed = test.step(routed, mine, others, start=True)
    return routed


def _silence(silence: Silence, canary: Floats, stable: Floats, share: float) -> Silence:
    for mine, others in zip(canary.tolist(), stable.tolist(), strict=True):
        silence = Silence() if mine > 0 else Silence(silence.blocks + 1, silence.expected + share * others)
    return silence
