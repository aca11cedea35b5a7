"""Random flags and nonsense for a context: an evaluation is a value, whatever comes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.flags.world import condition, flags, letters, rule, segment, source
from truststream.api.featureflag import Operator
from truststream.flags.evaluation import Reason

FIELDS = ["x", "y.z", "list.0", "targetingKey", "targetType", "deep.1.a.0"]
VALUES: dict[str, list[Any]] = {
    **{key: ["a", 1, 1.5, True, None, ""] for key in ("Equals", "NotEquals")},
    **{key: [0, -1.5, 1e300] for key in ("GreaterThan", "GreaterOrEqual", "LessThan", "LessOrEqual")},
    **{key: [["a"], [1, 2.5], [None, True, "b", 3]] for key in ("In", "NotIn")},
    **{key: ["a", ["a", 1, None], False] for key in ("Contains", "NotContains")},
    **{key: ["a", ["", "b"]] for key in ("StartsWith", "EndsWith")},
    "Matches": ["^(a+)+$", "\\pL", "é|b"],
    "SemVer": [">=1.2.0", "^1", "~1.2", "!=v2.0.0-rc.1"],
    "Cidr": ["10.0.0.0/8", ["::/0", "192.0.2.1"]],
    "Exists": [True, False],
    "TimeOfDay": ["09:00-17:00", "22:00-06:00"],
    "Weekday": [["Mon", "Sun"]],
    **{key: ["2026-06-01T00:00:00Z", "2026-06-01T09:00"] for key in ("Before", "After")},
    "Percentage": [0, 12.345, 100],
    **{key: ["some", ["none", "some"]] for key in ("InSegment", "NotInSegment")},
}
ALWAYS_A_FIELD = {"TimeOfDay", "Weekday", "Before", "After", "Percentage"}
SEGMENTS = {
    "some": segment(
        conditions=[condition("Percentage", 50, None), condition("Exists")], included=["u1"], excluded=["a"]
    ),
    "none": segment(),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(VALUES)))
    field = None if operator in ("InSegment", "NotInSegment") else draw(st.sampled_from(FIELDS))
    if operator in ALWAYS_A_FIELD and draw(st.booleans()):
        field = None
    zone = draw(st.sampled_from([None, "Europe/Berlin"])) if operator in ALWAYS_A_FIELD - {"Percentage"} else None
    return condition(operator, draw(st.sampled_from(VALUES[operator])), field, zone)


@st.composite
def rules(draw: st.DrawFn, name: str) -> dict[str, Any]:
    more: dict[str, Any] = {"priority": draw(st.integers(0, 3)), "rolloutPercentage": draw(shares)}
    listed = draw(st.lists(conditions(), max_size=3))
    if draw(st.booleans()):
        return rule(name, draw(st.sampled_from("abc")), *listed, **more)
    weight = draw(shares)
    split = [{"variant": "a", "weight": weight}, {"variant": "b", "weight": round(100 - weight, 3)}]
    return rule(name, None, *listed, distribution=split, **more)


shares = st.sampled_from([0, 0.001, 33.333, 50, 99.999, 100])


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(0, 3))
    version = draw(st.sampled_from(["FlagdV2", "FlagdV3", "Rendezvous"]))
    return letters(
        rules=[draw(rules(f"r{index}")) for index in range(count)],
        bucketing={"version": version, "by": draw(st.sampled_from(FIELDS))},
        rolloutPercentage=draw(shares),
        rolloutVariant="c",
        enabled=draw(st.sampled_from([True, True, True, False])),
        schedule=draw(st.sampled_from([[], [{"at": "2026-06-01T00:00:00Z", "enabled": False}]])),
        **draw(st.sampled_from([{}, {"targetType": "user", "targetId": "7"}])),
    )


def nest(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = {"a": [value]}
    return value


strange = st.sampled_from(
    [10**400, -(10**400), 2**64, float("nan"), float("inf"), -0.0, 1e308, "\ud800", "a\udfff", "\0", "", nest(100)]
)
telling = st.sampled_from(
    ["a", "u1", "user", "7", "1.2.3", "10.1.2.3", "::ffff:10.0.0.1", "2026-06-01T00:00:00Z", "v1", 7]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | strange | telling
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["z", "a", "0", "é"]), inner)
)
contexts = st.dictionaries(
    st.sampled_from(["x", "y", "list", "targetingKey", "targetType", "targetId", "deep"]), values
)
times = st.floats() | st.integers(-(10**20), 10**20).map(float) | st.just(1_780_000_000.0)


@settings(max_examples=60)
@given(raw=specs(), tried=st.lists(st.tuples(contexts, times), min_size=1, max_size=8))
def test_an_evaluation_is_a_variant_of_the_flag_whatever_comes(
    raw: dict[str, Any], tried: list[tuple[dict[str, Any], float]]
) -> None:
    needing = letters(prerequisites=[{"flag": "flag", "variants": ["a", "b"]}], rules=[rule("r", "b")])
    built = flags(source("flag", raw), source("needing", needing), segments=SEGMENTS)
    assert not built.problems, built.problems
    for context, now in tried:
        first, second = built.evaluate_all(context, now)
        assert (first.value, first.error) == (raw["variants"][first.variant], None)
        assert first.reason is not Reason.ERROR
        assert second.variant == ("b" if first.variant in "ab" else "a")
        assert first == built.evaluate("flag", context, now)


def test_every_operator_is_tried() -> None:
    assert set(VALUES) == {operator.value for operator in Operator}
