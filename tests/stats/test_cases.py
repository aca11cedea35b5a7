"""Reference cases: published numbers, computed by the product."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.stats.adapter import METHODS, compute
from tests.stats.comparing import differences

# every method of the case format
FORMAT = [
    "anova",
    "anova_file",
    "asymptotic_cs",
    "barnard",
    "bayes_normal_lift",
    "bernoulli_cs",
    "beta_binomial_mixture",
    "betting_mart",
    "binom_exact",
    "block_evalue_2x2",
    "boschloo",
    "bounded_cs",
    "chi2_table",
    "chisq_gof",
    "chisq_kprop",
    "dirichlet_multinomial",
    "dkw",
    "double_stitching",
    "empirical_process_lil",
    "fisher",
    "fisher_combine",
    "gamma_exponential_mixture",
    "gamma_poisson_mixture",
    "gst_constant",
    "gst_constant_nominal",
    "gst_crossing",
    "gst_drift",
    "gst_inflation",
    "gst_last_bound",
    "gst_spending",
    "hodges_lehmann_ci",
    "mannwhitney",
    "mean_sd",
    "multinomial_eprocess",
    "multiple_testing",
    "normal_mixture",
    "poisson_1samp",
    "poisson_2samp",
    "poisson_2samp_ci",
    "poisson_means_E",
    "poisson_noninferiority_power",
    "poisson_ratio_exact_ci",
    "poly_stitching",
    "power_prop",
    "power_prop_pooled",
    "power_t",
    "prop_1samp_ci",
    "prop_1samp_z",
    "prop_2samp_ci",
    "prop_2samp_z",
    "quantile_ab",
    "ss_evanmiller",
    "ss_t",
    "t_from_stats",
    "welch_data",
    "welch_from_sums",
]


def test_case(reference_case: dict[str, Any]) -> None:
    method, expected, tolerance = (reference_case[key] for key in ("method", "expected", "tolerance"))
    got = compute(method, reference_case["inputs"])
    missing = sorted(expected.keys() - got.keys())
    assert not missing, f"{method} does not answer {missing}; it answers {sorted(got)}"
    wrong = [text for key, want in expected.items() for text in differences(key, want, got[key], tolerance)]
    assert not wrong, "\n".join([*wrong, f"source: {reference_case.get('source', 'not given')}"])


def test_every_method_of_the_format_is_computed() -> None:
    assert sorted(FORMAT) == sorted(METHODS)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(LookupError, match="'tea_leaves': no adapter computes it"):
        compute("tea_leaves", {})


@pytest.mark.parametrize(
    ("want", "got", "tolerance"),
    [
        (1.0, 1.0 + 1e-7, {"abs": 1e-6}),
        (1e6, 1e6 + 0.5, {"rel": 1e-6}),
        (None, None, {"abs": 0.0}),
        (math.inf, math.inf, {"abs": 1.0}),
        ("-inf", -math.inf, {"abs": 1.0}),
        ([[1.0, 2.0], [3.0, None]], ((1.0, 2.0), (3.0, None)), {"abs": 0.0}),
    ],
)
def test_the_runner_accepts(want: Any, got: Any, tolerance: dict[str, float]) -> None:
    assert differences("x", want, got, tolerance) == []


@pytest.mark.parametrize(
    ("want", "got"),
    [
        (1.0, 1.1),
        (1.0, math.nan),
        (math.inf, 5.0),
        (5.0, -math.inf),
        (None, 1.0),
        (1.0, None),
        ([1.0, 2.0], [1.0]),
        ([1.0], [1.0, 2.0]),
        ([1.0], 1.0),
        ([[1.0, 2.0]], [[1.0, 2.1]]),
    ],
)
def test_the_runner_refuses(want: Any, got: Any) -> None:
    assert differences("x", want, got, {"abs": 0.01})


def test_bounds_of_intervals_may_have_their_own_tolerance() -> None:
    tolerance = {"abs": 1e-6, "abs_cs": 1e-2}
    assert differences("cs", [0.5, 0.7], [0.501, 0.7], tolerance) == []
    assert differences("p", 0.5, 0.501, tolerance)
