"""Gates, commands, and Git changing its mind in the middle."""

from __future__ import annotations

import time

from .manifests import NAME
from .scenario import NEW, NEWER, OLD, Given, Then, When
from .world import World


def test_a_gate_and_the_promotion_wait_for_a_person(given: Given, when: When, then: Then) -> None:
    given.application(OLD)
    given.canary(automaticPromotion=False, gates=[{"step": 50}])
    given.clients()
    when.release(NEW)
    at_gate = when.paused_at_gate("gate before 50 %")
    assert at_gate.weight == 20
    when.command("promote", "the numbers look right")
    when.paused_at_gate("ready to promote")
    when.command("promote", "go")
    last = then.promoted(NEW)
    assert then.weights() == [20, 50, 100]
    assert last.status["lastCommand"]["command"] == "promote"
    assert last.status["lastCommand"]["reason"] == "go"
    then.none_lost()


def test_a_rollback_by_command_is_remembered_until_retry(given: Given, when: When, then: Then, world: World) -> None:
    given.application(OLD)
    given.canary(stepDuration="10s")  # a person types slowly
    given.clients()
    when.release(NEW)
    when.weight_reached(20)
    when.command("rollback", "support has complaints")
    last = then.rolled_back("support has complaints")
    assert last.status["lastCommand"]["by"], "nobody knows who asked"
    assert last.status["rejected"], last.status
    then.still_served_by(OLD, requests=60)
    world.begin()
    when.command("retry")
    then.promoted(NEW)
    then.none_lost()


def test_a_newer_version_in_mid_flight_starts_over_with_it(given: Given, when: When, then: Then, world: World) -> None:
    given.application(OLD)
    given.canary()
    given.clients()
    when.release(NEW)
    when.weight_reached(20)
    when.apply_version(NEWER)
    assert world.ends().last["outcome"] == "Superseded"
    replaced = time.time()
    world.begin()
    then.promoted(NEWER)
    then.still_served_by(NEWER)
    versions = {answer.version for answer in world.loads["gateway"].answers if answer.at > replaced}
    assert "podinfo " + NEW not in versions
    then.none_lost()


def test_a_revert_in_mid_flight_goes_back_without_a_rejection(
    given: Given, when: When, then: Then, world: World
) -> None:
    given.application(OLD)
    sets = world.replica_sets()
    given.canary()
    given.clients()
    when.release(NEW)
    when.weight_reached(20)
    when.apply_version(OLD)
    last = world.ends()
    assert last.last["outcome"] == "Reverted", last.last
    world.until(lambda seen: seen.phase == "Idle" and seen.is_true("Ready"), "rest after the revert", 60)
    assert not last.status.get("rejected")
    then.nothing_left()
    world.eventually(lambda: not then.deployment()["spec"].get("paused"), "the hold to be lifted")
    assert world.replica_sets() == sets, f"{NAME} rolled"
    then.still_served_by(OLD)
    then.none_lost()
