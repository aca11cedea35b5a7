"""Fixed-horizon methods, planning and corrections of the case format."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import scipy

from tests.stats.adapter_proportions import METHODS as PROPORTIONS
from tests.stats.adapter_rates import METHODS as RATES
from truststream.stats.anova import anova_of_values
from truststream.stats.bayes_lift import NormalPrior, bayes_lift
from truststream.stats.mann_whitney import RankLaw, hodges_lehmann, mann_whitney
from truststream.stats.multiple_testing import benjamini_hochberg, bonferroni, fisher_combination, holm
from truststream.stats.power import Design
from truststream.stats.power_means import power_of_t, size_for_t
from truststream.stats.result import Alternative, Interval, TestResult
from truststream.stats.student import student
from truststream.stats.summary import Mean, Moments, Proportion, autocorrelation
from truststream.stats.tails import Hypothesis
from truststream.stats.welch import welch

Inputs = dict[str, Any]
SCIPY = Path(scipy.__file__).resolve().parents[1]


def bounds(interval: Interval | None) -> list[float]:
    """An interval as a case writes it."""
    assert interval is not None
    return [interval.lower, interval.upper]


def _arm(inputs: Inputs) -> Moments:
    """Sums of an arm; a proportion has successes as its sum."""
    if inputs.get("proportion"):
        return Proportion(inputs["sum"], inputs["n"])
    return Mean.from_sums(inputs["n"], inputs["sum"], inputs["sumsq"])


def _anova(groups: Sequence[Sequence[float]]) -> dict[str, Any]:
    result = anova_of_values(groups)
    return {"F": result.statistic, "p": result.p, "resid_sd": result.standard_error}


def _anova_file(inputs: Inputs) -> dict[str, Any]:
    """NIST's layout: the data follow the last line that begins with `Data:`, as pairs of treatment and response."""
    lines = (SCIPY / inputs["file"]).read_text(encoding="utf-8").splitlines()
    start = max(index for index, line in enumerate(lines) if line.startswith("Data:")) + 1
    groups: dict[str, list[float]] = {}
    for line in lines[start:]:
        if line.strip():
            treatment, response = line.split()
            groups.setdefault(treatment, []).append(float(response))
    return _anova(list(groups.values()))


def _bayes(inputs: Inputs) -> dict[str, Any]:
    prior = NormalPrior(**inputs["prior"]) if inputs.get("prior") else None
    result = bayes_lift(_arm(inputs["b"]), _arm(inputs["a"]), prior, relative=True)
    return {
        "est": result.mean,
        "se": result.standard_deviation,
        "chance_to_win": result.chance_to_win,
        "risk": [result.risk_of_control, result.risk_of_treatment],
        "ci": bounds(result.interval),
    }


def _hodges_lehmann(inputs: Inputs) -> dict[str, Any]:
    result = hodges_lehmann(inputs["experiment"], inputs["control"], Hypothesis(level=inputs["conf"]))
    return {"estimate": result.estimate, "ci": bounds(result.interval), "p": result.p}


def _mann_whitney(inputs: Inputs) -> dict[str, Any]:
    alternative = Alternative(inputs.get("alternative", "two-sided"))
    x, y = inputs["x"], inputs["y"]
    untied = len({*x, *y}) == len(x) + len(y)
    answers = {law: mann_whitney(x, y, law, alternative) for law in RankLaw if untied or law is not RankLaw.EXACT}
    return {
        "U": answers[RankLaw.NORMAL].statistic,
        "p_exact": answers[RankLaw.EXACT].p if untied else None,
        "p_asymp": answers[RankLaw.NORMAL].p,
        "p_asymp_cc": answers[RankLaw.NORMAL_CONTINUITY].p,
    }


def _mean_sd(inputs: Inputs) -> dict[str, Any]:
    values = inputs.get("values")
    if values is None:
        pattern = inputs["pattern"]
        values = [pattern["first"], *pattern["then"] * pattern["repeat"]]
    summary = Mean.from_values(values)
    return {"mean": summary.mean, "sd": math.sqrt(summary.variance), "lag1_autocorr": autocorrelation(values)}


def _multiple_testing(inputs: Inputs) -> dict[str, Any]:
    p, alpha = inputs["p"], inputs.get("alpha", 0.05)
    return {
        "bonf_sorted": sorted(bonferroni(p)),
        "holm_sorted": sorted(holm(p)),
        "bh_sorted": sorted(benjamini_hochberg(p)),
        "bonferroni_rejects": sum(value <= alpha for value in bonferroni(p)),
        "bh_rejects": sum(value <= alpha for value in benjamini_hochberg(p)),
    }


def _fisher_combine(inputs: Inputs) -> dict[str, Any]:
    statistic, p = fisher_combination(inputs["p"])
    return {"stat": statistic, "p": p}


def _power_t(inputs: Inputs) -> dict[str, Any]:
    return {"power": power_of_t(inputs["d"], inputs["n"], Design(alpha=inputs["alpha"]))}


def _ss_t(inputs: Inputs) -> dict[str, Any]:
    size = size_for_t(inputs["d"], Design(alpha=inputs["alpha"], power=inputs["power"]))
    return {"n": size.exact, "n_ceil": size.treatment}


def _t_from_stats(inputs: Inputs) -> dict[str, Any]:
    x = Mean.from_variance(inputs["n1"], inputs["m1"], inputs["v1"])
    y = Mean.from_variance(inputs["n2"], inputs["m2"], inputs["v2"])
    result = student(x, y) if inputs["equal_var"] else welch(x, y)
    return {"t": result.statistic, "p": result.p, "df": result.degrees_of_freedom}


def _welch_data(inputs: Inputs) -> dict[str, Any]:
    result = welch(Mean.from_values(inputs["x"]), Mean.from_values(inputs["y"]))
    return {
        "t": result.statistic,
        "df": result.degrees_of_freedom,
        "p": result.p,
        "ci": bounds(result.interval),
    }


def _welch_from_sums(inputs: Inputs) -> dict[str, Any]:
    asked = Hypothesis(alternative=Alternative(inputs.get("alternative", "two-sided")))
    result: TestResult = welch(_arm(inputs["b"]), _arm(inputs["a"]), asked, relative=inputs["relative"])
    interval = bounds(result.interval)
    return {
        "est": result.estimate,
        "se": result.standard_error,
        "p": result.p,
        "ci": interval,
        "lower": interval[0],
        "upper": interval[1],
    }


METHODS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    **PROPORTIONS,
    **RATES,
    "anova": lambda inputs: _anova(inputs["groups"]),
    "anova_file": _anova_file,
    "bayes_normal_lift": _bayes,
    "fisher_combine": _fisher_combine,
    "hodges_lehmann_ci": _hodges_lehmann,
    "mannwhitney": _mann_whitney,
    "mean_sd": _mean_sd,
    "multiple_testing": _multiple_testing,
    "power_t": _power_t,
    "ss_t": _ss_t,
    "t_from_stats": _t_from_stats,
    "welch_data": _welch_data,
    "welch_from_sums": _welch_from_sums,
}
