"""Flags that need others: met or not, missing, in circles, and however interwoven they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import flags, letters, rule, source, spec
from truststream.flags.evaluation import Reason
from truststream.flags.prerequisites import MOST, cyclic, needed, ordered, reaches
from truststream.flags.source import FlagSource

ON = {"rolloutPercentage": 100, "rolloutVariant": "on"}


def needs(*keys: str, **more: Any) -> dict[str, Any]:
    return spec(prerequisites=[{"flag": key, "variants": ["on"]} for key in keys], **more)


def last(raw: dict[str, Any]) -> dict[str, Any]:
    return {"spec": raw, "digest": "", "generation": 1, "since": ""}


def reasons(*sources: FlagSource) -> dict[str, set[str]]:
    return {name: {one.reason for one in found} for name, found in flags(*sources).problems.items()}


def test_any_of_the_variants_is_fine() -> None:
    raw = spec(prerequisites=[{"flag": "letter", "variants": ["b", "c"]}], **ON)
    for variant, expected in (("a", "off"), ("b", "on"), ("c", "on")):
        built = flags(source("flag", raw), source("letter", letters(defaultVariant=variant)))
        assert built.evaluate("flag", {}, 0).variant == expected


def test_a_prerequisite_sees_the_same_context() -> None:
    gate = source("gate", spec(rules=[rule("r", "on", {"field": "x", "operator": "Equals", "value": 1})]))
    built = flags(gate, source("flag", needs("gate", **ON)))
    assert [built.evaluate("flag", {"x": x}, 0).variant for x in (1, 2)] == ["on", "off"]


def test_all_of_several_must_be_met_and_of_theirs() -> None:
    chain = [source("a", spec(**ON)), source("b", needs("a", **ON)), source("c", needs("a", "b", **ON))]
    assert flags(*chain).evaluate("c", {}, 0).variant == "on"
    shut = [source("a"), *chain[1:]]
    found = flags(*shut).evaluate("c", {}, 0)
    assert (found.variant, found.reason) == ("off", Reason.DEFAULT)


def test_a_prerequisite_that_is_switched_off_gives_its_default() -> None:
    gate = source("gate", spec(enabled=False, defaultVariant="on"))
    assert flags(gate, source("flag", needs("gate", **ON))).evaluate("flag", {}, 0).variant == "on"


def test_disabled_is_told_before_prerequisites() -> None:
    built = flags(source("gate"), source("flag", needs("gate", enabled=False)))
    assert built.evaluate("flag", {}, 0).reason is Reason.DISABLED


def test_a_unit_missing_in_a_prerequisite_is_told() -> None:
    gate = source("gate", spec(rolloutPercentage=50, rolloutVariant="on"))
    built = flags(gate, source("flag", needs("gate", **ON)))
    assert built.evaluate("flag", {}, 0).unit_missing
    members = {built.evaluate("flag", {"targetingKey": f"u{n}"}, 0).variant for n in range(40)}
    assert members == {"on", "off"}


def test_a_new_flag_whose_prerequisite_is_missing_is_not_served() -> None:
    built = flags(source("flag", needs("nowhere")), source("next", needs("flag")))
    assert not built.flags
    assert "no FeatureFlag" in built.problems["flag"][0].message
    assert "is not served itself" in built.problems["next"][0].message


def test_a_flag_that_was_served_outlives_its_prerequisite() -> None:
    raw = needs("nowhere", **ON)
    built = flags(source("flag", raw, served=last(raw)), source("next", needs("flag")))
    assert built.evaluate("flag", {}, 0).variant == "off"
    assert [one.reason for one in built.problems["flag"]] == ["UnknownPrerequisite"]
    assert built.evaluate("next", {}, 0).error is None


def test_a_changed_flag_with_a_missing_prerequisite_keeps_what_was_served() -> None:
    built = flags(source("flag", needs("nowhere", **ON), served=last(spec(defaultVariant="on"))))
    found = built.evaluate("flag", {}, 0)
    assert (found.variant, found.reason) == ("on", Reason.STATIC)


def test_all_flags_of_a_circle_are_told_and_none_is_served() -> None:
    sources = [source("a", needs("b")), source("b", needs("c")), source("c", needs("a")), source("free", needs("a"))]
    built = flags(*sources)
    assert not built.flags
    told = {"PrerequisiteCycle"}
    assert reasons(*sources) == {"a": told, "b": told, "c": told, "free": {"UnknownPrerequisite"}}


def test_of_a_circle_the_change_that_closed_it_gives_way() -> None:
    old, plain = needs("b", **ON), spec(**ON)
    sources = [source("a", old, served=last(old)), source("b", needs("a"), served=last(plain))]
    built = flags(*sources)
    assert {key: built.evaluate(key, {}, 0).variant for key in built.flags} == {"a": "on", "b": "on"}
    assert reasons(*sources) == {"a": {"PrerequisiteCycle"}, "b": {"PrerequisiteCycle"}}


def test_a_circle_of_what_was_served_is_not_served() -> None:
    one, other = needs("b"), needs("a")
    assert not flags(source("a", one, served=last(one)), source("b", other, served=last(other))).flags


def test_a_spec_that_waits_makes_no_circle_but_is_told() -> None:
    approval = {"approval": {"required": 1, "groups": ["leads"]}}
    a, b, old = needs("b", **ON), needs("a", **approval), spec(**ON, **approval)
    sources = [source("a", a), source("b", b, served=last(old))]
    built = flags(*sources)
    assert {key: built.evaluate(key, {}, 0).variant for key in built.flags} == {"a": "on", "b": "on"}
    assert reasons(*sources) == {"b": {"PrerequisiteCycle"}}


def test_of_two_with_one_key_the_older_has_it() -> None:
    younger = source("a", spec(key="k", defaultVariant="on"), created="2026-02-01T00:00:00Z")
    older = source("b", spec(key="k"), created="2026-01-01T00:00:00Z")
    built = flags(younger, older)
    assert (built.flags["k"].name, built.evaluate("k", {}, 0).variant) == ("b", "off")
    assert [(one.path, one.reason) for one in built.problems["a"]] == [("spec.key", "KeyTaken")]
    twins = flags(source("b", spec(key="k")), source("a", spec(key="k")))
    assert twins.flags["k"].name == "a"


def test_interwoven_flags_cost_no_more_than_their_number() -> None:
    """Ten layers of five, each needing all of the layer below: five to the tenth paths."""
    sources = []
    for layer in range(10):
        below = [f"l{layer - 1}n{place}" for place in range(5)] if layer else []
        sources += [source(f"l{layer}n{place}", needs(*below, **ON)) for place in range(5)]
    built = flags(*sources)
    assert len(built.flags["l9n0"].steps) == 46
    assert built.evaluate("l9n0", {}, 0).variant == "on"


def test_too_many_prerequisites_are_refused_and_long_chains_do_not_break() -> None:
    chain = [source("f000"), *(source(f"f{n:03}", needs(f"f{n - 1:03}")) for n in range(1, 1500))]
    built = flags(*chain)
    assert len(built.flags) == MOST + 1
    assert built.problems[f"f{MOST + 1:03}"][0].reason == "TooManyPrerequisites"


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"a": ["b"], "b": []}, set()),
        ({"a": ["a"]}, {"a"}),
        ({"a": ["b"], "b": ["a"], "c": ["a"]}, {"a", "b"}),
        ({"a": ["b"], "b": ["a", "x"], "x": ["c"], "c": ["d"], "d": ["c"]}, {"a", "b", "c", "d"}),
        ({"a": ["gone"]}, set()),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, set()),
    ],
)
def test_circles(graph: dict[str, list[str]], circle: set[str]) -> None:
    assert cyclic(graph) == circle


def test_order_and_reach() -> None:
    graph = {"a": ["b", "c"], "b": ["c"], "c": []}
    assert ordered(graph) == ["c", "b", "a"]
    assert needed(graph, ordered(graph)) == {"a": {"b", "c"}, "b": {"c"}, "c": frozenset()}
    assert reaches(graph, ["b"], "c")
    assert not reaches(graph, ["c", "b"], "a")
