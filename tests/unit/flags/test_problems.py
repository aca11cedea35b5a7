"""What is wrong with a spec, and where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import at, condition, flags, letters, rule, segment, source, spec
from truststream.api.featureflag import FeatureFlagSpec
from truststream.flags.build import build
from truststream.flags.problems import problems_of
from truststream.flags.segments import problems_of_segment
from truststream.flags.source import FlagSource

MOST_OF_ALL = [{"variant": "on", "weight": 99.999}]
IN_EARLY = condition("InSegment", ["early", "late"], None)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        ({}, ["spec.type", "spec.variants", "spec.defaultVariant"]),
        (spec(colour="red"), ["spec.colour"]),
        (spec(variants={"on": True, "off": "no"}), ["spec.variants.off"]),
        (spec(defaultVariant="gone"), ["spec.defaultVariant"]),
        (spec(rolloutPercentage=5), ["spec.rolloutPercentage"]),
        (spec(rolloutPercentage=0.0001, rolloutVariant="on"), ["spec.rolloutPercentage"]),
        (spec(rules=[rule("r", None)]), ["spec.rules[0]"]),
        (spec(rules=[rule("r"), rule("r")]), ["spec.rules[1]"]),
        (
            spec(rules=[rule("r", None, distribution=[{"variant": "on", "weight": 99.999}])]),
            ["spec.rules[0].distribution"],
        ),
        (spec(environments={"prod": {"rules": [rule("r", "gone")]}}), ["spec.environments.prod.rules[0].variant"]),
        (
            spec(environments={"a": {"inherits": "b"}, "b": {"inherits": "a"}}),
            ["spec.environments.a.inherits", "spec.environments.b.inherits"],
        ),
        (
            spec(environments={"a": {"inherits": "b", "rolloutPercentage": 1}, "b": {"defaultVariant": "on"}}),
            ["spec.environments.a.rolloutVariant"],
        ),
        (spec(schedule=[{"at": "tomorrow"}]), ["spec.schedule[0].at"]),
        (spec(expiresAt="2026-12-01"), ["spec.expiresAt"]),
        (spec(prerequisites=[{"flag": "flag", "variants": ["on"]}]), ["spec.prerequisites"]),
        (
            spec(rules=[rule("r"), rule("s", "on", condition("Equals", 1), condition("Matches", "["))]),
            ["spec.rules[1].conditions[1].value"],
        ),
        (
            spec(environments={"prod": {"rules": [rule("r", "on", condition("Cidr", "10.0.0.1/8"))]}}),
            ["spec.environments.prod.rules[0].conditions[0].value"],
        ),
        ({"type": "Number", "variants": {"n": float("nan")}, "defaultVariant": "n"}, ["spec"]),
        ({"type": "Number", "variants": {"n": 2**53}, "defaultVariant": "n"}, ["spec.variants.n"]),
        ({"type": "Object", "variants": {"n": {"x": float("inf")}}, "defaultVariant": "n"}, ["spec"]),
        ({"type": "Object", "variants": {"n": {"x": object()}}, "defaultVariant": "n"}, ["spec"]),
        (letters(variants={"a": "x" * (1 << 20)}), ["spec"]),
        (letters(variants={"a": "\ud800"}), ["spec"]),
    ],
)
def test_every_problem_names_its_field(raw: dict[str, Any], paths: list[str]) -> None:
    found = problems_of(source("flag", raw))
    assert [problem.path for problem in found] == paths
    assert all(problem.message for problem in found)
    assert flags(source("flag", raw)).evaluate("flag", {}, at("2026-01-01T00:00:00Z")).error == "FLAG_NOT_FOUND"


@pytest.mark.parametrize("depth", [150, 900, 100_000])
def test_endless_nesting_is_a_problem_and_no_crash(depth: int) -> None:
    def made() -> FlagSource:
        deep = {"type": "Object", "variants": {"n": {"x": nested(depth)}}, "defaultVariant": "n"}
        return source("flag", deep, served={"spec": spec(approval={"required": 1, "groups": ["leads"]}), "digest": ""})

    built = flags(made())
    again = build([made()], {}, namespace="shop", environment="", now=0, previous=built)
    assert again.evaluate("flag", {}, 0).variant == "off"
    assert bool(again.problems) is (depth > 150)


def test_too_many_conditions_are_refused() -> None:
    many = [rule(f"r{number}", "on", *[condition("Exists")] * 100) for number in range(101)]
    assert [one.path for one in problems_of(source("flag", spec(rules=many)))] == ["spec.rules"]
    assert not problems_of(source("flag", spec(rules=many[:100])))


def test_a_flag_without_problems_has_none() -> None:
    raw = letters(
        rules=[rule("r", "b", IN_EARLY)],
        environments={"prod": {"rolloutPercentage": 5, "rolloutVariant": "b"}, "eu": {"inherits": "prod"}},
    )
    assert not problems_of(source("flag", raw))


def test_unknown_segments_are_named_with_their_place() -> None:
    raw = spec(rules=[rule("r", "on", IN_EARLY)])
    broken = segment(conditions=[condition("Matches", "(")])
    found = problems_of(source("flag", raw), segments={"early": broken})
    assert [(one.path, one.reason) for one in found] == [("spec.rules[0].conditions[0].value", "UnknownSegment")] * 2
    assert "'early' cannot be used: conditions[0].value: is no regular expression" in found[0].message
    assert "'late' is in no labelled ConfigMap" in found[1].message


def test_segments_are_not_nested() -> None:
    found = [*problems_of_segment("s", segment(conditions=[condition("Exists"), IN_EARLY]))]
    assert [problem.path for problem in found] == ["conditions[1].operator"]


@pytest.mark.parametrize(
    ("wanted", "others", "reasons"),
    [
        ([("gate", "on")], {"gate": []}, []),
        ([("gate", "on")], {}, ["UnknownPrerequisite"]),
        ([("gate", "gone")], {"gate": []}, ["UnknownVariant"]),
        ([("gate", "on")], {"gate": ["far"], "far": ["flag"]}, ["PrerequisiteCycle"]),
        ([("gate", "on")], {"gate": ["far"], "far": ["gate"]}, []),  # their circle, not this flag's
    ],
)
def test_prerequisites_are_looked_up(
    wanted: list[tuple[str, str]], others: dict[str, list[str]], reasons: list[str]
) -> None:
    raw = spec(prerequisites=[{"flag": key, "variants": [variant]} for key, variant in wanted])
    known = {
        key: FeatureFlagSpec.model_validate(spec(prerequisites=[{"flag": need, "variants": ["on"]} for need in needs]))
        for key, needs in others.items()
    }
    assert [problem.reason for problem in problems_of(source("flag", raw), known)] == reasons
