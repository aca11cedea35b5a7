"""Proportions and tables of the case format, and their planning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truststream.stats import intervals_difference, intervals_proportion
from truststream.stats.barnard import barnard
from truststream.stats.binomial_exact import binomial_exact
from truststream.stats.boschloo import boschloo
from truststream.stats.chi_square import equal_proportions, goodness_of_fit, independence
from truststream.stats.exact_tables import Table
from truststream.stats.fisher import fisher
from truststream.stats.intervals_odds import logit
from truststream.stats.intervals_ratio import log_ratio
from truststream.stats.power import Design, power
from truststream.stats.power_proportions import NullVariance, contrast_of_proportions
from truststream.stats.proportions import one_sample_z, pooled_z
from truststream.stats.proportions_score import Comparison, score
from truststream.stats.result import Alternative, Interval
from truststream.stats.sample_size import sample_size
from truststream.stats.summary import Proportion
from truststream.stats.tails import Hypothesis

Inputs = dict[str, Any]


def _alternative(inputs: Inputs) -> Alternative:
    return Alternative(inputs.get("alternative", "two-sided"))


def _arms(inputs: Inputs) -> tuple[Proportion, Proportion]:
    return Proportion(inputs["k1"], inputs["n1"]), Proportion(inputs["k2"], inputs["n2"])


def _score(
    compare: Comparison, null: float, *, corrected: bool = True
) -> Callable[[Proportion, Proportion, float], Interval]:
    def interval(first: Proportion, second: Proportion, level: float) -> Interval:
        found = score(first, second, compare, Hypothesis(null, level=level), corrected=corrected).interval
        assert found is not None
        return found

    return interval


_TWO: dict[tuple[str, str], Callable[[Proportion, Proportion, float], Interval]] = {
    ("diff", "wald"): intervals_difference.wald,
    ("diff", "agresti-caffo"): intervals_difference.agresti_caffo,
    ("diff", "newcomb"): intervals_difference.newcombe,
    # Fagerland's printed interval of a difference is the one without the factor (N-1)/N
    ("diff", "score"): _score(Comparison.DIFFERENCE, 0.0, corrected=False),
    ("ratio", "log"): log_ratio,
    ("ratio", "log-adjusted"): lambda a, b, level: log_ratio(a, b, level, adjust=True),
    ("ratio", "score"): _score(Comparison.RATIO, 1.0),
    ("or", "logit"): logit,
    ("or", "logit-adjusted"): lambda a, b, level: logit(a, b, level, adjust=True),
    ("or", "score"): _score(Comparison.ODDS_RATIO, 1.0),
}
_ONE = {
    "beta": intervals_proportion.clopper_pearson,
    "wilson": intervals_proportion.wilson,
    "normal": intervals_proportion.wald,
}


def _prop_1samp_ci(inputs: Inputs) -> dict[str, Any]:
    interval = _ONE[inputs["ci"]](Proportion(inputs["k"], inputs["n"]), 1.0 - inputs.get("alpha", 0.05))
    return {"ci": [interval.lower, interval.upper]}


def _prop_2samp_ci(inputs: Inputs) -> dict[str, Any]:
    interval = _TWO[inputs["compare"], inputs["ci"]](*_arms(inputs), 1.0 - inputs.get("alpha", 0.05))
    return {"ci": [interval.lower, interval.upper]}


def _prop_1samp_z(inputs: Inputs) -> dict[str, Any]:
    result = one_sample_z(Proportion(inputs["k"], inputs["n"]), Hypothesis(inputs["p0"]))
    return {"p": result.p, "z": result.statistic}


def _prop_2samp_z(inputs: Inputs) -> dict[str, Any]:
    result = pooled_z(*_arms(inputs), Hypothesis(alternative=_alternative(inputs)))
    return {"p": result.p, "z": result.statistic}


def _binom_exact(inputs: Inputs) -> dict[str, Any]:
    asked = Hypothesis(inputs["p0"], _alternative(inputs))
    result = binomial_exact(Proportion(inputs["k"], inputs["n"]), asked)
    assert result.interval is not None
    return {"p": result.p, "ci": [result.interval.lower, result.interval.upper], "lower": result.interval.lower}


def _barnard(inputs: Inputs) -> dict[str, Any]:
    table, alternative = Table.of(inputs["table"]), _alternative(inputs)
    result = barnard(table, alternative)
    return {"stat": result.statistic, "p": result.p, "fisher_p": fisher(table, alternative).p}


def _boschloo(inputs: Inputs) -> dict[str, Any]:
    result = boschloo(Table.of(inputs["table"]), _alternative(inputs))
    return {"stat": result.statistic, "p": result.p}


def _fisher(inputs: Inputs) -> dict[str, Any]:
    table = Table.of(inputs["table"])
    both = fisher(table)
    return {"odds": both.estimate, "p": both.p, "p_greater": fisher(table, Alternative.GREATER).p}


def _chi2_table(inputs: Inputs) -> dict[str, Any]:
    result = independence(inputs["table"])
    return {"chi2": result.statistic, "p": result.p, "df": result.degrees_of_freedom, **result.details}


def _chisq_gof(inputs: Inputs) -> dict[str, Any]:
    shares = inputs["exp"] if "exp" in inputs else inputs["p"]
    result = goodness_of_fit(inputs["obs"], shares)
    return {"chi2": result.statistic, "p": result.p}


def _chisq_kprop(inputs: Inputs) -> dict[str, Any]:
    result = equal_proportions([Proportion(k, n) for k, n in zip(inputs["k"], inputs["n"], strict=True)])
    return {"chi2": result.statistic, "p": result.p}


def _power_prop(inputs: Inputs) -> dict[str, Any]:
    design = Design(alpha=inputs["alpha"], power=inputs["power"])
    return {"n": sample_size(contrast_of_proportions(inputs["p1"], inputs["p2"]), design).exact}


def _power_prop_pooled(inputs: Inputs) -> dict[str, Any]:
    contrast = contrast_of_proportions(inputs["p1"], inputs["p2"])
    return {"power": power(contrast, inputs["n"], Design(alpha=inputs["alpha"]))}


def _ss_evanmiller(inputs: Inputs) -> dict[str, Any]:
    p, delta = inputs["p"], inputs["delta_abs"]
    contrast = contrast_of_proportions(p + delta, p, null=NullVariance.BASELINE)
    # the calculator shows the nearest integer, not the next one
    return {
        "n_per_arm": round(sample_size(contrast, Design(alpha=inputs["alpha"], power=inputs["power"])).exact),
    }


METHODS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "barnard": _barnard,
    "binom_exact": _binom_exact,
    "boschloo": _boschloo,
    "chi2_table": _chi2_table,
    "chisq_gof": _chisq_gof,
    "chisq_kprop": _chisq_kprop,
    "fisher": _fisher,
    "power_prop": _power_prop,
    "power_prop_pooled": _power_prop_pooled,
    "prop_1samp_ci": _prop_1samp_ci,
    "prop_1samp_z": _prop_1samp_z,
    "prop_2samp_ci": _prop_2samp_ci,
    "prop_2samp_z": _prop_2samp_z,
    "ss_evanmiller": _ss_evanmiller,
}
