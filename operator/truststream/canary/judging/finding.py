"""One metric at one look: its record brought up to date, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, Mode
from truststream.api.quantities import format_duration
from truststream.api.status import ArmCounts, Evidence, MetricStatus, Verdict
from truststream.canary.judging import words
from truststream.canary.judging.absorb import Limit, Rules, absorb, staged
from truststream.canary.judging.begin import begin
from truststream.canary.judging.judge import MetricShape, Situation
from truststream.canary.judging.proving import Proof, clean_requests, proofs
from truststream.canary.judging.record import Record
from truststream.canary.judging.threshold import threshold_row, value_of
from truststream.canary.judging.wishes import Wishes, wishes
from truststream.canary.observation import Measurement, Outcome
from truststream.errors import InputError
from truststream.stats.keys import absolute, mismatch, rate_ratio
from truststream.stats.keys.counts import Counts
from truststream.stats.keys.rollback import Rollback
from truststream.stats.keys.starts import log_sum
from truststream.stats.result import Interval

SILENT_BLOCKS: Final = 3
SILENT_REQUESTS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`record` is what is saved, `staged` how it reads at the present weight; both None for what is not counted."""

    shape: MetricShape
    wishes: Wishes
    situation: Situation
    measurement: Measurement
    mode: Mode
    record: Record | None = None
    trouble: str = ""  # why there is no verdict, when the counts are not to blame
    down: bool = False
    plain: MetricStatus | None = None  # of a Value: judged by threshold
    proofs: tuple[Proof, ...] = ()
    against: tuple[float, ...] = ()
    ratio: tuple[float, Interval] | None = None  # the canary's rate over stable's
    alarms: tuple[str, ...] = ()  # requests do not reach the arms as the weight says

    @property
    def staged(self) -> Record | None:
        """The record at this weight."""
        return None if self.record is None else staged(self.record, self.situation)

    @property
    def requests(self) -> float:
        """Of the canary, at this weight."""
        return 0.0 if self.staged is None else float(self.staged.totals[-1, 0, 0])

    @property
    def enough(self) -> bool:
        """Nothing is missing before a higher weight."""
        if self.plain is not None:
            return self.plain.verdict is Verdict.GOOD
        return not (self.trouble or self.starved or self.alarms)

    @property
    def starved(self) -> bool:
        """Requests are missing, or an answer."""
        if self.plain is not None:
            return self.plain.verdict in (Verdict.NOT_ENOUGH_DATA, Verdict.SOURCE_DOWN)
        return bool(self.trouble) or self.requests < self.wishes.minimum or bool(self._silence)

    @property
    def _silence(self) -> str:
        record = self.staged
        if record is None:
            return ""
        silence = record.silence
        if silence.blocks < SILENT_BLOCKS or silence.expected < SILENT_REQUESTS:
            return ""
        return (
            f"no request reached the canary for {format_duration(silence.blocks * record.length)}; "
            f"at {record.weight:g} % about {silence.expected:.0f} were to"
        )

    def row(self, *, condemned: bool) -> MetricStatus:
        """As status shows it; `condemned` when this metric carries a bad verdict."""
        if self.plain is not None:
            return self.plain
        verdict, message = self._verdict(condemned)
        record = self.staged
        return MetricStatus(
            name=self.shape.name,
            verdict=verdict,
            stable=self._arm(2) if record else None,
            canary=self._arm(0) if record else None,
            unit=self.shape.unit,
            message=message,
            evidence=None if record is None else self._evidence(record),
        )

    def _verdict(self, condemned: bool) -> tuple[Verdict, str]:
        if condemned and self.record is not None:
            needed = math.log(1.0 / self.wishes.rollback_alpha)
            return Verdict.BAD, f"{self._numbers()}: {self._charge()}; {words.evidence(max(self.against), needed)}"
        if self.down:
            return Verdict.SOURCE_DOWN, self.trouble
        missing = self.trouble or self._silence or next(iter(self.alarms), "")
        if missing:
            return Verdict.NOT_ENOUGH_DATA, missing
        if self.requests < self.wishes.minimum:
            return Verdict.NOT_ENOUGH_DATA, f"{self.requests:.0f} of {self.wishes.minimum} requests needed"
        open_ones = [proof for proof in self.proofs if not proof.holds]
        if open_ones and self.staged is not None:
            clean = clean_requests(self.staged, self.wishes)
            text = words.missing(open_ones[0], self.situation.weight, clean)
            return Verdict.NOT_ENOUGH_DATA, f"{self._numbers()}: {text}"
        proven = ", ".join(proof.text for proof in self.proofs)
        return Verdict.GOOD, f"{self._numbers()}: {f'proven: {proven}' if proven else 'not worse than stable'}"

    def _charge(self) -> str:
        if len(self.against) > 1 and self.against[1] > self.against[0]:
            return f"beyond the rollback threshold of {self.wishes.rollback:g} {self.shape.unit}"
        return f"worse than stable by more than {100 * self.wishes.tolerance:g} %"

    def _numbers(self) -> str:
        if self.record is None or self.ratio is None:
            return "nothing counted"
        canary, stable = words.arm(self._arm(0), self.shape), words.arm(self._arm(2), self.shape)
        return f"canary {canary}, stable {stable}{words.ratio(*self.ratio)}"

    def _arm(self, place: int) -> ArmCounts:
        record = self.staged
        assert record is not None
        last = record.guards - 1  # of a latency the highest bound: nearest to the quantile that is shown
        requests, bad = (float(x) for x in record.totals[-1, last, place : place + 2])
        if self.shape.unit == "ms":
            reading = self.measurement.canary if place == 0 else self.measurement.stable
            value = None if reading is None else value_of(self.shape, reading)
        else:
            share = 100 * bad / requests if requests else None
            value = share if share is None or not self.shape.higher_is_better else 100 - share
        return ArmCounts(requests=requests, bad=bad, value=None if value is None else round(value, 4))

    def _evidence(self, record: Record) -> Evidence:
        estimate, interval = self.ratio or (math.nan, Interval(0.0, math.inf, 0.0))
        weakest = min(self.proofs, key=lambda proof: proof.log - proof.needed, default=None)
        return Evidence(
            against=round(max(self.against, default=0.0), 9),
            against_needed=round(math.log(1.0 / self.wishes.rollback_alpha), 4),
            proof=None if weakest is None else round(weakest.log, 9),
            proof_needed=round(math.log(1.0 / self.wishes.promotion_alpha), 4),
            ratio=_finite(estimate),
            lower=_finite(interval.lower),
            upper=_finite(interval.upper),
            level=interval.level,
            phi=round(float(record.phi[record.guards - 1]), 4),
            calibrated=record.calibrated,
            blocks=record.blocks,
            block=format_duration(record.length),
        )


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return round(value, 4) if math.isfinite(value) else None


def find(
    spec: CanaryDeploymentSpec,
    shape: MetricShape,
    measurement: Measurement,
    known: Record | None,
    situation: Situation,
    mode: Mode,
) -> Finding:
    """What this look adds to one metric."""
    wanted = wishes(spec, shape)
    finding = Finding(shape, wanted, situation, measurement, mode, record=known)
    if not shape.counted:
        return replace(finding, plain=threshold_row(spec, shape, measurement))
    try:
        finding = _updated(finding)
        return _judged(finding)
    except InputError as error:
        return replace(finding, trouble=str(error))


def _updated(finding: Finding) -> Finding:
    """Blocks speak for themselves: one that cannot be used does not keep the others from being counted."""
    measurement = finding.measurement
    if measurement.outcome is Outcome.SOURCE_DOWN:
        return replace(finding, trouble=measurement.message, down=True)
    blamed = any(block.fault for block in measurement.blocks)
    if measurement.outcome is Outcome.INVALID and not blamed:
        return replace(finding, trouble=measurement.message)  # not single blocks, but the arms cannot be compared
    if not measurement.blocks:
        unusable = measurement.outcome is not Outcome.OK or finding.record is None
        waiting = measurement.message or "waiting for the first whole block of counts"
        return replace(finding, trouble=waiting if unusable else "")
    record = _fitting(finding.record, finding.wishes) or begin(measurement, finding.wishes, finding.situation)
    if record is None:
        waiting = "waiting for 100 requests at stable, to choose latency bounds by them"
        return replace(finding, record=None, trouble=waiting)
    before = record.faults
    record = absorb(record, measurement.blocks, _rules(finding, record), finding.situation)
    return replace(finding, record=record, trouble=record.fault if record.faults > before else "")


def _fitting(record: Record | None, wanted: Wishes) -> Record | None:
    """None where the spec has changed what has to be counted: then it begins anew."""
    if record is None:
        return None
    limits = len(record.bounds) - record.guards if record.bounds else 0
    return record if record.margin == wanted.margin and limits == len(wanted.latency_limits) else None


def _rules(finding: Finding, record: Record) -> Rules:
    wanted, limit = finding.wishes, None
    if wanted.rollback is not None:
        limit = Limit(wanted.term(wanted.rollback, record.guards), wanted.share(wanted.rollback))
    return Rules(finding.shape, wanted.tolerance, limit)


def _judged(finding: Finding) -> Finding:
    """With evidence against, and proofs at this weight."""
    record, wanted = finding.record, finding.wishes
    at_weight = finding.staged
    if record is None or at_weight is None:
        return finding
    keys = Rollback(wanted.tolerance, record.phi[: record.guards]).keys(record.wealth)
    logs = [float(log_sum(keys.fast if finding.mode is Mode.FAST else keys.two))]
    if wanted.rollback is not None:
        logs.append(float(absolute.log_above(record.limit, record.wealth.starts)))
    proven = proofs(at_weight, wanted, finding.mode)
    return replace(
        finding,
        against=tuple(logs),
        proofs=proven,
        ratio=_ratio(at_weight, wanted),
        alarms=_alarms(at_weight),
    )


def _alarms(record: Record) -> tuple[str, ...]:
    share = record.weight / 100
    if not 0.0 < share < 1.0 or not record.routed.starts:
        return ()
    if float(mismatch.Mismatch(share).log_evidence(record.routed)) < math.log(1.0 / mismatch.ALPHA):
        return ()
    n_c, n_b = record.totals[-1, 0, 0], record.totals[-1, 0, 2]
    return (
        f"sample ratio mismatch: {100 * n_c / (n_c + n_b):.3g} % of the requests reach the canary, {record.weight:g} % "
        "were to; the weight is held: check the route, sticky sessions and the canary's endpoints",
    )


def _ratio(record: Record, wanted: Wishes) -> tuple[float, Interval]:
    """Of a latency at its highest bound."""
    last = record.guards - 1
    stages = Counts(*record.totals[:, last, :].T)
    return rate_ratio.estimate(stages), rate_ratio.interval(stages, float(record.phi[last]), wanted.promotion_alpha)
