"""Rules of others on the same counts: what is customary, for comparison."""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.bench.judge.judged import ALPHA, Looks
from tests.bench.judge.plan import BLOCKS
from tests.bench.judge.streams import Stream
from truststream.stats.keys.counts import Floats

_Z: Final = 2.3263478740408408
"""One-sided 1 % of the normal law."""

assert ALPHA == 0.01


def flagger(stream: Stream, limit: float = 0.01, window: int = 6, failures: int = 5) -> Looks:
    """Flagger: a check a minute, failed where more than 1 % of the canary's requests fail or none came; five in all.

    Source: fluxcd/flagger, docs "How it works": threshold, interval and the built-in metric request-success-rate.
    """
    requests, errors = (values.sum(axis=-1) for values in (stream.n_c, stream.e_c))
    requests, errors = (v.reshape(BLOCKS // window, window, -1).sum(axis=1) for v in (requests, errors))
    failed = (errors > limit * requests) | (requests == 0)
    return _first(np.cumsum(failed, axis=0) >= failures) * window


def peeked_z(stream: Stream) -> Looks:
    """The z-test of two shares at 1 %, asked at every look as if it were the only one."""
    n_c, e_c, n_b, e_b = (
        np.cumsum(values.sum(axis=-1), axis=0) for values in (stream.n_c, stream.e_c, stream.n_b, stream.e_b)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (e_c + e_b) / (n_c + n_b)
        deviation: Floats = np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_b))
        z = (e_c / n_c - e_b / n_b) / deviation
    return _first(np.nan_to_num(z) > _Z)


def _first(crossed: np.ndarray) -> Looks:
    """Number of the first look, from 1; 0 where there is none."""
    return np.where(crossed.any(axis=0), crossed.argmax(axis=0) + 1, 0).astype(np.int64)
