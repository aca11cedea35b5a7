"""flagd's JSON: what is written, and what is left out and why. That it means the same is tested in contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.flags.world import condition, flags, letters, rule, segment, source, spec
from truststream.api.flagstatus import Delivery
from truststream.flags.flagd import document
from truststream.flags.flagset import CompiledFlag

DEALT = {"rolloutPercentage": 50, "rolloutVariant": "on"}


def compiled(raw: dict[str, Any], *others: Any, **more: Any) -> CompiledFlag:
    made = flags(source("flag", raw), *others, **more)
    assert not made.problems
    return made.flags["flag"]


def test_a_flag_without_conditions_has_no_targeting() -> None:
    flag = compiled(spec())
    assert flag.flagd == {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}


def test_a_flag_for_everybody_has_no_targeting_either() -> None:
    flag = compiled(spec(rules=[rule("all", "on")]))
    assert flag.flagd == {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}


def test_a_disabled_flag_gives_its_default_in_process_too() -> None:
    flag = compiled(spec(enabled=False, rules=[rule("all", "on", condition("Matches", "^a"))]))
    assert flag.flagd is not None
    assert flag.flagd["state"] == "ENABLED"
    assert "targeting" not in flag.flagd
    assert flag.flagd["metadata"] == {"disabled": True}


def test_numbers_stay_as_they_are_written() -> None:
    made = flags(source("flag", {"type": "Number", "variants": {"a": 10.0, "b": 10}, "defaultVariant": "a"}))
    assert '"variants":{"a":10.0,"b":10}' in document(made)


def test_the_document_says_whose_flags_and_which_version() -> None:
    made = flags(source("flag", spec(owner="team-a")), environment="staging")
    content = json.loads(document(made))
    assert content["metadata"] == {"flagSetId": "shop/staging", "version": made.version}
    assert content["flags"]["flag"]["metadata"]["owner"] == "team-a"


def test_what_flagd_cannot_say_is_left_out_of_the_document() -> None:
    made = flags(source("flag", spec(rules=[rule("r", "on", condition("Matches", "^a"))])), source("plain"))
    assert list(json.loads(document(made))["flags"]) == ["plain"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (spec(rules=[rule("r", "on", condition("Matches", "^a"))]), "rule r: Matches is a regular expression"),
        (spec(rules=[rule("r", "on", condition("Cidr", "10.0.0.0/8"))]), "rule r: Cidr knows networks"),
        (
            spec(rules=[rule("r", "on", condition("TimeOfDay", "09:00-17:00", None, "Europe/Berlin"))]),
            "the clock of Europe/Berlin",
        ),
        (spec(rules=[rule("r", "on", condition("Weekday", ["Mon"], "at"))]), "Weekday reads a moment from at"),
        (
            spec(rules=[rule("r", "on", condition("Before", "2026-12-01T09:00:00.5Z", None))]),
            "2026-12-01T09:00:00.5Z has fractions of a second",
        ),
        (spec(schedule=[{"at": "2026-12-01T09:00:00.5Z", "defaultVariant": "on"}]), "the schedule has fractions"),
        (spec(rules=[rule("r", "on", condition("Equals", 1, "a.length"))]), "the field a.length means something else"),
        (spec(rules=[rule("r", "on", condition("Equals", 1, "$flagd.flagKey"))]), "the field $flagd.flagKey is"),
        (spec(rules=[rule("r", "on", condition("Equals", 2**53 + 1))]), "the number 9007199254740993 exactly"),
        (spec(**DEALT, bucketing={"version": "Rendezvous"}), "dealt by Rendezvous"),
        (spec(**DEALT, bucketing={"salt": "é"}), "its salt is not plain ASCII"),
    ],
)
def test_why_flagd_cannot_have_a_flag(raw: dict[str, Any], reason: str) -> None:
    flag = compiled(raw)
    assert flag.flagd is None
    assert flag.delivery is Delivery.OFREP_ONLY
    assert [one for one in flag.undeliverable if reason in one], flag.undeliverable


def test_all_reasons_are_told_once() -> None:
    rules = [rule(name, "on", condition("Matches", "a"), condition("Matches", "b")) for name in ("one", "two")]
    assert [reason.partition(":")[0] for reason in compiled(spec(rules=rules)).undeliverable] == [
        "rule one",
        "rule two",
    ]


def test_a_salt_of_version_3_may_have_any_characters() -> None:
    assert compiled(spec(**DEALT, bucketing={"salt": "é", "version": "FlagdV3"})).flagd is not None


def test_local_times_of_any_zone_are_moments() -> None:
    flag = compiled(spec(rules=[rule("r", "on", condition("After", "2026-12-01T09:00", None, "Europe/Berlin"))]))
    assert flag.flagd is not None
    assert flag.flagd["targeting"]["if"][0] == {">=": [{"var": "$flagd.timestamp"}, 1_796_112_000]}


def test_a_reason_in_a_segment_names_it() -> None:
    found = segment(conditions=[condition("Matches", "^a")])
    flag = compiled(spec(rules=[rule("r", "on", condition("InSegment", "testers", None))]), segments={"testers": found})
    assert flag.undeliverable == ("rule r: segment testers: Matches is a regular expression, and flagd has none",)


def test_a_prerequisite_that_cannot_be_delivered_keeps_the_flag_back() -> None:
    needs = spec(prerequisites=[{"flag": "other", "variants": ["on"]}])
    other = source("other", spec(rules=[rule("r", "on", condition("Cidr", "10.0.0.0/8"))]))
    assert compiled(needs, other).undeliverable == (
        "prerequisite other: rule r: Cidr knows networks, and flagd does not",
    )


def test_a_prerequisite_that_deals_by_another_version_keeps_the_flag_back() -> None:
    needs = spec(prerequisites=[{"flag": "other", "variants": ["on"]}])
    other = source("other", spec(**DEALT, bucketing={"version": "FlagdV3"}))
    assert compiled(needs, other).undeliverable == ("prerequisite other deals its units by another bucketing version",)


def test_a_prerequisite_that_depends_on_nothing_is_settled_beforehand() -> None:
    needs = letters(prerequisites=[{"flag": "other", "variants": ["on"]}], rules=[rule("all", "b")])
    assert (compiled(needs, source("other", spec(defaultVariant="on"))).flagd or {})["defaultVariant"] == "b"
    assert (compiled(needs, source("other", spec())).flagd or {})["defaultVariant"] == "a"


def test_prerequisites_without_end_are_too_deep() -> None:
    chain = [source("p0", spec(**DEALT))]
    for index in range(1, 40):
        needs = {"prerequisites": [{"flag": f"p{index - 1}", "variants": ["on"]}], "rules": [rule("all", "on")]}
        chain.append(source(f"p{index}", spec(**needs)))
    made = flags(*chain)
    assert made.flags["p5"].flagd is not None
    assert "nest its conditions deeper" in made.flags["p39"].undeliverable[-1]


def test_a_flag_of_many_kilobytes_is_not_sent_to_everybody() -> None:
    units = segment(included=[f"unit-{index:050}" for index in range(10_000)])
    flag = compiled(spec(rules=[rule("r", "on", condition("InSegment", "big", None))]), segments={"big": units})
    assert flag.undeliverable == (
        "its rules with their segments and prerequisites take more than 512 KiB in flagd's language",
    )


def operators(logic: Any) -> set[str]:
    if isinstance(logic, dict):
        assert len(logic) == 1, logic
        return set(logic) | {name for value in logic.values() for name in operators(value)}
    return {name for value in logic for name in operators(value)} if isinstance(logic, list) else set()


def test_only_operators_of_flagds_schema_are_written() -> None:
    conditions = [
        condition("Equals", True),
        condition("In", [1, "a", None]),
        condition("Contains", ["a", 0]),
        condition("SemVer", ">=1"),
        condition("LessThan", 3, "a.0"),
        condition("Weekday", ["Sun"], None, "Etc/GMT+3"),
        condition("TimeOfDay", "22:00-04:00", None),
        condition("Percentage", 5, "company.id"),
        condition("EndsWith", ["a", "b"]),
    ]
    flag = compiled(spec(rules=[rule("r", "on", *conditions)], targetType="user", **DEALT))
    known = {"if", "and", "or", "!", "!!", "===", "!==", "<", ">", ">=", "<=", "in", "cat", "var", "merge", "some", "%"}
    known |= {"+", "fractional", "sem_ver", "starts_with", "ends_with"}
    assert operators((flag.flagd or {})["targeting"]) <= known
