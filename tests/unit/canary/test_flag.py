"""Whole releases of a variant of a flag, with the flags' own evaluation to say who gets what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.canary.flag_world import FlagWorld, canary_spec
from tests.unit.canary.world import Killed
from truststream.api.canarydeployment import Mode
from truststream.api.status import Health, Phase
from truststream.canary import actions as act
from truststream.canary.observation import Command, Outcome


@pytest.fixture(params=list(Mode))
def world(request: pytest.FixtureRequest) -> FlagWorld:
    """At rest on green, under every judge."""
    made = FlagWorld(canary_spec("green", request.param))
    made.settle()
    return made


def progressing(world: FlagWorld, variant: str = "blue", **spec: Any) -> FlagWorld:
    world.release(variant, **spec)
    world.until("Progressing")
    return world


def promoted(world: FlagWorld) -> FlagWorld:
    world.release("blue")
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED
    return world


def bad(world: FlagWorld) -> None:
    world.counts = (1000, 300)


def test_at_rest_nothing_of_the_flag_is_touched(world: FlagWorld) -> None:
    assert (world.status.phase, world.status.stable_revision, world.overlay) == (Phase.IDLE, "green", {})
    assert {type(action) for action in world.log} == {act.AddFinalizer}
    assert world.status.message == (
        "FeatureFlag checkout gives variant green by default; another targetRef.variant starts a release"
    )


def test_a_release_over_what_is_not_served_begins_at_once() -> None:
    world = FlagWorld(canary_spec("blue"))
    world.until("Progressing")
    assert world.status.stable_revision == "green"


def test_a_good_variant_takes_every_step_and_its_share_is_what_units_get(world: FlagWorld) -> None:
    world.release("blue")
    shares = {}
    for _ in range(400):
        decision = world.turn()
        world.now = max(decision.wake_at or world.now, world.now)
        shares[world.status.weight] = world.share("blue")
        if world.status.phase is Phase.SUCCEEDED:
            break
    assert [weight for weight in dict.fromkeys(world.weights) if weight] == [5, 10, 25, 50, 100]
    for weight in (5.0, 10.0, 25.0, 50.0):
        assert shares[weight] == pytest.approx(weight, abs=4 * (weight * (100 - weight) / 2000) ** 0.5)
    assert (world.share("blue"), world.overlay) == (100, {"owner": "web", "defaultVariant": "blue"})
    assert {type(action) for action in world.log} == {act.AddFinalizer, act.AttachRoute, act.SetWeight}
    assert world.status.history[0].outcome == "Promoted"


def test_what_is_promoted_stays_until_git_says_so_and_the_patch_is_told(world: FlagWorld) -> None:
    promoted(world).turns(3)
    patch = """kubectl patch featureflag/checkout -n shop --type=merge -p '{"spec":{"defaultVariant":"blue"}}'"""
    assert world.status.message == f"variant blue is released; put it into Git: {patch}"
    assert world.condition("InGit") == ("False", f"put variant blue into Git: {patch}")
    assert world.condition("Ready")[0] == world.condition("Promoted")[0] == "True"
    world.git(defaultVariant="blue")
    world.settle()
    assert (world.overlay, world.share("blue"), world.status.phase) == ({}, 100, Phase.SUCCEEDED)
    assert world.condition("InGit")[0] == "True"
    assert world.events.count("InGit") == 1


def test_a_whole_rollout_in_git_says_the_same(world: FlagWorld) -> None:
    promoted(world)
    world.git(rolloutVariant="blue", rolloutPercentage=100)
    world.settle()
    assert (world.overlay, world.share("blue"), world.status.stable_revision) == ({}, 100, "blue")


def test_an_environment_that_says_otherwise_keeps_the_overlay_and_is_in_the_patch(world: FlagWorld) -> None:
    promoted(world)
    world.git(defaultVariant="blue", environments={"prod": {"defaultVariant": "green"}, "eu": {"inherits": "prod"}})
    world.settle()
    assert (world.share("blue", "prod"), world.share("blue", "eu")) == (100, 100)
    assert '-p \'{"spec":{"environments":{"prod":{"defaultVariant":"blue"}}}}\'' in world.condition("InGit")[1]
    world.git(defaultVariant="blue", environments={"prod": {"defaultVariant": "blue"}, "eu": {"inherits": "prod"}})
    world.settle()
    assert (world.overlay, world.share("blue", "eu")) == ({}, 100)


def test_a_bad_variant_goes_back_first_of_all(world: FlagWorld) -> None:
    progressing(world)
    bad(world)
    world.log.clear()
    world.patches.clear()
    world.until("RollingBack")
    assert world.log[0] == act.SetWeight(0)
    assert world.patches == [{"owner": "web", "variant": "blue", "percentage": 0}]
    assert world.share("blue") == 0
    world.settle()
    assert (world.status.phase, world.overlay, world.status.rejected) == (Phase.FAILED, {}, ["blue"])
    assert world.status.message.startswith("variant blue was rejected (")
    assert world.status.health is Health.CRITICAL


def test_a_rejected_variant_is_refused_until_retry(world: FlagWorld) -> None:
    progressing(world)
    bad(world)
    world.until("Failed")
    world.settle()
    world.turns(3)
    assert (world.status.phase, world.overlay) == (Phase.FAILED, {})
    world.counts = (1000, 0)
    world.command = Command("retry", by="ann")
    world.settle()
    assert (world.status.phase, world.share("blue")) == (Phase.SUCCEEDED, 100)


def test_after_a_rejection_the_old_variant_is_rest(world: FlagWorld) -> None:
    progressing(world)
    bad(world)
    world.until("Failed")
    world.release("green")
    world.settle()
    assert (world.status.phase, world.status.health, world.stalled()) == (Phase.IDLE, Health.HEALTHY, "")


def test_an_earlier_promotion_survives_a_rollback(world: FlagWorld) -> None:
    promoted(world)
    progressing(world, "red")
    assert world.overlay == {"owner": "web", "defaultVariant": "blue", "variant": "red", "percentage": 5}
    assert (world.status.stable_revision, world.share("green")) == ("blue", 0)
    bad(world)
    world.until("Failed")
    world.settle()
    assert (world.overlay, world.share("blue")) == ({"owner": "web", "defaultVariant": "blue"}, 100)


def test_git_that_catches_up_during_the_next_release_is_noticed_after_it(world: FlagWorld) -> None:
    progressing(promoted(world), "red")
    world.git(defaultVariant="blue")
    bad(world)
    world.until("Failed")
    world.turns(3)
    assert (world.overlay, world.share("blue"), world.status.phase) == ({}, 100, Phase.FAILED)


def test_back_to_what_git_says_is_a_release_like_any_other(world: FlagWorld) -> None:
    promoted(world)
    progressing(world, "green")
    assert world.overlay == {"owner": "web", "defaultVariant": "blue", "variant": "green", "percentage": 5}
    world.settle()
    assert (world.status.phase, world.share("green")) == (Phase.SUCCEEDED, 100)
    world.turns(3)
    assert (world.overlay, world.share("green"), world.condition("InGit")[0]) == ({}, 100, "True")


def test_git_that_says_the_same_in_mid_release_ends_it(world: FlagWorld) -> None:
    progressing(world)
    world.git(defaultVariant="blue")
    world.turn()
    assert (world.status.phase, world.overlay, world.share("blue")) == (Phase.SUCCEEDED, {}, 100)
    assert (world.status.history[0].outcome, world.status.stable_revision) == ("Promoted", "blue")
    assert "ReleasedOutside" in world.events


def test_git_that_says_the_same_over_an_earlier_promotion_ends_it_too(world: FlagWorld) -> None:
    promoted(world)
    progressing(world, "red")
    world.git(defaultVariant="red")
    world.turn()
    assert (world.status.phase, world.overlay, world.share("red")) == (Phase.SUCCEEDED, {}, 100)


def test_another_default_in_mid_release_starts_over_against_it(world: FlagWorld) -> None:
    progressing(world)
    world.git(defaultVariant="red")
    world.turn()
    assert world.status.phase is Phase.ROLLING_BACK
    world.until("Progressing")
    assert (world.status.stable_revision, world.status.history[0].outcome) == ("red", "Superseded")


def test_another_variant_in_mid_release_starts_over(world: FlagWorld) -> None:
    progressing(world)
    world.release("red")
    world.until("RollingBack")
    assert world.share("blue") == 0
    world.until("Progressing")
    assert (world.overlay["variant"], world.status.release and world.status.release.revision) == ("red", "red")


def test_the_variant_of_before_in_mid_release_is_a_revert(world: FlagWorld) -> None:
    progressing(world)
    world.release("green")
    world.settle()
    assert (world.status.phase, world.overlay, world.status.history[0].outcome) == (Phase.IDLE, {}, "Reverted")


def test_a_default_that_somebody_changes_at_rest_starts_no_release(world: FlagWorld) -> None:
    world.git(defaultVariant="red")
    world.settle()
    assert (world.stalled(), world.overlay, world.status.release) == ("ReleasedOutside", {}, None)
    world.release("red")
    world.settle()
    assert (world.stalled(), world.status.stable_revision) == ("", "red")
    world.release("green")
    world.until("Progressing")


@pytest.mark.parametrize(
    ("git", "variant", "reason", "said"),
    [
        ({}, "pink", "UnknownVariant", "pink is no variant of FeatureFlag checkout, which has green, blue, red"),
        ({"enabled": False}, "blue", "FlagDisabled", "nothing would be released"),
        ({"rolloutVariant": "red", "rolloutPercentage": 30}, "blue", "OwnRollout", "gives red to 30 % by a rollout"),
        ({"rolloutVariant": "blue", "rolloutPercentage": 30}, "blue", "OwnRollout", "gives blue to 30 % by a rollout"),
        (
            {"environments": {"prod": {"rolloutVariant": "red", "rolloutPercentage": 1}}},
            "blue",
            "OwnRollout",
            "gives red to 1 % in environment prod",
        ),
        ({"type": "Nonsense"}, "blue", "FlagNotServed", "its spec is wrong"),
        ({"approval": {"required": 1, "groups": ["team"]}}, "blue", "FlagNotServed", "waits for its approval"),
    ],
)
def test_what_cannot_be_released_is_stalled(
    world: FlagWorld, git: dict[str, Any], variant: str, reason: str, said: str
) -> None:
    world.git(**git)
    world.release(variant)
    world.settle()
    assert (world.stalled(), world.overlay, world.status.release) == (reason, {}, None)
    assert said in world.status.message


def test_a_flag_that_is_not_there_is_said(world: FlagWorld) -> None:
    world.lose_flag()
    world.release("blue")
    world.settle()
    assert (world.stalled(), world.status.release) == ("TargetMissing", None)


def test_a_flag_deleted_in_mid_release_ends_it(world: FlagWorld) -> None:
    progressing(world)
    world.lose_flag()
    world.settle()
    assert (world.status.history[0].outcome, world.status.release) == ("Aborted", None)


def test_a_flag_switched_off_in_mid_release_waits_until_it_is_on(world: FlagWorld) -> None:
    progressing(world)
    world.git(enabled=False)
    world.turns(3)
    assert (world.stalled(), world.status.phase, world.share("blue")) == ("FlagDisabled", Phase.PROGRESSING, 0)
    world.git()
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


def test_the_overlay_of_another_canary_is_left_alone(world: FlagWorld) -> None:
    theirs = {"owner": "other", "variant": "red", "percentage": 20}
    world.by_hand(theirs)
    world.release("blue")
    world.settle()
    assert (world.stalled(), world.overlay) == ("AlreadyManaged", theirs)
    world.deleting = True
    world.settle()
    assert (world.gone, world.overlay) == (True, theirs)


def test_an_older_canary_of_the_same_flag_has_it(world: FlagWorld) -> None:
    world.managed_by = "older"
    world.release("blue")
    world.settle()
    assert (world.stalled(), world.overlay) == ("AlreadyManaged", {})


@pytest.mark.parametrize(
    "wrong",
    [None, {"owner": "web", "variant": "blue", "percentage": 90}, {"owner": "eve", "defaultVariant": "red"}],
    ids=["taken-away", "another-share", "another-owner"],
)
def test_a_wrong_overlay_is_put_back_once_and_then_given_way_to(world: FlagWorld, wrong: dict[str, Any] | None) -> None:
    progressing(world)
    ours = world.overlay
    world.by_hand(wrong)
    world.turn()
    assert (world.overlay, world.events.count("PutBack")) == (ours, 1)
    world.by_hand(wrong)
    world.turn()
    assert (world.stalled(), world.events.count("PutBack"), world.share("blue")) == ("Contested", 1, 0)
    after = world.overlay
    world.turns(5)
    assert world.overlay == after
    world.by_hand(None)
    world.command = Command("resume", by="ann")
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


def test_a_share_of_ours_that_no_release_knows_is_taken_off(world: FlagWorld) -> None:
    """As a CanaryDeployment leaves it whose finalizer was removed by hand."""
    world.by_hand({"owner": "web", "defaultVariant": "blue", "variant": "red", "percentage": 40})
    world.release("blue")
    world.settle()
    assert (world.overlay, world.status.stable_revision) == ({"owner": "web", "defaultVariant": "blue"}, "blue")


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "over-an-earlier-promotion"])
def test_deleted_in_mid_release_git_alone_decides_again(world: FlagWorld, earlier: bool) -> None:
    if earlier:
        promoted(world)
    progressing(world, "red")
    world.log.clear()
    world.patches.clear()
    world.deleting = True
    world.settle()
    assert (world.gone, world.overlay, world.share("green")) == (True, {}, 100)
    assert world.log[0] == act.SetWeight(0)
    assert world.patches[0]["percentage"] == 0
    assert world.events.count("PromotionDropped") == earlier


def test_deleted_after_a_promotion_it_says_what_is_lost(world: FlagWorld) -> None:
    promoted(world)
    world.deleting = True
    world.settle()
    assert (world.gone, world.overlay, world.share("green")) == (True, {}, 100)
    assert "PromotionDropped" in world.events


def test_ejected_after_a_promotion_and_taken_on_again_it_is_released_anew(world: FlagWorld) -> None:
    promoted(world).turns(3)
    world.ejected = True
    world.turns(3)
    assert (world.overlay, world.finalizer, world.condition("InGit")) == ({}, False, ("True", ""))
    world.ejected = False
    world.until("Progressing")
    assert (world.status.stable_revision, world.overlay["variant"]) == ("green", "blue")


def test_no_answer_of_the_source_holds_the_share(world: FlagWorld) -> None:
    progressing(world)
    world.outcome = Outcome.SOURCE_DOWN
    world.turns(20)
    assert (world.status.weight, world.overlay["percentage"], world.status.phase) == (5, 5, Phase.PROGRESSING)


@pytest.mark.parametrize("writes", range(3))
def test_a_process_that_dies_at_any_write_goes_on(world: FlagWorld, writes: int) -> None:
    """At every moment of a release; nobody is taken the variant from whom the weight gives it."""
    world.release("blue")
    for _ in range(400):
        before = world.share("blue") if world.status.phase is Phase.PROMOTING else 0
        try:
            world.turn(kill_after=writes)
        except Killed:
            assert world.status.phase is not Phase.PROMOTING or world.share("blue") >= before
            world.now = max(world.turn().wake_at or world.now, world.now)
        if world.status.phase is Phase.SUCCEEDED:
            break
    assert (world.status.phase, world.share("blue")) == (Phase.SUCCEEDED, 100)
    assert world.events.count("PutBack") == 0


@pytest.mark.parametrize("writes", range(2))
def test_a_process_that_dies_while_it_goes_back_still_goes_back(world: FlagWorld, writes: int) -> None:
    progressing(world)
    bad(world)
    for _ in range(40):
        try:
            world.turn(kill_after=writes)
        except Killed:
            world.now = max(world.turn().wake_at or world.now, world.now)
    assert (world.status.phase, world.overlay, world.share("blue")) == (Phase.FAILED, {}, 0)


def test_a_promotion_whose_status_was_lost_does_not_take_the_variant_back(world: FlagWorld) -> None:
    world.release("blue")
    world.until("Promoting")
    with pytest.raises(Killed):
        world.turn(kill_after=1)
    assert world.share("blue") == 100
    world.patches.clear()
    world.settle()
    assert (world.status.phase, world.patches) == (Phase.SUCCEEDED, [])


def test_a_gate_and_the_words_speak_of_the_variant(world: FlagWorld) -> None:
    progressing(world, gates=[{"step": 25}])
    world.settle(60)
    assert world.status.phase.value == "Paused"
    assert world.status.message.startswith("10 % get variant blue; gate before 25 %")
    world.command = Command("promote", by="ann")
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


def test_shares_are_exact_to_a_thousandth() -> None:
    world = FlagWorld(canary_spec("blue", initialTraffic=0.001, increments=[0.002, 33.333, 100]))
    world.until("Progressing")
    assert world.overlay["percentage"] == 0.001
    world.by_hand({"owner": "web", "variant": "blue", "percentage": 0.002})
    world.turn()
    assert (world.overlay["percentage"], world.events.count("PutBack")) == (0.001, 1)
    world.settle()
    assert [one["percentage"] for one in world.patches if "percentage" in one] == [0, 0.001, 0.001, 0.002, 33.333]


def test_rules_and_environments_that_stand_beside_the_release_are_warned_of(world: FlagWorld) -> None:
    rules = [{"name": "staff", "conditions": [], "variant": "blue"}]
    schedule = [{"at": "2030-01-01T00:00:00Z", "defaultVariant": "red"}]
    world.git(rules=rules, environments={"prod": {"defaultVariant": "red"}}, schedule=schedule)
    progressing(world)
    said = " ".join(world.status.warnings)
    assert "rules give variant blue already" in said
    assert "environments have a defaultVariant of their own (prod)" in said
    assert "the flag has a schedule" in said
