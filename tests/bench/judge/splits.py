"""The watch on the split: how soon a dead canary is missed, how often sticky sessions alarm falsely."""

from __future__ import annotations

import math
import zlib
from typing import Any, Final

import numpy as np

from tests.bench.judge import limits
from tests.bench.judge.measure import SEED
from tests.bench.judge.plan import BLOCKS, LENGTH
from truststream.stats.keys.counts import Floats
from truststream.stats.keys.mismatch import ALPHA, BAND, CLUSTER, Mismatch, Routed

Row = dict[str, Any]

DEAD_RUNS: Final = 500
FALSE_RUNS: Final = 10_000
LATE: Final = 180
DEAD: Final = (("dead from the start, requests fail over", 0, 0.05), ("dead from the start, requests lost", 0, 0.0))
LATE_DEAD: Final = (("dead after 30 minutes, requests fail over", LATE, 0.05),)


def measure() -> list[Row]:
    """All rows: deaths first, then false alarms."""
    deaths = [_death(name, since, over) for name, since, over in (*DEAD, *LATE_DEAD)]
    false = [_false(weight, rate, odds) for weight in (0.05, 0.5) for rate in (200, 1000) for odds in (0.9, 1.0, 1.1)]
    return [*deaths, *false]


def _death(name: str, since: int, over: float) -> Row:
    """5 % of 200 requests a second; `over` of all requests reaches stable instead."""
    generator = _generator(name)
    alarm = np.zeros(DEAD_RUNS, np.int64)
    test, routed = Mismatch(0.05), Routed.begin((DEAD_RUNS,))
    for block in range(BLOCKS):
        dead = block >= since
        n_c = generator.poisson(0.0 if dead else 100.0, DEAD_RUNS)
        n_b = generator.poisson(2000.0 * (0.95 + (over if dead else 0.0)), DEAD_RUNS)
        routed = test.step(routed, n_c, n_b, start=True)
        _note(alarm, block, test.log_evidence(routed))
        if alarm.all():
            break
    early = float(np.mean((alarm > 0) & (alarm <= since)))
    delays = (np.where(alarm > 0, alarm, BLOCKS) - since) * LENGTH
    return {"kind": "dead", "name": name, "delay": float(delays.mean()), "latest": float(delays.max()), "early": early}


def _false(weight: float, rate: float, odds: float) -> Row:
    """Sessions of 50 requests, each to one arm; the odds at an end of the band, or as planned."""
    name = f"sticky sessions of {CLUSTER:g}, {rate:g} rps, {weight:.0%}, odds x {odds:g}".replace("%", " %")
    generator, share = _generator(name), weight * odds / (weight * odds + 1.0 - weight)
    sessions = rate * LENGTH / CLUSTER
    alarm = np.zeros(FALSE_RUNS, np.int64)
    test, routed = Mismatch(weight), Routed.begin((FALSE_RUNS,))
    for block in range(BLOCKS):
        n_c, n_b = (generator.poisson(sessions * part, FALSE_RUNS) * CLUSTER for part in (share, 1.0 - share))
        routed = test.step(routed, n_c, n_b, start=True)
        _note(alarm, block, test.log_evidence(routed))
    hits = int(np.count_nonzero(alarm))
    return {"kind": "false", "name": name, "share": hits / FALSE_RUNS, "upper": limits.upper(hits, FALSE_RUNS)}


def _note(alarm: np.ndarray[Any, np.dtype[np.int64]], block: int, evidence: Floats) -> None:
    alarm[(alarm == 0) & (evidence >= math.log(1 / ALPHA))] = block + 1


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([SEED, zlib.crc32(name.encode())]))


assert BAND == 0.1  # the odds of the false alarms are its ends
