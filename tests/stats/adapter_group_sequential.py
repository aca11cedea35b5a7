"""Group-sequential methods of the case format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truststream.stats.group_sequential import crossing
from truststream.stats.group_sequential_bounds import Boundary, last_bound, spending_boundary
from truststream.stats.group_sequential_constants import pocock_nominal, wang_tsiatis
from truststream.stats.group_sequential_design import cost, drift_for_power
from truststream.stats.spending import Spending, SpendingFunction

Inputs = dict[str, Any]
Outputs = dict[str, Any]


def _two_sided(inputs: Inputs) -> bool:
    return bool(inputs.get("sides", 2) == 2)


def _boundary(boundary: Boundary) -> Outputs:
    return {
        "z": list(boundary.z),
        "z_last": boundary.z[-1],
        "cum_exit": list(boundary.spent),
        "nominal_p": list(boundary.nominal_p),
    }


def _shape(inputs: Inputs) -> Boundary:
    if inputs.get("type", "wt") != "wt":
        raise LookupError(f"boundary type {inputs['type']!r}: the format knows wt")
    return wang_tsiatis(inputs["K"], inputs["alpha"], inputs["delta"])


def _constant(inputs: Inputs) -> Outputs:
    return _boundary(_shape(inputs))


def _nominal(inputs: Inputs) -> Outputs:
    return {"nominal": pocock_nominal(inputs["K"], inputs["alpha"])}


def _crossing(inputs: Inputs) -> Outputs:
    crossed = crossing(inputs["t"], inputs["z"], inputs.get("drift", 0.0), _two_sided(inputs))
    path = crossed.cumulative_above if inputs.get("report") == "upper" else crossed.cumulative
    return {"power": path[-1], "cum_exit": list(path)}


def _drift(inputs: Inputs) -> Outputs:
    drift = drift_for_power(inputs["t"], inputs["z"], inputs["power"], _two_sided(inputs))
    crossed = crossing(inputs["t"], inputs["z"], drift, _two_sided(inputs))
    return {"drift": drift, "cum_exit": list(crossed.cumulative)}


def _inflation(inputs: Inputs) -> Outputs:
    needs = cost(_shape(inputs), inputs["beta"], inputs.get("theta_mult", [0]))
    return {"max_n_pct": 100 * needs.maximum, "expected_n_pct": [100 * value for value in needs.expected]}


def _last(inputs: Inputs) -> Outputs:
    return _boundary(last_bound(inputs["t"], inputs["fixed"], inputs["alpha"], _two_sided(inputs)))


def _spending(inputs: Inputs) -> Outputs:
    function = SpendingFunction(inputs["spending"])
    spending = Spending(inputs["alpha"], function, _two_sided(inputs), inputs.get("phi", 1))
    return _boundary(spending_boundary(inputs["t"], spending))


METHODS: dict[str, Callable[[Inputs], Outputs]] = {
    "gst_constant": _constant,
    "gst_constant_nominal": _nominal,
    "gst_crossing": _crossing,
    "gst_drift": _drift,
    "gst_inflation": _inflation,
    "gst_last_bound": _last,
    "gst_spending": _spending,
}
