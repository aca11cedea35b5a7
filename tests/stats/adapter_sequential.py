"""Sequential methods of the case format: inputs of a case to every output that the format names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.stats.adapter_group_sequential import METHODS as GROUP_SEQUENTIAL
from truststream.stats.asymptotic import Asymptotic, Estimate, absolute_lift, relative_lift
from truststream.stats.bernoulli import bernoulli_confidence_sequence
from truststream.stats.beta_binomial_mixture import BetaBinomialMixture
from truststream.stats.betting import betting_martingale
from truststream.stats.block_2x2 import BetaPriors, block_2x2
from truststream.stats.bounded_means import (
    bernstein_mixture_interval,
    betting_interval,
    hoeffding_mixture_interval,
    plug_in_bernstein_interval,
)
from truststream.stats.dirichlet_multinomial import dirichlet_multinomial
from truststream.stats.gamma_mixtures import GammaExponentialMixture, GammaPoissonMixture
from truststream.stats.multinomial import MultinomialTest
from truststream.stats.multinomial_intervals import log_ratio_interval, running_intersection, share_intervals
from truststream.stats.normal_mixture import NormalMixture
from truststream.stats.quantile_ab import quantile_ab
from truststream.stats.quantile_bands import LilBand, dkw_radius
from truststream.stats.result import Alternative, Interval, SequentialResult
from truststream.stats.stitching import DoubleStitching, Stitching, polynomial_bound
from truststream.stats.summary import Mean, Moments, Proportion

Inputs = dict[str, Any]
Outputs = dict[str, Any]


def _ends(interval: Interval | None) -> list[float]:
    assert interval is not None, "the method gives an interval"
    return [interval.lower, interval.upper]


def _arm(sums: Inputs) -> Moments:
    if sums.get("proportion"):
        return Proportion(sums["sum"], sums["n"])
    return Mean.from_sums(sums["n"], sums["sum"], sums["sumsq"])


def _asymptotic(inputs: Inputs) -> Outputs:
    lift = relative_lift if inputs["relative"] else absolute_lift
    estimate = lift(_arm(inputs["a"]), _arm(inputs["b"]))
    alpha, n_tune = inputs.get("alpha", 0.05), inputs.get("n_tune", 5000)
    greater = Asymptotic(alpha, n_tune, Alternative.GREATER)
    # without a word on sides the format means two; one-sided, lower and upper are two bounds, each at level alpha
    used = Asymptotic(alpha, n_tune) if inputs.get("two_sided", True) else greater
    width = used.half_width(estimate)
    lower, upper = estimate.value - width, estimate.value + width
    return {
        "est": estimate.value,
        "se": estimate.standard_error,
        "ci": [lower, upper],
        "lower": lower,
        "upper": upper,
        "p": _p(used, estimate),
        "p_greater": _p(greater, estimate),
    }


def _p(test: Asymptotic, estimate: Estimate) -> float:
    return test.look(estimate).p


def _bernoulli(inputs: Inputs) -> Outputs:
    used = (inputs["successes"], inputs["trials"], inputs["alpha"], inputs["t_opt"], inputs.get("alpha_opt", 0.05))
    return {"ci": _ends(bernoulli_confidence_sequence(*used))}


Mixture = NormalMixture | BetaBinomialMixture | GammaExponentialMixture | GammaPoissonMixture


def _mixture(mixture: Mixture, inputs: Inputs) -> Outputs:
    answer: Outputs = {}
    if "s" in inputs:
        answer["log_e"] = mixture.log_e(inputs["s"], inputs["v"])
    if "alpha" in inputs:
        answer["bound"] = mixture.bound(inputs["v"], inputs["alpha"])
    return answer


def _tuning(inputs: Inputs) -> tuple[float, float]:
    return inputs["v_opt"], inputs.get("alpha_opt", 0.05)


def _normal(inputs: Inputs) -> Outputs:
    mixture = NormalMixture.tuned(*_tuning(inputs), two_sided=inputs.get("two_sided", False))
    return {"rho": mixture.rho, **_mixture(mixture, inputs)}


def _beta_binomial(inputs: Inputs) -> Outputs:
    ends, two_sided = (inputs["g"], inputs["h"]), inputs.get("two_sided", False)
    return _mixture(BetaBinomialMixture.tuned(*_tuning(inputs), ends, two_sided), inputs)


def _gamma_exponential(inputs: Inputs) -> Outputs:
    return _mixture(GammaExponentialMixture.tuned(*_tuning(inputs), inputs["c"]), inputs)


def _gamma_poisson(inputs: Inputs) -> Outputs:
    return _mixture(GammaPoissonMixture.tuned(*_tuning(inputs), inputs["c"]), inputs)


def _stitching(inputs: Inputs) -> Stitching:
    return Stitching(inputs.get("s", 1.4), inputs.get("eta", 2.0))


def _polynomial(inputs: Inputs) -> Outputs:
    bound = polynomial_bound(inputs["v"], inputs["alpha"], inputs["v_min"], inputs.get("c", 0.0), _stitching(inputs))
    return {"bound": bound}


def _double(inputs: Inputs) -> Outputs:
    band = DoubleStitching(inputs["t_opt"], inputs.get("delta", 0.5), _stitching(inputs))
    return {"bound": band.bound(inputs["p"], inputs["t"], inputs["alpha"])}


def _lil(inputs: Inputs) -> Outputs:
    return {"bound": LilBand(inputs["alpha"], inputs["t_min"], inputs.get("A", 0.85)).radius(inputs["t"])}


def _dkw(inputs: Inputs) -> Outputs:
    return {"eps": dkw_radius(inputs["n"], inputs["alpha"])}


def _values(given: str | Sequence[float]) -> Sequence[float]:
    """A list, or a range of whole numbers with both ends: `1..1000`."""
    if not isinstance(given, str):
        return given
    first, last = (int(end) for end in given.split(".."))
    return range(first, last + 1)


def _quantile_ab(inputs: Inputs) -> Outputs:
    n, offset = inputs.get("n", 0), inputs.get("offset", 0)
    a = _values(inputs.get("a", f"1..{n}"))
    b = _values(inputs.get("b", f"{offset + 1}..{offset + n}"))
    return {"p": quantile_ab(a, b, inputs["quantile"], inputs["t_opt"], inputs.get("alpha_opt", 0.05)).p}


def _betting(inputs: Inputs) -> Outputs:
    path = betting_martingale(inputs["x"], inputs["m"], inputs.get("alpha", 0.05), inputs.get("theta", 0.5))
    return {"mart": np.exp(path).tolist()}


def _bounded(inputs: Inputs) -> Outputs:
    x, alpha = np.tile(np.asarray(inputs["x"], dtype=np.float64), inputs.get("tile", 1)), inputs.get("alpha", 0.05)
    results: dict[str, SequentialResult] = {
        "betting_grid1000": betting_interval(x, alpha, 1000),
        "predmix_eb": plug_in_bernstein_interval(x, alpha),
        # the reference package halves its level twice for two sides: what it prints at alpha holds at alpha/2
        "eb_mix_vopt10": bernstein_mixture_interval(x, alpha / 2, 10.0),
        "hoeffding_mix_topt100": hoeffding_mixture_interval(x, alpha, 100.0),
    }
    return {name: _ends(result.interval) for name, result in results.items()}


def _sample_ratio(inputs: Inputs) -> Outputs:
    ratio = dirichlet_multinomial(inputs["batches"], inputs["theta0"], inputs["prior"])
    return {"log_m0": ratio.log_m0.tolist(), "log_m1": ratio.log_m1.tolist()}


def _blocks(inputs: Inputs) -> Outputs:
    result = block_2x2(inputs["ya"], inputs["yb"], (inputs["na"], inputs["nb"]), BetaPriors(**inputs.get("prior", {})))
    return {"e": math.exp(result.log_e)}


@dataclass
class _Watch:
    """A multinomial test that is looked at after every event, as its reference implementation does."""

    test: MultinomialTest
    alpha: float
    groups: tuple[int, int]
    p: float = 1.0
    shares: list[list[Interval]] = field(default_factory=list)
    ratios: list[Interval] = field(default_factory=list)

    def look(self, counts: Sequence[float]) -> None:
        self.p = min(self.p, self.test.look(counts).p)
        self.shares.append(list(share_intervals(self.test, counts, self.alpha)))
        self.ratios.append(log_ratio_interval(self.test, counts, self.alpha, self.groups))

    def answer(self, n: float) -> Outputs:
        columns = zip(*self.shares, strict=True)
        return {
            "n_stop": n,
            "p": self.p,
            "cs": [_ends(running_intersection(column)) for column in columns],
            "log_ratio_cs": _ends(running_intersection(self.ratios)),
        }


def _multinomial(inputs: Inputs) -> Outputs:
    test = MultinomialTest(tuple(inputs["theta0"]), inputs.get("concentration", 100))
    contrast = re.findall(r"group(\d+)", inputs.get("contrast", "")) or ["1", "0"]
    watch = _Watch(test, inputs.get("alpha", 0.05), (int(contrast[0]), int(contrast[1])))
    looks = _recipe(inputs) if "rng" in inputs else _stated(inputs)
    counts = looks[0]
    for counts in looks:
        watch.look(counts)
        if watch.p <= watch.alpha:
            break
    return watch.answer(sum(counts))


def _stated(inputs: Inputs) -> list[list[float]]:
    return [inputs[name] for name in ("counts_prev", "counts_at_stop") if name in inputs]


def _recipe(inputs: Inputs) -> list[list[float]]:
    """Running counts of the stated recipe: the legacy generator's seed, shares, and number of single events."""
    seed = re.search(r"seed\((\d+)\)", inputs["rng"])
    draw = re.search(r"multinomial\(1,[^)]*?(?:size=)?(\d+)\)", inputs["rng"])
    if not seed or not draw:
        raise LookupError(f"recipe {inputs['rng']!r}: names no seed or no number of draws")
    events = np.random.RandomState(int(seed[1])).multinomial(1, inputs["theta_true"], size=int(draw[1]))
    running: list[list[float]] = np.cumsum(events, axis=0).tolist()
    return running


METHODS: dict[str, Callable[[Inputs], Outputs]] = {
    "asymptotic_cs": _asymptotic,
    "bernoulli_cs": _bernoulli,
    "beta_binomial_mixture": _beta_binomial,
    "betting_mart": _betting,
    "block_evalue_2x2": _blocks,
    "bounded_cs": _bounded,
    "dirichlet_multinomial": _sample_ratio,
    "dkw": _dkw,
    "double_stitching": _double,
    "empirical_process_lil": _lil,
    "gamma_exponential_mixture": _gamma_exponential,
    "gamma_poisson_mixture": _gamma_poisson,
    "multinomial_eprocess": _multinomial,
    "normal_mixture": _normal,
    "poly_stitching": _polynomial,
    "quantile_ab": _quantile_ab,
    **GROUP_SEQUENTIAL,
}
