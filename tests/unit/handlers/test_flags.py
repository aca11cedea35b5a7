"""Reviews of FeatureFlags ask for what they need, write what differs, and no more."""

from __future__ import annotations

import pytest

from tests.unit.handlers.flags_world import FlagWorld
from truststream.api import names
from truststream.cluster import kinds
from truststream.errors import Unavailable

STATUS = "PATCH FeatureFlag/status"


async def test_a_new_flag_is_one_status_and_one_event() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    assert world.server.writes() == [STATUS]
    assert world.status("beta")["state"] == "Served"
    assert world.events("beta") == ["Served"]


async def test_a_flag_that_nobody_changes_asks_nothing() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    world.server.requests.clear()
    for _ in range(5):
        await world.reconciler.run(("shop", "beta"))
    assert world.server.requests == []


async def test_a_change_is_one_status_and_one_event() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    world.server.requests.clear()
    world.flag("beta", generation=2, rolloutVariant="on", rolloutPercentage=10)
    await world.settle()
    assert [verb for verb, kind, _ in world.server.requests] == ["PATCH", "CREATE"]
    assert world.status("beta")["served"]["generation"] == 2


async def test_an_approval_is_one_status_and_its_annotations_go() -> None:
    world = FlagWorld()
    approval = {"required": 1, "groups": ["leads"]}
    world.flag("beta", approval=approval)
    await world.settle()
    assert world.condition("beta", "Approved") == ("False", "AwaitingApproval")
    world.server.requests.clear()
    notes = {
        names.APPROVE_ANNOTATION: "1",
        names.APPROVE_BY_ANNOTATION: "bob",
        names.APPROVE_GROUPS_ANNOTATION: "leads",
    }
    world.flag("beta", notes=notes, approval=approval)
    await world.settle()
    assert world.server.writes() == [STATUS, "PATCH FeatureFlag"]
    assert world.status("beta")["served"]["approvedBy"] == ["bob"]
    assert (world.status("beta")["state"], world.status("beta")["defaultVariant"]) == ("Served", "off")
    assert list(world.live("beta")["metadata"]["annotations"]) == [names.CHANGED_BY_ANNOTATION]
    assert world.events("beta") == ["AwaitingApproval", "Approved", "Served"]


async def test_an_approval_whose_status_could_not_be_written_is_taken_up_again() -> None:
    world = FlagWorld()
    approval = {"required": 1, "groups": ["leads"]}
    world.flag("beta", approval=approval)
    await world.settle()
    world.server.refuse[f"{kinds.FEATURE_FLAG}/status"] = Unavailable("down")
    notes = {
        names.APPROVE_ANNOTATION: "1",
        names.APPROVE_BY_ANNOTATION: "bob",
        names.APPROVE_GROUPS_ANNOTATION: "leads",
    }
    world.flag("beta", notes=notes, approval=approval)
    with pytest.raises(Unavailable):
        await world.settle()
    assert world.book.outcome(("shop", "beta")).flag is None or world.book.wait("shop") == 0
    world.server.refuse.clear()
    await world.reconciler.run(("shop", "beta"))
    await world.settle()
    assert world.status("beta")["state"] == "Served"


async def test_nulls_in_a_spec_are_remembered_as_they_are() -> None:
    world = FlagWorld()
    variants = {"some": {"limit": None, "of": [None, 1]}}
    world.flag("beta", type="Object", variants=variants, defaultVariant="some")
    await world.settle()
    world.flag("beta", generation=2, type="Object", variants={"some": {"limit": None}}, defaultVariant="some")
    await world.settle()
    assert world.status("beta")["served"]["spec"]["variants"] == {"some": {"limit": None}}


async def test_flags_that_need_another_are_reviewed_with_it() -> None:
    world = FlagWorld()
    needs = [{"flag": "base", "variants": ["on"]}]
    world.flag("beta", prerequisites=needs)
    world.flag("alone")
    await world.settle()
    assert world.condition("beta", "Stalled") == ("True", "UnknownPrerequisite")
    world.server.requests.clear()
    world.flag("base")
    await world.settle()
    assert world.condition("beta", "Ready") == ("True", "Served")
    assert {name for verb, _, name in world.server.requests if verb == "PATCH"} == {"base", "beta"}
    world.remove(kinds.FEATURE_FLAG, "base")
    await world.settle()
    assert world.condition("beta", "Stalled") == ("True", "UnknownPrerequisite")
    assert world.status("beta")["served"]["generation"] == 1


async def test_a_circle_of_prerequisites_stalls_all_of_it() -> None:
    world = FlagWorld()
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        world.flag(one, prerequisites=[{"flag": other, "variants": ["on"]}])
    await world.settle()
    assert {world.condition(name, "Stalled") for name in "abc"} == {("True", "PrerequisiteCycle")}
    world.flag("c", generation=2)
    await world.settle()
    assert {world.condition(name, "Stalled")[0] for name in "abc"} == {"False"}


async def test_segments_come_and_go() -> None:
    world = FlagWorld()
    uses = {"name": "t", "variant": "on", "conditions": [{"operator": "InSegment", "value": "testers"}]}
    world.flag("beta", rules=[uses])
    world.flag("other")
    await world.settle()
    assert world.condition("beta", "Stalled") == ("True", "UnknownSegment")
    world.server.requests.clear()
    world.segments("people", testers="included: [ada]")
    await world.settle()
    assert world.condition("beta", "Stalled")[0] == "False"
    world.segments("people2", testers="included: [bob]")
    await world.settle()
    (warning,) = world.status("beta")["warnings"]
    assert "people2" in warning
    assert "people" in warning
    world.remove(kinds.SEGMENTS, "people2")
    world.remove(kinds.SEGMENTS, "people")
    await world.settle()
    assert world.condition("beta", "Stalled") == ("True", "UnknownSegment")
    assert world.status("beta")["rollout"] == "1 rule", "what was known last is evaluated on"
    assert all(name in ("beta", "") for _, kind, name in world.server.requests if kind != kinds.EVENT)


async def test_two_resources_with_one_key() -> None:
    world = FlagWorld()
    world.flag("beta", key="shared")
    world.flag("delta", key="shared")
    await world.settle()
    assert world.condition("delta", "Stalled") == ("True", "KeyTaken")
    assert "delta has the same key" in world.status("beta")["warnings"][0]
    world.remove(kinds.FEATURE_FLAG, "beta")
    await world.settle()
    assert world.condition("delta", "Ready") == ("True", "Served")


async def test_an_overlay_goes_with_its_canary() -> None:
    world = FlagWorld()
    world.flag("beta")
    canary = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"targetRef": {"name": "beta"}}}
    world.put(kinds.CANARY_DEPLOYMENT, canary)
    await world.settle()
    overlay = {"owner": "web", "variant": "on", "percentage": 20}
    ops = [{"op": "add", "path": "/status/overlay", "value": overlay}]
    await world.objects.json_patch(kinds.FEATURE_FLAG, "shop", "beta", ops, subresource="status")
    await world.settle()
    assert world.status("beta")["rollout"] == "20 % on", "our own write is told to the flags too"
    assert world.status("beta")["warnings"] == ["CanaryDeployment web gives 20 % of the units on"]
    world.remove(kinds.CANARY_DEPLOYMENT, "web")
    await world.settle()
    assert "overlay" not in world.status("beta")
    assert (world.status("beta")["rollout"], world.status("beta")["warnings"]) == ("", [])


async def test_environments_that_flagd_cannot_express_are_warned_of() -> None:
    world = FlagWorld()
    matches = {"name": "m", "variant": "on", "conditions": [{"field": "x", "operator": "Matches", "value": "a+"}]}
    world.flag("beta", environments={"prod": {"rules": [matches]}})
    await world.settle()
    assert world.condition("beta", "Delivered") == ("True", "Everywhere")
    (warning,) = world.status("beta")["warnings"]
    assert warning.startswith("environment prod: flagd cannot express it")


async def test_a_status_that_cannot_be_read_is_said_once() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    world.server.requests.clear()
    world.put(kinds.FEATURE_FLAG, {**world.live("beta"), "status": {"state": "Dancing"}})
    await world.settle()
    assert world.server.writes() == [STATUS]
    assert world.condition("beta", "Stalled") == ("True", "StateUnreadable")
    assert await world.reconciler.run(("shop", "beta")) is None
    assert world.server.writes() == [STATUS]


async def test_changes_elsewhere_build_nothing_here() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.settle()
    built = world.book.shelf("shop").current
    other = {"metadata": {"name": "beta", "namespace": "other", "generation": 1}, "spec": world.live("beta")["spec"]}
    world.put(kinds.FEATURE_FLAG, other)
    await world.settle()
    assert world.book.shelf("shop").current is built


async def test_what_status_says_of_a_flag_builds_nothing() -> None:
    world = FlagWorld()
    world.flag("beta")
    await world.reconciler.run(("shop", "beta"))
    built = world.book.shelf("shop").current
    await world.settle()
    assert world.book.shelf("shop").current is built


async def test_states_are_counted() -> None:
    world = FlagWorld()
    world.flag("beta")
    world.flag("delta", defaultVariant="sideways")
    await world.settle()
    text = world.telemetry.text().decode()
    assert 'truststream_flags{namespace="shop",state="Served"} 1.0' in text
    assert 'truststream_flags{namespace="shop",state="Stalled"} 1.0' in text
    world.remove(kinds.FEATURE_FLAG, "delta")
    await world.settle()
    assert 'truststream_flags{namespace="shop",state="Stalled"} 0.0' in world.telemetry.text().decode()


async def test_a_burst_of_changes_is_built_in_a_fifth_of_the_time() -> None:
    world = FlagWorld()
    ticks = iter(range(100))  # every look at the clock is a second later
    world.book._clock = lambda: float(next(ticks))
    world.flag("beta")
    await world.settle()
    built = world.book.shelf("shop").current
    world.flag("beta", generation=2, owner="team-a")
    due = await world.reconciler.run(("shop", "beta"))
    assert due is not None, "later, with all that comes until then"
    assert world.book.shelf("shop").current is built
    for _ in range(10):
        await world.reconciler.run(("shop", "beta"))
    assert world.status("beta")["served"]["generation"] == 2


async def test_an_approval_that_could_not_be_taken_off_is_told_once() -> None:
    world = FlagWorld()
    approval = {"required": 1, "groups": ["leads"]}
    world.flag("beta", approval=approval)
    await world.settle()
    world.server.refuse[kinds.FEATURE_FLAG] = Unavailable("down")
    notes = {
        names.APPROVE_ANNOTATION: "1",
        names.APPROVE_BY_ANNOTATION: "bob",
        names.APPROVE_GROUPS_ANNOTATION: "leads",
    }
    world.flag("beta", notes=notes, approval=approval)
    with pytest.raises(Unavailable):
        await world.settle()
    assert world.status("beta")["served"]["approvedBy"] == ["bob"]
    world.server.refuse.clear()
    await world.reconciler.run(("shop", "beta"))
    await world.settle()
    assert names.APPROVE_ANNOTATION not in world.live("beta")["metadata"]["annotations"]
    assert world.events("beta") == ["AwaitingApproval", "Approved", "Served"]
