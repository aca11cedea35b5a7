"""When a flag should be removed, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from truststream.api.featureflag import FeatureFlagSpec
from truststream.api.flagstatus import FlagUsage
from truststream.flags.life.staleness import Life, only_variant, staleness

DAY = 86_400.0
NOW = 1_800_000_000.0


def at(days: float) -> str:
    return datetime.fromtimestamp(NOW + days * DAY, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def usage(**more: Any) -> FlagUsage:
    return FlagUsage(**{"since": at(-100), "evaluations": 1000, "last_evaluated": at(0), **more})


def life(**more: Any) -> Life:
    known = {"created": NOW - 100 * DAY, "stale_after": 30 * DAY, "served_since": NOW - 100 * DAY, "counted_until": NOW}
    return Life(**{**known, **more})


SOLE = {"sole_variant": "on", "sole_since": at(-40), "sole_evaluations": 500}


@pytest.mark.parametrize(
    ("lived", "reason", "since"),
    [
        (life(), "", None),
        (life(usage=usage()), "", None),
        # Nobody asked.
        (life(usage=usage(last_evaluated=at(-31))), "NotEvaluated", -31),
        (life(usage=usage(last_evaluated=at(-29))), "", None),
        (life(usage=usage(last_evaluated=None)), "NotEvaluated", -100),
        (life(usage=usage(last_evaluated=None, since=at(-10))), "", None),
        (life(usage=usage(last_evaluated=None, last_synced=at(-1))), "", None),
        (life(usage=usage(last_evaluated=at(-60), last_synced=at(-31))), "NotEvaluated", -31),
        # All got one.
        (life(usage=usage(**SOLE)), "SoleVariant", -40),
        (life(usage=usage(**{**SOLE, "sole_evaluations": 99})), "", None),
        (life(usage=usage(**{**SOLE, "sole_since": at(-29)})), "", None),
        (life(usage=usage(**SOLE), served_since=NOW - 5 * DAY), "", None),
        (life(usage=usage(**SOLE, last_synced=at(-1))), "", None),
        (life(usage=usage(**SOLE, last_synced=at(-31))), "SoleVariant", -40),
        # The spec gives one.
        (life(only="on"), "RolledOut", -100),
        (life(only="on", served_since=NOW - 29 * DAY), "", None),
        (life(only="on", usage=usage(**SOLE)), "RolledOut", -100),
        (life(only="on", usage=usage(last_evaluated=at(-31))), "NotEvaluated", -31),
        # A date that somebody set.
        (life(expires_at=NOW - 1), "Expired", -1 / DAY),
        (life(expires_at=NOW + 1), "", None),
        (life(expires_at=NOW - 1, only="on", usage=usage(last_evaluated=at(-31))), "Expired", -1 / DAY),
        # Young: only the date counts.
        (life(created=NOW - 29 * DAY, only="on", usage=usage(**SOLE)), "", None),
        (life(created=NOW - 29 * DAY, usage=usage(last_evaluated=None)), "", None),
        (life(created=NOW - DAY, expires_at=NOW - 1), "Expired", -1 / DAY),
    ],
)
def test_reasons(lived: Life, reason: str, since: float | None) -> None:
    stale, _ = staleness(lived, NOW)
    assert (stale.reason.value if stale else "") == reason
    if stale and since is not None:
        assert stale.since == pytest.approx(NOW + since * DAY)


def test_counts_that_are_not_up_to_date_prove_nothing() -> None:
    idle = usage(last_evaluated=at(-31))
    stale, again = staleness(life(usage=idle, counted_until=NOW - 2 * DAY), NOW)
    assert stale is None, "it may have been asked for since the servers told last"
    assert again == NOW + 60


def test_before_the_servers_were_heard_what_was_told_stays() -> None:
    idle = usage(last_evaluated=at(-31))
    assert staleness(life(usage=idle, counted_until=None), NOW)[0] is None
    stale, _ = staleness(life(usage=idle, counted_until=None, previous="NotEvaluated"), NOW)
    assert stale is not None
    assert stale.reason.value == "NotEvaluated"


def test_it_says_when_to_look_again() -> None:
    lived = life(usage=usage(last_evaluated=at(-10), **SOLE), served_since=NOW - 5 * DAY, expires_at=NOW + 22 * DAY)
    assert staleness(lived, NOW) == (None, NOW + 20 * DAY), "nobody asked for thirty days then"
    assert staleness(lived, NOW + 21 * DAY)[1] == NOW + 21 * DAY + 60, "should the servers say so"
    assert staleness(life(only="on", served_since=NOW - DAY), NOW)[1] == NOW + 29 * DAY
    assert staleness(life(), NOW)[1] is None


def spec(**more: Any) -> FeatureFlagSpec:
    raw = {"type": "Boolean", "variants": {"on": True, "off": False, "dim": False}, "defaultVariant": "off", **more}
    return FeatureFlagSpec.model_validate(raw)


def rule(**more: Any) -> dict[str, Any]:
    return {"name": f"r{len(more)}", **more}


IF_STAFF = {"conditions": [{"field": "staff", "operator": "Exists"}]}


@pytest.mark.parametrize(
    ("one", "only"),
    [
        (spec(), "off"),
        (spec(rolloutVariant="on", rolloutPercentage=100), "on"),
        (spec(rolloutVariant="on", rolloutPercentage=99.999), ""),
        (spec(rolloutVariant="on", rolloutPercentage=0), "off"),
        (spec(rolloutVariant="off", rolloutPercentage=50), "off"),
        (spec(enabled=False, rolloutVariant="on", rolloutPercentage=50), "off"),
        (spec(rules=[rule(variant="on")]), "on"),
        (spec(rules=[rule(variant="on", rolloutPercentage=50)]), ""),
        (spec(rules=[rule(variant="on", rolloutPercentage=0)]), "off"),
        (spec(rules=[rule(variant="on", **IF_STAFF)]), ""),
        (spec(rules=[rule(variant="off", **IF_STAFF)]), "off"),
        (spec(rules=[rule(variant="on", priority=1), rule(variant="dim", **IF_STAFF, priority=2)]), "on"),
        (spec(rules=[rule(distribution=[{"variant": "on", "weight": 100}, {"variant": "dim", "weight": 0}])]), "on"),
        (spec(rules=[rule(distribution=[{"variant": "on", "weight": 50}, {"variant": "dim", "weight": 50}])]), ""),
        (spec(targetType="user", rolloutVariant="on", rolloutPercentage=100), ""),
        (spec(prerequisites=[{"flag": "x", "variants": ["on"]}], rolloutVariant="on", rolloutPercentage=100), ""),
    ],
)
def test_the_only_variant_of_a_spec(one: FeatureFlagSpec, only: str) -> None:
    assert only_variant([one]) == only


def test_environments_must_agree() -> None:
    assert only_variant([spec(), spec(defaultVariant="on")]) == ""
    assert only_variant([spec(), spec(description="elsewhere")]) == "off"
