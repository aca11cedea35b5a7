"""Plans for ratio metrics, from a pilot."""

from __future__ import annotations

import math

from truststream.errors import InputError
from truststream.stats.guards import finite, positive
from truststream.stats.power import Contrast
from truststream.stats.ratio import variance_of_ratio
from truststream.stats.summary import Ratio


def contrast_of_ratios(pilot: Ratio, lift: float, *, margin: float = 0.0, allocation: float = 1.0) -> Contrast:
    """Lift of a ratio metric, expected against a margin (0: superiority; else non-inferiority).

    Formula: with v the delta-method variance of one unit of the pilot and r its ratio,
    σ² = (v + v (1 + lift)²/allocation)/r²; under the null the lift is the margin. Treatment varies as the pilot does.
    Assumptions: the pilot's units are of the kind that will be randomised.
    Wrong when: the pilot is short, and the mix of its units not that of the experiment.
    Source: Deng, Knoblich & Lu (2018), KDD, eqs. (3), (4).
    """
    unit = variance_of_ratio(pilot) * pilot.n
    if not unit > 0 or pilot.ratio == 0:
        raise InputError("pilot", "has no spread, or a ratio of 0; take a longer one")
    scale = unit / pilot.ratio**2
    r = positive("allocation", allocation)
    null, truth = (math.sqrt(scale * (1.0 + (1.0 + value) ** 2 / r)) for value in (margin, lift))
    return Contrast(finite("lift", lift) - finite("margin", margin), null, truth)
