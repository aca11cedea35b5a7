"""A review of a FeatureFlag: what is served, what is said, and that nothing is said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.flags.reviewed_flag import BOOLEAN, DAY, NOW, ReviewedFlag, reasons
from truststream.api.featureflag import Segment
from truststream.api.flagstatus import Delivery, FlagState, FlagUsage
from truststream.flags.digests import spec_digest


def at(seconds: float) -> str:
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_new_flag_is_served_and_everything_is_said_once() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10})
    assert reasons(flag.look()) == ["Served"]
    told = flag.told()
    assert (told.state, told.key, told.default_variant, told.rollout) == (FlagState.SERVED, "beta", "off", "10 % on")
    assert told.served is not None
    assert (told.served.generation, told.served.by) == (1, "ada")
    assert told.served.digest == spec_digest(flag.spec)
    assert told.delivery is Delivery.EVERYWHERE
    assert told.in_process == ["flagd >= 0.15 (Go)", "Node provider", "Python provider 0.4 to 0.5"]
    assert [flag.condition(kind)[0] for kind in ("Ready", "Reconciling", "Stalled")] == ["True", "False", "False"]
    assert flag.condition("Approved") == ("True", "NotRequired")
    assert [one.changes for one in told.history] == [["created"]]
    again = flag.look(after=5)
    assert (again.events, again.status) == ((), told)


def test_a_change_is_noted_with_its_author() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10})
    flag.look()
    flag.change(by="bob", rolloutPercentage=20)
    done = flag.look(after=60)
    (event,) = done.events
    assert event.message == "bob: rolloutPercentage: 10 -> 20"
    newest, oldest = flag.told().history
    assert (newest.by, newest.generation, newest.changes) == ("bob", 2, ["rolloutPercentage: 10 -> 20"])
    assert oldest.by == "ada"
    assert "generation 2 is served: default off, 20 % on" in flag.told().message


def test_changes_while_nobody_looked_are_one_entry_against_what_was_served() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10})
    flag.look()
    flag.change(rolloutPercentage=20)
    flag.change(by="bob", rolloutPercentage=30, owner="team-a")
    flag.look()
    newest, _ = flag.told().history
    assert newest.generation == 3
    assert newest.changes == ["rolloutPercentage: 10 -> 30", 'owner: none -> "team-a"']


def test_a_spec_that_cannot_be_served_leaves_the_last_one_and_names_the_field() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10})
    flag.look()
    flag.change(rolloutVariant="sideways")
    done = flag.look()
    assert reasons(done) == ["Stalled"]
    told = flag.told()
    assert told.state is FlagState.STALLED
    assert "spec.rolloutVariant" in told.message
    assert "generation 1 is served" in told.message
    assert told.served is not None
    assert told.served.spec["rolloutVariant"] == "on"
    assert flag.condition("Stalled") == ("True", "InvalidSpec")
    assert flag.condition("Ready") == ("False", "InvalidSpec")
    assert told.rollout == "10 % on"
    assert flag.look(after=5).events == ()
    flag.change(by="bob", rolloutVariant="on")
    assert reasons(flag.look()) == ["Served"]
    assert flag.told().history[0].changes == ["back to what generation 1 says"]
    assert flag.condition("Stalled")[0] == "False"


def test_a_first_spec_that_cannot_be_served_serves_nothing() -> None:
    flag = ReviewedFlag({**BOOLEAN, "defaultVariant": "sideways"})
    flag.look()
    assert "nothing is served" in flag.told().message
    assert flag.told().served is None
    assert flag.condition("Delivered") == ("False", "NotServed")


def test_an_unknown_segment_is_named_with_its_path() -> None:
    condition = {"operator": "InSegment", "value": "testers"}
    flag = ReviewedFlag({**BOOLEAN, "rules": [{"name": "t", "variant": "on", "conditions": [condition]}]})
    flag.look()
    assert flag.condition("Stalled") == ("True", "UnknownSegment")
    assert "spec.rules[0].conditions[0].value" in flag.told().message
    flag.segments["testers"] = Segment.model_validate({"included": ["ada"]})
    assert reasons(flag.look()) == ["Served"]
    assert flag.told().rollout == "1 rule"


def test_the_younger_of_two_with_one_key_waits() -> None:
    flag = ReviewedFlag({**BOOLEAN, "key": "beta"})
    older = {"name": "first", "namespace": "shop", "creationTimestamp": "2020-01-01T00:00:00Z", "generation": 1}
    flag.others.append({"metadata": older, "spec": {**BOOLEAN, "key": "beta"}})
    flag.look()
    assert flag.condition("Stalled") == ("True", "KeyTaken")
    assert "first" in flag.told().message


def test_switched_off_in_one_field() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10})
    flag.look()
    flag.change(by="bob", enabled=False)
    done = flag.look()
    assert reasons(done)[0] == "EmergencyOff"
    assert "bob switched it off: everybody gets off" in done.events[0].message
    assert (flag.told().state, flag.told().rollout) == (FlagState.DISABLED, "")
    assert flag.condition("Ready") == ("True", "Disabled")
    flag.change(by="bob", enabled=True)
    assert reasons(flag.look()) == ["Served"]
    assert flag.told().state is FlagState.SERVED


def test_a_schedule_is_told_before_and_after() -> None:
    schedule = [{"at": at(100), "until": at(200), "defaultVariant": "on"}]
    flag = ReviewedFlag({**BOOLEAN, "schedule": schedule})
    done = flag.look()
    assert done.wake_at == NOW + 100
    assert flag.told().next_change == at(100).replace("Z", ".000000Z")
    done = flag.look(after=100)
    assert [event.message for event in done.events] == ["by schedule: default off -> default on"]
    assert (flag.told().default_variant, done.wake_at) == ("on", NOW + 200)
    done = flag.look(after=100)
    assert reasons(done) == ["ScheduledChange"]
    assert (flag.told().default_variant, flag.told().next_change) == ("off", None)


def test_what_flagd_cannot_express_is_said_with_the_reason() -> None:
    condition = {"field": "email", "operator": "Matches", "value": "^a.*z$"}
    flag = ReviewedFlag({**BOOLEAN, "rules": [{"name": "r", "variant": "on", "conditions": [condition]}]})
    flag.look()
    assert flag.told().delivery is Delivery.OFREP_ONLY
    assert flag.condition("Delivered") == ("False", "OFREPOnly")
    assert flag.told().in_process == []
    message = next(one.message for one in flag.told().conditions if one.type == "Delivered")
    assert "leaves it out: " in message


@pytest.mark.parametrize(
    ("version", "fleets"), [("FlagdV3", ["Python provider >= 0.6"]), ("Rendezvous", [])]
)  # fmt: skip
def test_the_in_process_evaluators_that_fit(version: str, fleets: list[str]) -> None:
    flag = ReviewedFlag({**BOOLEAN, "bucketing": {"version": version}})
    flag.look()
    assert flag.told().in_process == fleets


def test_an_overlay_shows_in_what_is_served_and_goes_with_its_owner() -> None:
    flag = ReviewedFlag({**BOOLEAN})
    flag.look()
    assert flag.status is not None
    flag.status["overlay"] = {"owner": "web", "variant": "on", "percentage": 20.0}
    flag.look()
    assert flag.told().rollout == "20 % on"
    assert flag.told().overlay is not None
    flag.facts = replace(flag.facts, overlay_orphaned=True)
    flag.look()
    assert (flag.told().overlay, flag.told().rollout) == (None, "")


def test_missing_units_are_a_warning_when_usage_is_written() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10, "bucketing": {"by": "tenant"}})
    flag.look()
    usage = FlagUsage(since=at(0), evaluations=9, without_unit=3)
    flag.facts = replace(flag.facts, usage=usage)
    assert flag.look().status.usage is None, "counts alone are no reason to write"
    flag.facts = replace(flag.facts, write_usage=True)
    flag.look()
    assert flag.told().usage == usage
    assert flag.told().warnings == ["evaluations without tenant: 3; they are in no percentage; send it in the context"]


def test_stale_is_a_condition_an_event_and_a_column() -> None:
    flag = ReviewedFlag({**BOOLEAN, "expiresAt": at(50)})
    assert flag.look().wake_at == NOW + 50
    done = flag.look(after=60)
    assert reasons(done) == ["Stale"]
    assert flag.told().stale == "Expired"
    assert flag.condition("Stale") == ("True", "Expired")
    assert flag.look(after=60).events == ()
    flag.change(expiresAt=at(DAY))
    flag.look()
    assert (flag.told().stale, flag.condition("Stale")) == ("", ("False", "InUse"))


def test_the_trail_keeps_twenty() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 0})
    flag.look()
    for share in range(1, 31):
        flag.change(rolloutPercentage=share)
        flag.look()
    assert [one.generation for one in flag.told().history] == list(range(31, 11, -1))


def test_nothing_is_written_because_time_passes() -> None:
    flag = ReviewedFlag({**BOOLEAN, "rules": [{"name": "r", "variant": "on", "rolloutPercentage": 50}]})
    flag.look()
    before: Any = flag.status
    for _ in range(5):
        done = flag.look(after=100 * DAY)
        assert (done.events, flag.status) == ((), before)
