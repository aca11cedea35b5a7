"""A FeatureFlag by itself: what is refused, and with which sentence about which field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.bad_flags import BAD_FLAGS, GOOD, GOOD_CONDITIONS, WHOLE, BadFlag, flag
from truststream.api.featureflag import Operator
from truststream.api.flagpolicy import flag_values_policy
from truststream.api.flagrules import examine_flag


@pytest.mark.parametrize("bad", BAD_FLAGS, ids=lambda bad: bad.id)
def test_a_bad_flag_is_refused_with_its_path(bad: BadFlag) -> None:
    _, problems = examine_flag(bad.manifest)
    assert bad.path in [problem.path for problem in problems], problems
    assert any(bad.said in problem.message for problem in problems if problem.path == bad.path), problems


@pytest.mark.parametrize("change", [{}, WHOLE, *GOOD_CONDITIONS], ids=lambda change: str(change)[:60])
def test_a_good_flag_is_taken(change: dict[str, Any]) -> None:
    spec, problems = examine_flag(flag({**GOOD, **change}))
    assert problems == []
    assert spec is not None


def test_every_operator_has_a_shape() -> None:
    """One that nobody thought of would take anything."""
    for operator in Operator:
        change = {
            "rules": [{"name": "one", "variant": "on", "conditions": [{"operator": operator, "value": {"a": 1}}]}]
        }
        _, problems = examine_flag(flag({**GOOD, **change}))
        assert any(problem.path.endswith(".value") for problem in problems), operator


def test_an_unknown_field_is_named() -> None:
    spec, problems = examine_flag(flag({**GOOD, "environments": {"prod": {"colour": "red"}}}))
    assert spec is None
    assert [str(problem) for problem in problems] == [
        "spec.environments.prod.colour: is no field of a FeatureFlag; see `kubectl explain featureflag.spec`"
    ]


@pytest.mark.parametrize("raw", [None, [], "x"])
def test_a_spec_that_is_none(raw: Any) -> None:
    spec, problems = examine_flag({"metadata": {"name": "x"}, "spec": raw})
    assert spec is None
    assert [problem.path for problem in problems] == ["spec"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(list(Operator)), _JSON, st.sampled_from(["Boolean", "String", "Number", "Object"]), _JSON)
def test_no_value_is_too_odd_to_be_looked_at(operator: Operator, value: Any, kind: str, variant: Any) -> None:
    rules = [{"name": "one", "variant": "on", "conditions": [{"operator": operator, "field": "a", "value": value}]}]
    spec, _ = examine_flag(flag({"type": kind, "variants": {"on": variant}, "defaultVariant": "on", "rules": rules}))
    assert spec is not None


def test_the_policy_says_what_python_says() -> None:
    text = str(flag_values_policy())
    for bad in BAD_FLAGS:
        if bad.by.value == "policy":
            assert (bad.server or bad.said) in text
