"""What a played release came to, in words, rows and lines: for tables, pages and machines alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from truststream.api.status import Evidence, MetricStatus
from truststream.replay.outcome import Ending, Look, Run
from truststream.replay.svg import Line, plot

AGAINST: Final = "#b3382c"
FOR: Final = "#2f7d4f"
_SHOWN: Final = math.log(1e6)
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Row:
    """One metric at one look; texts."""

    time: str
    weight: str
    metric: str
    verdict: str
    against: str
    proof: str
    ratio: str
    message: str

    @property
    def texts(self) -> tuple[str, ...]:
        """In the order of `HEADERS`."""
        return (
            self.time, self.weight, self.metric, self.verdict, self.against, self.proof, self.ratio, self.message
        )  # fmt: skip


HEADERS: Final = ("TIME", "WEIGHT", "METRIC", "VERDICT", "AGAINST / NEEDED", "PROOF / NEEDED", "RATIO", "MESSAGE")


def rows(run: Run) -> Iterator[Row]:
    """All looks, metric by metric; of several also what they say together, for that decides."""
    for look in run.looks:
        for metric in look.rows:
            yield _row(look, metric, run)
        if len(look.rows) > 1:
            yield _together(look, run)


def _row(look: Look, metric: MetricStatus, run: Run) -> Row:
    evidence = metric.evidence
    return Row(
        time=clock(look.at, run),
        weight=f"{look.stage.weight:g} %",
        metric=metric.name,
        verdict=str(metric.verdict),
        against="-" if evidence is None else _of(evidence.against, evidence.against_needed),
        proof="-" if evidence is None or evidence.proof is None else _of(evidence.proof, evidence.proof_needed),
        ratio=_ratio(evidence),
        message=metric.message,
    )


def _together(look: Look, run: Run) -> Row:
    return Row(
        time=clock(look.at, run),
        weight=f"{look.stage.weight:g} %",
        metric="together",
        verdict=str(look.verdict),
        against=_of(look.against, look.needed),
        proof="-" if look.proof is None or look.proof_needed is None else _of(look.proof, look.proof_needed),
        ratio="-",
        message="every criterion holds" if look.proven else "",
    )


def _of(log: float, needed: float) -> str:
    shown = f"{math.exp(log):.3g}" if log < _SHOWN else "> 1e6"
    return f"{shown} / {math.exp(needed):.3g}"


def _ratio(evidence: Evidence | None) -> str:
    if evidence is None or evidence.ratio is None:
        return "-"
    upper = "any" if evidence.upper is None else f"{evidence.upper:.3g}"
    return f"{evidence.ratio:.3g} ({evidence.lower or 0:.3g} to {upper})"


def clock(at: float, run: Run) -> str:
    """Time of day, UTC; with the date where a run takes longer than a day."""
    pattern = "%Y-%m-%d %H:%M:%S" if _span(run) > _DAY else "%H:%M:%S"
    return datetime.fromtimestamp(at, UTC).strftime(pattern)


def _span(run: Run) -> float:
    """Seconds that were looked at; more than to the decision where the looks went on."""
    return max([run.at, *(look.at for look in run.looks)]) - run.begin


def lasted(seconds: float) -> str:
    """``4 min 20 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part) or "0 s"


def sentence(run: Run) -> str:
    """What would have become of the release, and when."""
    if run.ending is Ending.UNDECIDED:
        last = run.reason or "no look was due in this time"
        return f"undecided after {lasted(run.seconds)}: {last}"
    did = "rolled back" if run.ending is Ending.ROLLED_BACK else "promoted"
    changed = max(stage.since for stage in run.stages if stage.since <= run.at)
    which = "the first weight" if changed == run.stages[0].since else "the weight changed"
    how = " by the policy at the deadline" if run.by_policy else ""
    when = f"at {clock(run.at, run)} UTC, {lasted(run.at - changed)} after {which}"
    later = run.looks[-1].at if run.looks else run.at
    on = f"; nothing rolled it back up to {clock(later, run)}" if later > run.at else ""
    return f"would have been {did}{how} {when} ({_why(run)}){on}"


def _why(run: Run) -> str:
    bad = next((row.name for look in run.looks[-1:] for row in look.rows if row.message == run.reason), "")
    return f"{bad}: {run.reason}" if bad else run.reason


def document(run: Run) -> dict[str, Any]:
    """For machines: times in RFC 3339, evidence as natural logarithms."""
    return {
        "outcome": str(run.ending),
        "at": _rfc(run.at),
        "seconds": round(run.seconds, 3),
        "byPolicy": run.by_policy,
        "reason": run.reason,
        "sentence": sentence(run),
        "stages": [{"since": _rfc(stage.since), "weight": stage.weight} for stage in run.stages],
        "looks": [_look(look) for look in run.looks],
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "at": _rfc(look.at),
        "weight": look.stage.weight,
        "verdict": str(look.verdict),
        "against": look.against,
        "againstNeeded": look.needed,
        "proven": look.proven,
        "metrics": [row.dump() for row in look.rows],
    }


def _rfc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def evidence_plots(run: Run) -> list[str]:
    """Evidence against, evidence for, and the weights, over time."""
    if not run.looks:
        return []
    seconds = _span(run)
    against = [(look.at - run.begin, look.against) for look in run.looks]
    proof = [(look.at - run.begin, look.proof) for look in run.looks if look.proof is not None]
    needed = next((look.proof_needed for look in run.looks if look.proof_needed is not None), None)
    plots = [evidence_plot("Evidence against the release", [against], AGAINST, run.looks[0].needed, seconds)]
    if proof and needed is not None:
        plots.append(evidence_plot("Proof of the criteria, anew at every weight", [proof], FOR, needed, seconds))
    weights = [(stage.since - run.begin, stage.weight) for stage in run.stages]
    weights.append((seconds, run.stages[-1].weight))
    line = Line(weights, "#3867b0", "weight", stairs=True)
    return [*plots, plot("Weight of the canary", [line], unit="percent", seconds=seconds, high=100.0)]


def evidence_plot(
    title: str, curves: Sequence[Sequence[tuple[float, float]]], colour: str, needed: float, seconds: float
) -> str:
    """Curves of logarithms with the line that they have to reach; what is far below nothing lies on the lower edge."""
    curves = [[(at, max(value, -needed)) for at, value in curve] for curve in curves]
    level = Line([(0.0, needed), (seconds, needed)], "#46525f", "needed", dashed=True)
    several = len(curves) > 1
    lines = [Line(curve, colour, "" if place else "evidence", faint=several) for place, curve in enumerate(curves)]
    return plot(title, [level, *lines], unit="ln(e-value)", seconds=seconds)
