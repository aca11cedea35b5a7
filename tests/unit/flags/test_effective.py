"""Environments, overlays and schedules: whose word holds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.flags.world import at, evaluate, flags, letters, rule, source, spec

ENVIRONMENTS = {
    "base": {"defaultVariant": "b", "rolloutPercentage": 100, "rolloutVariant": "c"},
    "prod": {"inherits": "base", "rolloutPercentage": 0},
    "canary": {"inherits": "prod", "rules": [rule("r", "c")]},
    "off": {"inherits": "base", "enabled": False},
}
JUNE, JULY, AUGUST, MAY = (f"2026-{month}-01T00:00:00Z" for month in ("06", "07", "08", "05"))


@pytest.mark.parametrize(
    ("environment", "variant", "reason"),
    [
        ("", "a", "STATIC"),
        ("elsewhere", "a", "STATIC"),
        ("base", "c", "SPLIT"),
        ("prod", "b", "DEFAULT"),
        ("canary", "c", "TARGETING_MATCH"),
        ("off", "b", "DISABLED"),
    ],
)
def test_the_nearest_environment_wins_field_by_field(environment: str, variant: str, reason: str) -> None:
    found = evaluate(letters(environments=ENVIRONMENTS), environment=environment)
    assert (found.variant, found.reason) == (variant, reason)


def test_nothing_turns_on_what_the_spec_turns_off() -> None:
    on = {"prod": {"enabled": True}}
    raw = letters(enabled=False, environments=on, schedule=[{"at": JUNE, "enabled": True}])
    assert evaluate(raw, now=at(JULY), environment="prod").reason == "DISABLED"


def test_a_schedule_turns_on_what_an_environment_turns_off() -> None:
    raw = letters(environments={"prod": {"enabled": False}}, schedule=[{"at": JUNE, "enabled": True}])
    reasons = [evaluate(raw, now=at(when), environment="prod").reason for when in (MAY, JUNE)]
    assert reasons == ["DISABLED", "STATIC"]


@pytest.mark.parametrize(
    ("overlay", "variant", "reason"),
    [
        ({"defaultVariant": "b"}, "b", "STATIC"),
        ({"variant": "c", "percentage": 100}, "c", "SPLIT"),
        ({"variant": "c", "percentage": 0}, "a", "DEFAULT"),
        ({"variant": "c"}, "a", "STATIC"),
        ({"defaultVariant": "b", "variant": "c", "percentage": 0.0}, "b", "DEFAULT"),
        ({"variant": "c", "percentage": 1e9}, "c", "SPLIT"),
    ],
)
def test_an_overlay_is_over_spec_and_environment(overlay: dict[str, Any], variant: str, reason: str) -> None:
    held = {"owner": "release", **overlay}
    found = evaluate(letters(environments={"prod": {"defaultVariant": "a"}}), overlay=held, environment="prod")
    assert (found.variant, found.reason) == (variant, reason)


def test_a_release_holds_the_rollout_against_the_schedule() -> None:
    change = {"at": JUNE, "rolloutPercentage": 100, "rolloutVariant": "b", "defaultVariant": "c"}
    raw, held = letters(schedule=[change]), {"owner": "release", "variant": "b", "percentage": 0}
    assert evaluate(raw, now=at(JUNE)).variant == "b"
    found = evaluate(raw, now=at(JUNE), overlay=held)
    assert (found.variant, found.reason) == ("c", "DEFAULT")


@pytest.mark.parametrize(
    ("overlay", "path"),
    [
        ({"owner": "release", "defaultVariant": "gone"}, "status.overlay.defaultVariant"),
        ({"owner": "release", "variant": "gone", "percentage": 100}, "status.overlay.variant"),
        ({"percentage": "all"}, "status.overlay"),
    ],
)
def test_an_overlay_of_what_is_not_there_does_not_hold_and_is_told(overlay: dict[str, Any], path: str) -> None:
    built = flags(source("flag", letters(), overlay=overlay))
    assert built.evaluate("flag", {}, 0).variant == "a"
    assert [one.path for one in built.warnings["flag"]] == [path]
    assert not built.problems


def test_a_schedule_holds_from_at_until_before_until() -> None:
    raw = letters(schedule=[{"at": JUNE, "until": JULY, "defaultVariant": "b"}])
    times = (at(JUNE) - 0.001, at(JUNE), at(JULY) - 0.001, at(JULY))
    assert [evaluate(raw, now=now).variant for now in times] == ["a", "b", "b", "a"]


def test_of_two_that_hold_the_later_wins_field_by_field() -> None:
    schedule = [
        {"at": JULY, "rolloutVariant": "c"},
        {"at": JUNE, "defaultVariant": "b", "rolloutPercentage": 100, "rolloutVariant": "b"},
        {"at": JUNE, "until": AUGUST, "defaultVariant": "c"},  # as early as the one before: the list decides
    ]
    raw = letters(schedule=schedule)
    assert [evaluate(raw, now=at(when)).variant for when in (MAY, JUNE, JULY)] == ["a", "b", "c"]
    without = letters(schedule=[{"at": JUNE, "defaultVariant": "b"}, schedule[2]])
    assert [evaluate(without, now=at(when)).variant for when in (JUNE, JULY, AUGUST)] == ["c", "c", "b"]


def test_the_next_change_is_the_earliest_boundary_of_any_flag() -> None:
    one = source("one", letters(schedule=[{"at": JUNE, "until": AUGUST, "defaultVariant": "b"}]))
    two = source("two", letters(schedule=[{"at": JULY, "defaultVariant": "b"}]))
    seen = [flags(one, two, now=at(when)).next_change for when in (MAY, JUNE, JULY, AUGUST)]
    assert seen == [at(JUNE), at(JULY), at(AUGUST), None]
    assert flags(one, now=at(JULY)).flags["one"].next_change == at(AUGUST)
    assert flags(source("flag")).next_change is None


def test_the_effective_spec_is_environment_and_overlay_without_schedule() -> None:
    held = {"owner": "release", "variant": "c", "percentage": 12.5}
    raw = letters(
        environments=ENVIRONMENTS,
        schedule=[{"at": JUNE, "defaultVariant": "a", "rolloutPercentage": 3, "rolloutVariant": "b"}],
    )
    effective = flags(source("flag", raw, overlay=held), environment="prod").flags["flag"].spec
    assert (effective.default_variant, effective.rollout_variant, effective.rollout_percentage) == ("b", "c", 12.5)
    assert (effective.schedule[0].default_variant, effective.schedule[0].rollout_percentage) == ("a", None)


def test_a_disabled_flag_keeps_the_default_of_environment_and_schedule() -> None:
    raw = spec(enabled=False, schedule=[{"at": JUNE, "defaultVariant": "on"}])
    assert [evaluate(raw, now=at(when)).variant for when in (MAY, JUNE)] == ["off", "on"]
