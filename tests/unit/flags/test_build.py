"""Sets built from before: equal to sets built anew, sharing what did not change, with versions that tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition
from hypothesis.stateful import rule as step

from tests.unit.flags.world import at, condition, flags, letters, rule, segment, source
from truststream.api.featureflag import Segment
from truststream.flags.build import build
from truststream.flags.flagset import FlagSet
from truststream.flags.source import FlagSource

JUNE, JULY = "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"
EARLY = condition("InSegment", "early", None)
IN_EARLY = letters(rules=[rule("r", "b", EARLY)])
GERMANS = segment(conditions=[condition("Equals", "DE", "country")])
AUSTRIANS = segment(conditions=[condition("Equals", "AT", "country")])


def again(
    before: FlagSet, *sources: FlagSource, segments: dict[str, Segment] | None = None, now: float = 0.0, where: str = ""
) -> FlagSet:
    return build(sources, segments or {}, namespace="shop", environment=where, now=now, previous=before)


def needs(key: str, **more: Any) -> dict[str, Any]:
    return letters(prerequisites=[{"flag": key, "variants": ["b"]}], rolloutPercentage=100, rolloutVariant="b", **more)


def number(value: Any) -> dict[str, Any]:
    return {"type": "Number", "variants": {"n": value}, "defaultVariant": "n"}


@pytest.mark.parametrize(("old", "new"), [(10, 10.0), (1, True), (0, False), (1.0, 1)])
def test_values_that_python_calls_equal_are_a_change(old: Any, new: Any) -> None:
    before = flags(source("flag", number(old)))
    after = again(before, source("flag", number(new)))
    anew = flags(source("flag", number(new)))
    assert (after.version, after.problems) == (anew.version, anew.problems)
    assert repr(after.evaluate("flag", {}, 0)) == repr(anew.evaluate("flag", {}, 0))


def test_conditions_of_segments_that_python_calls_equal_are_a_change() -> None:
    one, true = (segment(conditions=[condition("Equals", value)]) for value in (1, True))
    before = flags(source("flag", IN_EARLY), segments={"early": one})
    after = again(before, source("flag", IN_EARLY), segments={"early": true})
    assert [after.evaluate("flag", {"x": x}, 0).variant for x in (1, True)] == ["a", "b"]
    assert after.version != before.version


def test_what_did_not_change_is_shared() -> None:
    sources = [source("a"), source("b", IN_EARLY), source("c", needs("b"))]
    before = flags(*sources, segments={"early": GERMANS})
    copies = [replace(one, spec={**one.spec}, generation=7) for one in sources]
    after = again(before, *copies, source("new"), segments={"early": GERMANS.model_copy()})
    assert all(after.flags[key] is flag for key, flag in before.flags.items())
    changed = again(before, *sources, segments={"early": AUSTRIANS})
    assert changed.flags["a"] is before.flags["a"]
    assert changed.flags["c"].digest != before.flags["c"].digest  # it needs b, which uses the segment


def test_another_environment_takes_nothing_over() -> None:
    raw = letters(environments={"prod": {"defaultVariant": "b"}})
    assert again(flags(source("flag", raw)), source("flag", raw), where="prod").evaluate("flag", {}, 0).variant == "b"


TOLD = {
    "description": "words",
    "owner": "team",
    "tags": ["x"],
    "expiresAt": JUNE,
    "staleAfter": "1h",
    "recordExposures": True,
    "exposureWindow": "1h",
    "environments": {"elsewhere": {"defaultVariant": "b"}},
}
FULL = letters(
    rules=[
        rule("r", "b", EARLY, condition("Equals", 1)),
        rule("s", None, distribution=[{"variant": "b", "weight": 100}]),
    ],
    rolloutPercentage=5,
    rolloutVariant="b",
    environments={"prod": {"rolloutPercentage": 7}},
    schedule=[{"at": JUNE, "defaultVariant": "b"}],
    prerequisites=[{"flag": "gate", "variants": ["a"]}],
)


def built(raw: dict[str, Any], gate: dict[str, Any], early: Segment, **more: Any) -> FlagSet:
    overlay = more.pop("overlay", None)
    return flags(source("gate", gate), source("flag", raw, overlay=overlay), segments={"early": early}, **more)


BEFORE = built(FULL, letters(), GERMANS)


@pytest.mark.parametrize("field", TOLD)
def test_what_no_evaluation_depends_on_makes_no_version(field: str) -> None:
    after = built({**FULL, field: TOLD[field]}, letters(), GERMANS)
    assert after.version == BEFORE.version
    described = {**FULL, "rules": [{**FULL["rules"][0], "description": "why"}, FULL["rules"][1]]}
    assert built(described, letters(), GERMANS.model_copy(update={"description": "who"})).version == BEFORE.version


@pytest.mark.parametrize(
    "after",
    [
        lambda: built({**FULL, "defaultVariant": "c"}, letters(), GERMANS),
        lambda: built({**FULL, "variants": {"a": "A", "b": "B", "c": "D"}}, letters(), GERMANS),
        lambda: built({**FULL, "enabled": False}, letters(), GERMANS),
        lambda: built({**FULL, "rules": FULL["rules"][::-1]}, letters(), GERMANS),
        lambda: built({**FULL, "rolloutPercentage": 5.001}, letters(), GERMANS),
        lambda: built({**FULL, "bucketing": {"salt": "s"}}, letters(), GERMANS),
        lambda: built({**FULL, "targetType": "user"}, letters(), GERMANS),
        lambda: built({**FULL, "schedule": [{"at": JULY, "defaultVariant": "b"}]}, letters(), GERMANS),
        lambda: built({**FULL, "key": "other"}, letters(), GERMANS),
        lambda: built(FULL, letters(defaultVariant="b"), GERMANS),
        lambda: built(FULL, letters(), AUSTRIANS),
        lambda: built(FULL, letters(), GERMANS, environment="prod"),
        lambda: built(FULL, letters(), GERMANS, now=at(JUNE)),
        lambda: built(FULL, letters(), GERMANS, overlay={"owner": "release", "defaultVariant": "b"}),
        lambda: flags(source("gate", letters()), segments={"early": GERMANS}),
    ],
)
def test_what_evaluations_depend_on_makes_another_version(after: Any) -> None:
    assert after().version != BEFORE.version


def test_a_segment_that_goes_is_remembered_by_the_flags_that_use_it() -> None:
    before = flags(source("flag", IN_EARLY), segments={"early": GERMANS})
    after = again(before, source("flag", IN_EARLY), source("new", IN_EARLY))
    assert after.evaluate("flag", {"country": "DE"}, 0).variant == "b"
    assert "new" not in after.flags  # it never was good
    assert {one.reason for found in after.problems.values() for one in found} == {"UnknownSegment"}
    still = again(after, source("flag", IN_EARLY, overlay={"owner": "release", "defaultVariant": "c"}))
    assert [still.evaluate("flag", {"country": where}, 0).variant for where in ("DE", "AT")] == ["b", "c"]
    changed = again(still, source("flag", {**IN_EARLY, "defaultVariant": "b"}))
    assert not changed.flags
    back = again(after, source("flag", IN_EARLY), segments={"early": AUSTRIANS})
    assert not back.problems
    assert back.evaluate("flag", {"country": "AT"}, 0).variant == "b"


def test_what_was_served_is_not_without_its_segments() -> None:
    """The change is refused for its prerequisite, and the spec before it for its segment."""
    found = flags(source("flag", needs("nowhere"), served={"spec": IN_EARLY, "digest": ""}))
    assert not found.flags
    assert [one.reason for one in found.problems["flag"]] == ["UnknownPrerequisite"]


def test_a_segment_that_breaks_is_as_one_that_goes() -> None:
    broken = segment(conditions=[condition("Matches", "(")])
    before = flags(source("flag", IN_EARLY), segments={"early": GERMANS})
    after = again(before, source("flag", IN_EARLY), segments={"early": broken})
    assert after.evaluate("flag", {"country": "DE"}, 0).variant == "b"
    assert "cannot be used" in after.problems["flag"][0].message
    assert not flags(source("flag", IN_EARLY), segments={"early": broken}).flags


def test_time_moves_on_without_compiling() -> None:
    raw = letters(schedule=[{"at": JUNE, "until": JULY, "defaultVariant": "b"}])
    before = flags(source("flag", raw), source("next", needs("flag")), now=0)
    after = again(before, source("flag", raw), source("next", needs("flag")), now=at(JULY))
    assert after.flags["flag"].decide is before.flags["flag"].decide
    assert (after.next_change, after.flags["flag"].static) == (None, True)
    assert after.version == flags(source("flag", raw), source("next", needs("flag")), now=at(JULY)).version


SPECS = {
    "plain": letters(),
    "floats": number(1.0),
    "ints": number(1),
    "bools": number(True),
    "early": IN_EARLY,
    "late": letters(rules=[rule("r", "c", condition("NotInSegment", "late", None))], owner="team"),
    "timed": letters(schedule=[{"at": JUNE, "until": JULY, "defaultVariant": "b"}]),
    "rolled": letters(rolloutPercentage=50, rolloutVariant="b"),
    "wrong": letters(defaultVariant="gone"),
    "waits": letters(defaultVariant="c", approval={"required": 1, "groups": ["leads"]}),
    "one": needs("flag1"),
    "two": needs("flag2"),
    "three": needs("flag3"),
    "taken": letters(key="flag1"),
}
KINDS = sorted(SPECS)
OVERLAYS = [None, {"owner": "r", "variant": "b", "percentage": 10}, {"owner": "r", "variant": "z"}]
NAMES = ["flag1", "flag2", "flag3", "flag4"]
CONTEXTS: list[dict[str, Any]] = [{}, {"targetingKey": "u1", "country": "DE"}, {"targetingKey": "u2", "country": "AT"}]
TIMES = [0.0, at(JUNE), at(JULY)]


class Namespace(RuleBasedStateMachine):
    """Resources come, change and go; a set built from the last one is the set built anew."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[str, FlagSource] = {}
        self.segments: dict[str, Segment] = {"late": GERMANS}
        self.now = 0.0
        self.last: FlagSet | None = None

    @step(
        name=st.sampled_from(NAMES),
        raw=st.sampled_from(sorted(SPECS)),
        served=st.none() | st.sampled_from(sorted(SPECS)),
    )
    def put(self, name: str, raw: str, served: str | None) -> None:
        """A flag comes or changes."""
        status = {"spec": SPECS[served], "digest": ""} if served else None
        self.sources[name] = source(name, {**SPECS[raw]}, served=status)

    @precondition(lambda self: self.sources)
    @step(
        overlay=st.sampled_from(
            [None, {"owner": "r", "variant": "b", "percentage": 10}, {"owner": "r", "variant": "z"}]
        )
    )
    def hold(self, overlay: dict[str, Any] | None) -> None:
        """A release takes hold of a flag, or lets it go."""
        name = min(self.sources)
        self.sources[name] = replace(self.sources[name], overlay=overlay)

    @step(name=st.sampled_from(NAMES))
    def take(self, name: str) -> None:
        """A flag goes."""
        self.sources.pop(name, None)

    @step(name=st.sampled_from(["early", "late"]), one=st.sampled_from([GERMANS, AUSTRIANS]))
    def define(self, name: str, one: Segment) -> None:
        """A segment comes or changes; that one goes has a test of its own, for it is remembered."""
        self.segments[name] = one.model_copy()

    @step(now=st.sampled_from(TIMES))
    def wait(self, now: float) -> None:
        """Time passes, or a clock is set."""
        self.now = now

    @invariant()
    def equal(self) -> None:
        """Whatever was before."""
        listed = list(self.sources.values())
        anew = build(listed, self.segments, namespace="shop", environment="", now=self.now)
        self.last = build(listed, self.segments, namespace="shop", environment="", now=self.now, previous=self.last)
        assert told(self.last) == told(anew)


def told(found: FlagSet) -> list[str]:
    """All that a set says."""
    listed = found.flags.values()
    return [
        repr((found.version, found.problems, found.warnings, found.next_change, list(found.flags))),
        repr([found.evaluate_all(context, now) for context in CONTEXTS for now in TIMES]),
        repr([(flag.name, flag.digest, flag.static, flag.phase, flag.next_change) for flag in listed]),
        repr([(flag.metadata, flag.flagd) for flag in listed]),
    ]


Namespace.TestCase.settings = settings(max_examples=60, stateful_step_count=15)
TestNamespace = Namespace.TestCase
