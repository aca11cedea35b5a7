"""The judge of the modes TwoKey and Fast: evidence on counts that holds however often one looks.

Evidence against a release is the mean over its metrics (and rollback thresholds) of e-processes, each the smaller of
two keys: first the minimum, then the mean, so that different metrics may need different keys. It rolls back when it
reaches 1/rollbackAlpha. Promotion needs 1/promotionAlpha for every criterion, at this weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from truststream.api.canarydeployment import CanaryDeploymentSpec, Mode
from truststream.api.status import Verdict
from truststream.canary.judging.finding import Finding, find
from truststream.canary.judging.judge import Assessment, MetricShape, Situation, worst
from truststream.canary.judging.record import load
from truststream.canary.observation import Measurement
from truststream.stats.keys.starts import log_sum


class TwoKeyJudge:
    """See the module; `mode` Fast takes the mean of the keys instead of the smaller one."""

    def __init__(self, mode: Mode = Mode.TWO_KEY) -> None:
        self._mode = mode

    def assess(
        self,
        spec: CanaryDeploymentSpec,
        shapes: Mapping[str, MetricShape],
        measurements: Sequence[Measurement],
        evidence: Mapping[str, Any],
        situation: Situation,
    ) -> Assessment:
        """See `Judge`; `evidence` keeps one record a metric."""
        known = {name: load(saved) for name, saved in evidence.get("metrics", {}).items()}
        findings = [find(spec, shapes[m.metric], m, known.get(m.metric), situation, self._mode) for m in measurements]
        total, needed = against(findings), math.log(1.0 / spec.analysis.rollback_alpha)
        bad = total >= needed
        rows = [finding.row(condemned=bad and finding is _heaviest(findings)) for finding in findings]
        verdict = worst(row.verdict for row in rows)
        complete = bool(findings) and all(finding.enough for finding in findings)
        return Assessment(
            verdict=verdict,
            metrics=tuple(rows),
            may_advance=complete and verdict is not Verdict.BAD,
            proven=complete and verdict is Verdict.GOOD,
            starved=any(finding.starved for finding in findings),
            reason=next((row.message for row in rows if row.verdict is verdict), ""),
            evidence={"metrics": _saved(evidence, findings), "against": total},
            alarms=tuple(alarm for finding in findings for alarm in finding.alarms),
        )


def against(findings: Sequence[Finding]) -> float:
    """log evidence against the release: the mean over all that speaks, valid under any dependence between them."""
    logs = [log for finding in findings for log in finding.against]
    return float(log_sum(np.array(logs))) if logs else 0.0


def _heaviest(findings: Sequence[Finding]) -> Finding | None:
    speaking = [finding for finding in findings if finding.against]
    return max(speaking, key=lambda finding: max(finding.against), default=None)


def _saved(evidence: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    """What a metric without an answer in this look had, it keeps."""
    kept = {finding.shape.name: evidence.get("metrics", {}).get(finding.shape.name) for finding in findings}
    new = {f.shape.name: f.record.dump() for f in findings if f.record is not None}
    return {name: saved for name, saved in {**kept, **new}.items() if saved is not None}
