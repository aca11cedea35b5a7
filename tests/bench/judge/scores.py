"""S: how much longer a decision took than any method needs at least."""

from __future__ import annotations

import math

from tests.bench.judge import limits
from tests.bench.judge.cells import Kind
from tests.bench.judge.judged import ALPHA, ALPHA_PROMOTION
from tests.bench.judge.measure import MARGIN, TOLERANCE, Row
from tests.bench.judge.plan import LENGTH, Plan
from truststream.stats.keys.dispersion import FLOOR


def least(row: Row, tolerance: float = 0.0) -> float:
    """The bound in seconds for independent errors; a late change also has to be told among the starts before it."""
    plan = Plan(row["rate"], row["weight"], row["errors"], row["pods"])
    if row["kind"] == Kind.PROMOTION:
        return limits.bound(plan, row["ratio"], ALPHA_PROMOTION, MARGIN)
    bound = limits.bound(plan, row["ratio"], ALPHA, tolerance)
    starts = sum(1 for start in plan.starts if start * LENGTH <= row["since"])
    return bound * (1.0 + math.log(starts) / math.log(1.0 / ALPHA))


def score(row: Row, column: str) -> float:
    """(Delay - one block) / max(bound * phi, one block): a change is only seen at the end of its block.

    NaN where the bound is unknown (weights that change) or not reached within the hour.
    """
    tolerance = TOLERANCE if column.startswith("d25") else 0.0
    phi = FLOOR if " 1.3 " in column else row["phi"]
    bound = least(row, tolerance)
    if not math.isfinite(bound) or row[column]["seen"] < 0.95:
        return math.nan
    return float((row[column]["delay"] - LENGTH) / max(bound * phi, LENGTH))
