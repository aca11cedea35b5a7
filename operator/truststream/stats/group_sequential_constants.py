"""Classical boundaries for equally spaced looks: Pocock, O'Brien-Fleming, and Wang & Tsiatis in between."""

from __future__ import annotations

import math

from scipy.special import ndtri

from truststream.errors import InputError
from truststream.stats.crossing import root
from truststream.stats.group_sequential import crossing
from truststream.stats.group_sequential_bounds import Boundary
from truststream.stats.guards import finite, open_unit

POCOCK, OBRIEN_FLEMING = 0.5, 0.0
_MOST_LOOKS = 200


def equal_looks(looks: int) -> tuple[float, ...]:
    """Information fractions 1/K, 2/K, ..., 1."""
    if not 1 <= looks <= _MOST_LOOKS or looks != int(looks):
        raise InputError("K", f"{looks} is not a number of looks from 1 to {_MOST_LOOKS}")
    return tuple(k / looks for k in range(1, looks + 1))


def wang_tsiatis(looks: int, alpha: float, delta: float) -> Boundary:
    """Two-sided bounds z_k = C (k/K)^(delta - 1/2): Pocock for delta = 1/2, O'Brien & Fleming for delta = 0.

    Hypothesis and assumptions: as for `crossing`, with K equal steps of information planned beforehand.
    Wrong when: looks are added or moved: use a spending function.
    Source: Wang & Tsiatis 1987, Biometrics 43, 193; Pocock 1977, Biometrika 64, 191; O'Brien & Fleming 1979,
    Biometrics 35, 549; Jennison & Turnbull 2000, sections 2.4 to 2.7.
    """
    t = equal_looks(looks)
    open_unit("alpha", alpha)
    shape = [math.pow(time, finite("delta", delta) - 0.5) for time in t]

    def spent(c: float) -> tuple[float, ...]:
        return crossing(t, [c * factor for factor in shape]).cumulative

    # one look alone needs the usual value; K looks need at most what Bonferroni gives
    low = -float(ndtri(alpha / 2))
    high = -float(ndtri(alpha / (2 * looks))) / min(shape) + 0.01
    c = low if looks == 1 else root(lambda value: spent(value)[-1] - alpha, low / max(shape), high)
    return Boundary(t, tuple(c * factor for factor in shape), spent(c), True)


def pocock_nominal(looks: int, alpha: float) -> float:
    """The p-value that every one of K looks has to beat so that all together err with probability `alpha`."""
    return wang_tsiatis(looks, alpha, POCOCK).nominal_p[0]
