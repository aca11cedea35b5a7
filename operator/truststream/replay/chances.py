"""What a simulation came to, in rows, lines and a document for machines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from truststream.replay.outcome import Ending
from truststream.replay.summary import LEVEL, Share, Summary
from truststream.replay.svg import Line, plot
from truststream.replay.telling import AGAINST, FOR, evidence_plot, lasted

HEADERS: Final = ("RELEASE", "OUTCOME", "SHARE", "95 %", "MEDIAN", "P90", "MEAN", "BOUND")
_SHARES: Final = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Parts of the duration at which the share of decisions is told."""
_COLOURS: Final = {Ending.ROLLED_BACK: AGAINST, Ending.PROMOTED: FOR}


def rows(summaries: Sequence[Summary]) -> Iterator[tuple[str, ...]]:
    """One an outcome; the bound stands beside the outcome that is right."""
    for summary in summaries:
        for share in summary.shares:
            bound = _time(summary.bound) if share.ending is summary.right else ""
            yield (summary.name, str(share.ending), *_share(share), bound)


def _share(share: Share) -> tuple[str, ...]:
    interval = share.interval
    policies = f", {share.by_policy} by policy" if share.by_policy else ""
    return (
        f"{100 * share.share:.3g} % ({share.count} of {share.runs}{policies})",
        f"{100 * interval.lower:.2g} to {100 * interval.upper:.3g} %",
        *(_time(seconds) for seconds in (share.median, share.p90, share.mean)),
    )


def _time(seconds: float) -> str:
    """A dash where there is none, or none is known."""
    return lasted(seconds) if math.isfinite(seconds) else "-"


def moments(duration: float) -> list[float]:
    """When the shares of decisions are told."""
    return [share * duration for share in _SHARES]


def decided(summaries: Sequence[Summary], duration: float) -> Iterator[tuple[str, ...]]:
    """Share of the runs that were decided by then."""
    for summary in summaries:
        for ending in (Ending.ROLLED_BACK, Ending.PROMOTED):
            by = (f"{100 * summary.decided_by(ending, at):.3g} %" for at in moments(duration))
            yield (summary.name, str(ending), *by)


def document(summaries: Sequence[Summary], duration: float) -> dict[str, Any]:
    """For machines; null where there is no such number."""
    return {"duration": duration, "level": LEVEL, "scenarios": [_summary(one, duration) for one in summaries]}


def _summary(summary: Summary, duration: float) -> dict[str, Any]:
    return {
        "name": summary.name,
        "runs": summary.runs,
        "right": str(summary.right),
        "bound": _finite(summary.bound),
        "outcomes": {str(share.ending): _numbers(share) for share in summary.shares},
        "decidedBy": [
            {"seconds": at, **{str(e): summary.decided_by(e, at) for e in (Ending.ROLLED_BACK, Ending.PROMOTED)}}
            for at in moments(duration)
        ],
        "times": [[str(ending), round(seconds, 3)] for ending, seconds in summary.times],
    }


def _numbers(share: Share) -> dict[str, Any]:
    return {
        "count": share.count,
        "share": share.share,
        "lower": share.interval.lower,
        "upper": share.interval.upper,
        "byPolicy": share.by_policy,
        "median": _finite(share.median),
        "p90": _finite(share.p90),
        "mean": _finite(share.mean),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def figures(summary: Summary, duration: float, needed: tuple[float, float]) -> list[str]:
    """Cumulated decisions, and the evidence of some runs; `needed` against and for, as logarithms."""
    lines = [_cumulated(summary, ending, duration) for ending in _COLOURS]
    if math.isfinite(summary.bound):
        lines.append(Line([(summary.bound, 0.0), (summary.bound, 100.0)], "#46525f", "bound", dashed=True))
    return [
        plot(f"{summary.name}: decided by then", lines, unit="percent of runs", seconds=duration, high=100.0),
        evidence_plot(f"{summary.name}: evidence against, some runs", _against(summary), AGAINST, needed[0], duration),
        evidence_plot(f"{summary.name}: proof of the criteria, some runs", _proofs(summary), FOR, needed[1], duration),
    ]


def _cumulated(summary: Summary, ending: Ending, duration: float) -> Line:
    times = [seconds for kind, seconds in summary.times if kind is ending]
    points = [(seconds, 100.0 * (place + 1) / summary.runs) for place, seconds in enumerate(times)]
    last = points[-1][1] if points else 0.0
    return Line([(0.0, 0.0), *points, (duration, last)], _COLOURS[ending], str(ending), stairs=True)


def _against(summary: Summary) -> list[list[tuple[float, float]]]:
    return [list(zip(trace.seconds, trace.against, strict=True)) for trace in summary.traces]


def _proofs(summary: Summary) -> list[list[tuple[float, float]]]:
    pairs = (zip(trace.seconds, trace.proof, strict=True) for trace in summary.traces)
    return [[(at, proof) for at, proof in pair if proof is not None] for pair in pairs]
