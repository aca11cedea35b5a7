"""Which weights a past release had: read off the share of the requests that reached the canary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from truststream.canary.observation import Block
from truststream.replay.outcome import Stage

_DIFFERENT: Final = 6.0
"""Standard deviations: sessions that stick to an arm make shares noisier than a coin is."""
_NOTABLE: Final = 0.15
"""A weight changed when the odds did by at least this part of them."""
_NEAR: Final = 0.1
"""The share is that of a planned weight when the odds differ by less than this part of them."""
_LASTING: Final = 2
"""Blocks in a row."""
_FULL: Final = 99.9


@dataclass(frozen=True, slots=True)
class Requests:
    """Of both arms in (start, end]."""

    start: float
    end: float
    canary: float
    stable: float

    @property
    def total(self) -> float:
        """Both."""
        return self.canary + self.stable


def requests_in(blocks: Sequence[Block]) -> list[Requests]:
    """Blocks with any request."""
    found = (
        Requests(b.start, b.end, sum(c.requests for c in b.canary), sum(c.requests for c in b.stable))
        for b in blocks
        if not b.fault
    )
    return [one for one in found if one.total > 0]


def recorded_stages(blocks: Sequence[Block], planned: Sequence[float] = ()) -> tuple[Stage, ...]:
    """The stages of the first release in these blocks; empty where no request reached a canary.

    It begins with the first block that has a request of the canary, and ends where the canary gets none, or all, for
    three blocks. Request counts alone decide, never errors: so the choice of stages favours no verdict.

    Args:
        planned: weights that a share close by is taken for.
    """
    groups: list[list[Requests]] = []
    for one in _of_the_release(requests_in(blocks)):
        if groups and not _changed(groups[-1], one):
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(Stage(since, _weight(group, planned)) for since, group in _lasting(groups))


def release_end(blocks: Sequence[Block]) -> float:
    """Where the first release in these blocks ends."""
    found = _of_the_release(requests_in(blocks))
    return found[-1].end if found else -math.inf


def _of_the_release(found: list[Requests]) -> list[Requests]:
    begin = next((place for place, one in enumerate(found) if one.canary > 0), len(found))
    kept, outside = list[Requests](), 0
    for one in found[begin:]:
        share = 100 * one.canary / one.total
        outside = outside + 1 if share == 0 or share > _FULL else 0
        kept.append(one)
        if outside > _LASTING:
            break
    return kept[: len(kept) - outside]


def _changed(group: Sequence[Requests], one: Requests) -> bool:
    """Whether the share of this block is another one than that of the blocks before."""
    canary, total = sum(r.canary for r in group), sum(r.total for r in group)
    before, now = (canary + 0.5) / (total + 1), (one.canary + 0.5) / (one.total + 1)
    together = (canary + one.canary + 0.5) / (total + one.total + 1)
    deviation = math.sqrt(together * (1 - together) * (1 / total + 1 / one.total))
    return abs(now - before) > _DIFFERENT * deviation and _distance(now, before) > math.log1p(_NOTABLE)


def _lasting(groups: Sequence[list[Requests]]) -> list[tuple[float, list[Requests]]]:
    """Stages and when each begins.

    A share of one block alone is no stage but a block in which the weight changed, or noise. A stage that follows it
    begins in its middle: the judge leaves out a block in which the weight changes.
    """
    kept: list[tuple[float, list[Requests]]] = []
    waiting: list[Requests] = []
    for group in groups:
        if len(group) < _LASTING:
            waiting = [*waiting, *group]
            continue
        if kept and not _changed(kept[-1][1], _merged(group)):
            kept[-1][1].extend([*waiting, *group])
        else:
            since = (waiting[-1].start + waiting[-1].end) / 2 if waiting else group[0].start
            kept.append((since, list(group)))
        waiting = []
    return kept or ([(waiting[0].start, waiting)] if waiting else [])


def _merged(group: Sequence[Requests]) -> Requests:
    canary, stable = sum(r.canary for r in group), sum(r.stable for r in group)
    return Requests(group[0].start, group[-1].end, canary, stable)


def _weight(group: Sequence[Requests], planned: Sequence[float]) -> float:
    """Percent: a weight of the plan that is next to the share, else the share as it was, with three digits."""
    one = _merged(group)
    share = min(0.99, max(0.0001, one.canary / one.total))
    near = min((w / 100 for w in planned if 0 < w < 100), key=lambda w: _distance(w, share), default=share)
    chosen = near if _distance(near, share) < math.log1p(_NEAR) else share
    return float(f"{100 * chosen:.3g}")


def _distance(one: float, other: float) -> float:
    """Of two shares, as odds."""
    return abs(math.log(one / (1 - one)) - math.log(other / (1 - other)))
