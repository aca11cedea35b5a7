"""Every operator: what holds, what does not, and which values it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import at, condition, rule, source, spec
from truststream.api.featureflag import FlagCondition
from truststream.flags.conditions.base import Surroundings, Test, Unfit, getter
from truststream.flags.conditions.operators import compile_condition
from truststream.flags.problems import problems_of

MISSING = object()


def compiled(raw: dict[str, Any]) -> Test:
    return compile_condition(FlagCondition.model_validate(raw), Surroundings(lambda _percent, _path: lambda _c: False))


def holds(operator: str, value: Any, x: Any) -> bool:
    return bool(compiled(condition(operator, value))({} if x is MISSING else {"x": x}, 0))


@pytest.mark.parametrize(
    ("path", "context", "value"),
    [
        ("a", {"a": 1}, 1),
        ("a.b.c", {"a": {"b": {"c": 1}}}, 1),
        ("a.0.b", {"a": [{"b": 1}]}, 1),
        ("a.1", {"a": [1]}, None),
        ("a.-1", {"a": [1]}, None),
        ("a.00", {"a": [1]}, None),
        ("a.0", {"a": {"0": 1}}, 1),
        ("a.0", {"a": "text"}, None),
        ("a.b", {"a": None}, None),
        ("a.b", {"a.b": 1}, None),
        ("a.²", {"a": [1, 2, 3]}, None),
        ("a.99999999999999999999", {"a": [1]}, None),
    ],
)
def test_a_path_goes_into_objects_and_lists(path: str, context: dict[str, Any], value: Any) -> None:
    assert getter(path)(context) == value


@pytest.mark.parametrize(
    ("value", "x", "same"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (1, 1.0, True),
        (1.0, 1, True),
        (1, "1", False),
        ("1", 1, False),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (False, 0, False),
        (None, None, True),
        (None, MISSING, True),
        (None, False, False),
        ("a", ["a"], False),
        ("a", MISSING, False),
        (2**53, float(2**53), True),
        (1, 10**400, False),
        (1, float("nan"), False),
    ],
)
def test_equality_is_strict_about_types(value: Any, x: Any, same: bool) -> None:
    assert holds("Equals", value, x) is same
    assert holds("NotEquals", value, x) is not same


@pytest.mark.parametrize(
    ("value", "x", "inside"),
    [
        (["a", "b"], "b", True),
        (["a", "b"], "c", False),
        (["a", "b"], ["a"], False),
        (["a", "b"], {"a": 1}, False),
        ([1, 2], 2.0, True),
        ([1, 2], True, False),
        ([1, 2], "1", False),
        ([True, "a"], True, True),
        ([True, "a"], 1, False),
        ([1, "a"], True, False),
        ([None, "a"], MISSING, True),
        (["a"], MISSING, False),
    ],
)
def test_in_is_equality_with_any(value: Any, x: Any, inside: bool) -> None:
    assert holds("In", value, x) is inside
    assert holds("NotIn", value, x) is not inside


@pytest.mark.parametrize(
    ("value", "x", "inside"),
    [
        ("ell", "hello", True),
        ("l", ["h", "l"], True),
        ("el", ["hello"], False),
        (["x", "lo"], "hello", True),
        ([1, "x"], [1.0], True),
        (1, [True], False),
        (1, "1", False),
        (True, [True], True),
        (None, [None], True),
        ("a", {"a": 1}, False),
        ("a", 1, False),
        ("a", MISSING, False),
    ],
)
def test_contains_looks_into_texts_and_lists(value: Any, x: Any, inside: bool) -> None:
    assert holds("Contains", value, x) is inside
    assert holds("NotContains", value, x) is not inside


@pytest.mark.parametrize(
    ("operator", "x", "expected"),
    [
        ("GreaterThan", 5, False),
        ("GreaterThan", 5.1, True),
        ("GreaterOrEqual", 5, True),
        ("GreaterOrEqual", 4, False),
        ("LessThan", 5, False),
        ("LessThan", -1, True),
        ("LessOrEqual", 5.0, True),
        ("LessOrEqual", 6, False),
        ("GreaterThan", 10**400, True),
        ("LessThan", "4", False),
        ("LessThan", True, False),
        ("LessThan", MISSING, False),
        ("GreaterThan", float("nan"), False),
        ("GreaterThan", float("inf"), True),
    ],
)
def test_order_is_of_numbers(operator: str, x: Any, expected: bool) -> None:
    assert holds(operator, 5, x) is expected


@pytest.mark.parametrize(
    ("operator", "value", "x", "expected"),
    [
        ("StartsWith", "ab", "abc", True),
        ("StartsWith", ["x", "ab"], "abc", True),
        ("StartsWith", "ab", "ABC", False),
        ("EndsWith", "bc", "abc", True),
        ("EndsWith", ["bc", "x"], "b", False),
        ("StartsWith", "1", 12, False),
        ("EndsWith", "a", ["a"], False),
        ("Matches", "b+", "abbc", True),
        ("Matches", "^b", "abbc", False),
        ("Matches", "(?i)ABB", "abbc", True),
        ("Matches", "^.$", "é", True),
        pytest.param("Matches", "a", "a\ud800", False, id="half a pair"),
        ("Matches", "a", 1, False),
        pytest.param("Matches", "a", "a" * 65_536, True, id="long"),
        pytest.param("Matches", "a", "a" * 65_537, False, id="too long"),
        pytest.param("Matches", "^(a+)+$", "a" * 60_000 + "b", False, id="backtracks elsewhere"),
    ],
)
def test_texts(operator: str, value: Any, x: Any, expected: bool) -> None:
    assert holds(operator, value, x) is expected


@pytest.mark.parametrize(
    ("value", "x", "expected"),
    [
        (">=1.2.0", "1.2.0", True),
        (">=1.2.0", "1.2.0-rc.1", False),
        (">1.2", "1.2.1", True),
        ("<2", "v1.9", True),
        ("<=1.2.3", "1.2.4", False),
        ("=1.0.0", "1.0.0+build", True),
        ("!=1.0.0", "1.0.1", True),
        ("^1.2", "1.0.0", True),
        ("^1.2", "2.0.0", False),
        ("~1.2.3", "1.2.0", True),
        ("~1.2.3", "1.3.0", False),
        ("=1.10.0", "V1.10", True),
        ("<1.0.0", "1.0.0-alpha", True),
        ("> 1.0.0", "1.0.1", True),
        (">=1.2", 1.5, True),
        (">=1.2", 1, False),
        ("!=1.0.0", "no version", False),
        ("!=1.0.0", True, False),
        ("!=1.0.0", "1.2.3.4", False),
        ("!=1.0.0", "1" * 5000, False),
        ("!=1.0.0", MISSING, False),
    ],
)
def test_versions_compare_as_flagd_does(value: str, x: Any, expected: bool) -> None:
    assert holds("SemVer", value, x) is expected


@pytest.mark.parametrize(
    ("value", "x", "expected"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        (["192.0.2.0/24", "2001:db8::/32"], "2001:db8::1", True),
        (["192.0.2.0/24", "2001:db8::/32"], "192.0.2.7", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("::ffff:10.0.0.0/104", "10.1.2.3", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "10.0.0.1", False),
        ("0.0.0.0/0", 1, False),
        ("0.0.0.0/0", "10.0.0.01", False),
        ("0.0.0.0/0", "x" * 100, False),
        ("0.0.0.0/0", MISSING, False),
    ],
)
def test_addresses_in_networks(value: Any, x: Any, expected: bool) -> None:
    assert holds("Cidr", value, x) is expected


@pytest.mark.parametrize("x", ["", 0, False, [], {}])
def test_what_is_there_exists(x: Any) -> None:
    assert holds("Exists", True, x)
    assert not holds("Exists", False, x)
    assert compiled(condition("Exists"))({"x": x}, 0)


@pytest.mark.parametrize("x", [None, MISSING])
def test_null_counts_as_missing(x: Any) -> None:
    assert not holds("Exists", True, x)
    assert holds("Exists", False, x)


def by_time(operator: str, value: Any, when: str, zone: str | None = None) -> bool:
    test = compiled(condition(operator, value, None, zone))
    named = compiled(condition(operator, value, "x", zone))
    answers = {test({}, at(when)), named({"x": when}, 0), named({"x": at(when)}, 0)}
    assert len(answers) == 1
    return bool(answers.pop())


@pytest.mark.parametrize(
    ("value", "when", "zone", "expected"),
    [
        ("09:00-17:00", "2026-06-01T09:00:00Z", None, True),
        ("09:00-17:00", "2026-06-01T17:00:00Z", None, False),
        ("09:00-17:00", "2026-06-01T08:59:59Z", None, False),
        ("22:00-06:00", "2026-06-01T23:00:00Z", None, True),
        ("22:00-06:00", "2026-06-01T05:59:59Z", None, True),
        ("22:00-06:00", "2026-06-01T06:00:00Z", None, False),
        ("18:00-24:00", "2026-06-01T23:59:59Z", None, True),
        ("09:00-17:00", "2026-06-01T07:00:00Z", "Europe/Berlin", True),  # summer: two hours ahead
        ("09:00-17:00", "2026-12-01T07:00:00Z", "Europe/Berlin", False),  # winter: one
        ("09:00-17:00", "2026-12-01T08:00:00Z", "Europe/Berlin", True),
        ("02:00-03:00", "2026-10-25T00:30:00Z", "Europe/Berlin", True),  # the hour that comes twice
        ("02:00-03:00", "2026-10-25T01:30:00Z", "Europe/Berlin", True),
        ("02:00-03:00", "2026-03-29T01:00:00Z", "Europe/Berlin", False),  # the hour that does not come
        ("00:00-01:00", "1969-12-31T23:30:00Z", "Etc/GMT-1", True),
        ("23:00-24:00", "1969-12-31T23:30:00Z", None, True),
    ],
)
def test_the_time_of_day_is_that_of_the_zone(value: str, when: str, zone: str | None, expected: bool) -> None:
    assert by_time("TimeOfDay", value, when, zone) is expected


@pytest.mark.parametrize(
    ("value", "when", "zone", "expected"),
    [
        (["Mon"], "2026-11-23T12:00:00Z", None, True),
        ("Mon", "2026-11-23T12:00:00Z", None, True),
        (["Sat", "Sun"], "2026-11-23T12:00:00Z", None, False),
        (["Tue"], "2026-11-23T23:30:00Z", "Asia/Tokyo", True),
        (["Thu"], "1970-01-01T00:00:00Z", None, True),
        (["Wed"], "1969-12-31T23:59:59Z", None, True),
    ],
)
def test_the_day_is_that_of_the_zone(value: Any, when: str, zone: str | None, expected: bool) -> None:
    assert by_time("Weekday", value, when, zone) is expected


@pytest.mark.parametrize(
    ("value", "when", "zone", "before"),
    [
        ("2026-12-01T09:00:00Z", "2026-12-01T08:59:59Z", None, True),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z", None, False),
        ("2026-12-01T09:00:00+02:00", "2026-12-01T07:00:00Z", None, False),
        ("2026-12-01T09:00", "2026-12-01T07:59:59Z", "Europe/Berlin", True),
        ("2026-12-01T09:00", "2026-12-01T08:00:00Z", "Europe/Berlin", False),
        ("2026-07-01T09:00", "2026-07-01T07:00:00Z", "Europe/Berlin", False),
        ("2026-10-25T02:30", "2026-10-25T00:29:59Z", "Europe/Berlin", True),  # the first of the two
        ("2026-12-01T09:00", "2026-12-01T09:00:00Z", None, False),
    ],
)
def test_before_and_after_meet_at_the_moment(value: str, when: str, zone: str | None, before: bool) -> None:
    assert by_time("Before", value, when, zone) is before
    assert by_time("After", value, when, zone) is not before


@pytest.mark.parametrize("operator", ["Before", "After", "TimeOfDay", "Weekday"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(
    "x", [MISSING, "soon", "2026-12-01", "2026-12-01T09:00", "2026-13-01T00:00:00Z", 1e300, 10**400, True, [], "9" * 99]
)
def test_what_is_no_moment_holds_never(operator: str, zone: str | None, x: Any) -> None:
    values = {"TimeOfDay": "00:00-24:00", "Weekday": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]}
    test = compiled(condition(operator, values.get(operator, "2026-12-01T00:00:00Z"), "x", zone))
    assert test({} if x is MISSING else {"x": x}, 0) is False


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_clock_out_of_its_mind_holds_never(zone: str | None) -> None:
    test = compiled(condition("TimeOfDay", "00:00-24:00", None, zone))
    assert [test({}, now) for now in (float("nan"), float("inf"), 1e300)] == [False] * 3


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (condition("Equals", {"a": 1}), "value"),
        (condition("Equals"), "value"),
        (condition("Equals", 1, None), "field"),
        (condition("Equals", 1, "x", "UTC"), "timeZone"),
        (condition("GreaterThan", "5"), "value"),
        (condition("GreaterThan", True), "value"),
        (condition("In", "a"), "value"),
        (condition("In", []), "value"),
        (condition("In", [["a"]]), "value"),
        (condition("Contains", {}), "value"),
        (condition("Contains", []), "value"),
        (condition("StartsWith", 1), "value"),
        (condition("EndsWith", []), "value"),
        (condition("Matches", "("), "value"),
        (condition("Matches", "(?=a)"), "value"),
        (condition("Matches", ["a"]), "value"),
        (condition("Matches", "(((a{100}){9})|((b{100}){9})){5}" * 20), "value"),
        (condition("SemVer", "1.2.3"), "value"),
        (condition("SemVer", ">=one"), "value"),
        (condition("SemVer", "=>1.0"), "value"),
        (condition("Cidr", "10.0.0.1/8"), "value"),
        (condition("Cidr", "everywhere"), "value"),
        (condition("Cidr", [10]), "value"),
        (condition("Exists", "yes"), "value"),
        (condition("TimeOfDay", "9-17", None), "value"),
        (condition("TimeOfDay", "09:00-09:00", None), "value"),
        (condition("TimeOfDay", "09:00-25:00", None), "value"),
        (condition("TimeOfDay", ["09:00-10:00"], None), "value"),
        (condition("TimeOfDay", "09:00-10:00", None, "Mars/Phobos"), "timeZone"),
        (condition("TimeOfDay", "09:00-10:00", None, "../../etc/passwd"), "timeZone"),
        (condition("Weekday", ["Monday"], None), "value"),
        (condition("Before", "tomorrow", None), "value"),
        (condition("After", 5, None), "value"),
        (condition("Percentage", 101, None), "value"),
        (condition("Percentage", 0.0001, None), "value"),
        (condition("Percentage", True, None), "value"),
        (condition("InSegment", "s"), "field"),
        (condition("InSegment", 5, None), "value"),
        (condition("InSegment", "s", None), "value"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_part(raw: dict[str, Any], part: str) -> None:
    with pytest.raises(Unfit) as refused:
        compiled(raw)
    assert refused.value.part == part
    if raw["operator"] != "InSegment":
        found = problems_of(source("flag", spec(rules=[rule("r", "on", raw)])))
        assert [problem.path for problem in found] == [f"spec.rules[0].conditions[0].{part}"]


def test_the_expression_is_refused_in_the_words_of_re2() -> None:
    with pytest.raises(Unfit, match="missing \\)"):
        compiled(condition("Matches", "("))
