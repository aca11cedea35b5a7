"""The order of evaluation, and the reason that each step gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import at, condition, evaluate, flags, letters, rule, source, spec
from truststream.flags.evaluation import ErrorCode, Reason

YES = condition("Equals", "yes")
EVERYBODY = {"rolloutPercentage": 100, "rolloutVariant": "on"}


def test_a_flag_that_depends_on_nothing_is_static() -> None:
    found = evaluate(spec())
    assert (found.value, found.variant, found.reason, found.rule) == (False, "off", Reason.STATIC, "")


@pytest.mark.parametrize(
    "more",
    [
        {"rules": [rule("r", "on", YES)]},
        {"rolloutPercentage": 0, "rolloutVariant": "on"},
        {"targetType": "user"},
        {"schedule": [{"at": "2030-01-01T00:00:00Z", "defaultVariant": "on"}]},
    ],
)
def test_a_flag_that_depends_on_anything_is_not_static(more: dict[str, Any]) -> None:
    assert evaluate(spec(**more)).reason is Reason.DEFAULT


def test_a_schedule_that_is_over_leaves_a_static_flag() -> None:
    raw = spec(schedule=[{"at": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z", "defaultVariant": "on"}])
    during, over = at("2020-06-01T00:00:00Z"), at("2021-01-01T00:00:00Z")
    assert [evaluate(raw, now=now).reason for now in (0.0, during, over)] == ["DEFAULT", "DEFAULT", "STATIC"]
    assert [evaluate(raw, now=now).variant for now in (0.0, during, over)] == ["off", "on", "off"]
    built = flags(source("flag", raw), now=0.0)
    assert not built.flags["flag"].static
    assert flags(source("flag", raw), now=over).flags["flag"].static


def test_a_rollout_without_a_percentage_is_none() -> None:
    assert evaluate(spec(rolloutVariant="on")).reason is Reason.STATIC


def test_disabled_beats_everything() -> None:
    raw = spec(enabled=False, targetType="user", rules=[rule("r", "on")], **EVERYBODY)
    found = evaluate(raw, {"targetingKey": "u"})
    assert (found.variant, found.reason) == ("off", Reason.DISABLED)


def test_prerequisites_come_before_rules() -> None:
    gate, gated = (
        source("gate"),
        source("gated", spec(prerequisites=[{"flag": "gate", "variants": ["on"]}], **EVERYBODY)),
    )
    assert flags(gate, gated).evaluate("gated", {}, 0).reason is Reason.DEFAULT
    opened = source("gate", spec(defaultVariant="on"))
    assert flags(opened, gated).evaluate("gated", {}, 0).reason is Reason.SPLIT


@pytest.mark.parametrize(
    ("context", "variant"),
    [
        ({"targetType": "user", "targetId": "7"}, "on"),
        ({"targetType": "user", "targetId": "8"}, "off"),
        ({"targetType": "user", "targetId": 7}, "off"),
        ({"targetType": "user"}, "off"),
        ({}, "off"),
    ],
)
def test_a_target_comes_before_rules(context: dict[str, Any], variant: str) -> None:
    found = evaluate(spec(targetType="user", targetId="7", rules=[rule()], **EVERYBODY), context)
    assert found.variant == variant
    assert found.reason == ("TARGETING_MATCH" if variant == "on" else "DEFAULT")


def test_rules_go_by_priority_then_by_their_place() -> None:
    rules = [rule("late", "a"), rule("early", "b", priority=1), rule("earlyToo", "c", priority=1)]
    found = evaluate(letters(rules=rules))
    assert (found.variant, found.rule, found.reason) == ("b", "early", Reason.TARGETING_MATCH)


def test_a_rule_needs_all_its_conditions() -> None:
    raw = spec(rules=[rule("r", "on", YES, condition("Equals", 1, "y"))])
    assert evaluate(raw, {"x": "yes", "y": 1}).variant == "on"
    assert evaluate(raw, {"x": "yes", "y": 2}).variant == "off"


def test_a_rule_that_does_not_include_the_unit_gives_way_to_the_next() -> None:
    raw = letters(rules=[rule("none", "b", rolloutPercentage=0), rule("rest", "c")])
    found = evaluate(raw, {"targetingKey": "u"})
    assert (found.variant, found.rule, found.unit_missing) == ("c", "rest", False)


def test_a_distribution_splits() -> None:
    shares = [{"variant": "b", "weight": 0}, {"variant": "c", "weight": 100}]
    found = evaluate(letters(rules=[rule("r", None, distribution=shares)]), {"targetingKey": "u"})
    assert (found.variant, found.reason, found.rule) == ("c", Reason.SPLIT, "r")


def test_the_rollout_takes_whom_no_rule_takes() -> None:
    raw = spec(rules=[rule("r", "off", YES)], **EVERYBODY)
    assert evaluate(raw, {"x": "yes"}).rule == "r"
    found = evaluate(raw)
    assert (found.variant, found.reason, found.rule) == ("on", Reason.SPLIT, "")


@pytest.mark.parametrize(
    "unit",
    [
        None,
        "",
        1.5,
        True,
        ["u"],
        {"id": "u"},
        pytest.param("\ud800", id="half a pair"),
        pytest.param(10**5000, id="huge"),
    ],
)
@pytest.mark.parametrize("version", ["FlagdV2", "FlagdV3", "Rendezvous"])
def test_without_a_unit_one_is_in_no_percentage(unit: Any, version: str) -> None:
    shares = [{"variant": "b", "weight": 50}, {"variant": "c", "weight": 50}]
    rules = [
        rule("share", "b", rolloutPercentage=99.999),
        rule("split", None, distribution=shares),
        rule("percentage", "b", condition("Percentage", 99.999, None)),
    ]
    raw = letters(rules=rules, rolloutPercentage=99.999, rolloutVariant="b", bucketing={"version": version})
    found = evaluate(raw, {"targetingKey": unit})
    assert (found.variant, found.reason, found.unit_missing) == ("a", Reason.DEFAULT, True)


def test_a_rule_after_a_percentage_without_a_unit_still_decides() -> None:
    rules = [rule("share", "b", rolloutPercentage=50), rule("rest", "c")]
    found = evaluate(letters(rules=rules))
    assert (found.variant, found.rule, found.unit_missing) == ("c", "rest", True)


def test_all_and_nobody_need_no_unit() -> None:
    rules = [rule("nobody", "b", rolloutPercentage=0), rule("all", "c", condition("Percentage", 100, None))]
    found = evaluate(letters(rules=rules))
    assert (found.variant, found.unit_missing) == ("c", False)


def test_an_integer_names_a_unit_as_its_text_does() -> None:
    raw = spec(rolloutPercentage=50, rolloutVariant="on")
    for number in range(50):
        assert evaluate(raw, {"targetingKey": number}) == evaluate(raw, {"targetingKey": str(number)})


def test_an_unknown_flag_is_an_error_value() -> None:
    found = flags().evaluate("nothing", {}, 0)
    assert (found.error, found.reason, found.value) == (ErrorCode.FLAG_NOT_FOUND, Reason.ERROR, None)
    assert "'nothing'" in found.message


def test_values_are_as_written() -> None:
    numbers = {"type": "Number", "variants": {"i": 10, "f": 10.0}, "defaultVariant": "f"}
    assert repr(evaluate(numbers).value) == "10.0"
    assert repr(evaluate(numbers | {"defaultVariant": "i"}).value) == "10"
    deep = {"type": "Object", "variants": {"o": {"a": [1, {"b": None}]}}, "defaultVariant": "o"}
    assert evaluate(deep).value == {"a": [1, {"b": None}]}


def test_all_flags_come_by_key() -> None:
    found = flags(source("b"), source("a"), source("c", spec(key="Z")))
    assert [one.key for one in found.evaluate_all({}, 0)] == ["Z", "a", "b"]


def test_metadata_names_set_version_environment_and_owner() -> None:
    built = flags(source("flag", spec(owner="team")), environment="prod").flags["flag"]
    expected = {"flagSetId": "shop", "version": built.digest[:16], "environment": "prod", "owner": "team"}
    assert built.metadata == expected
    assert "environment" not in flags(source("flag")).flags["flag"].metadata
