"""Commands by annotation: done, answered in status, removed, and stamped with who asked."""

from __future__ import annotations

from tests.integration.scenarios.api import Object
from tests.integration.scenarios.phases import LONG
from tests.integration.scenarios.world import CDEP, World
from truststream.api import names

ANNOTATIONS = {names.COMMAND_ANNOTATION, names.COMMAND_REASON_ANNOTATION, names.COMMAND_BY_ANNOTATION}


def answered(world: World, verb: str, *, accepted: bool = True) -> Object:
    """The answer, once the question has been removed."""
    status = world.until(
        lambda s: (s.get("lastCommand") or {}).get("command") == verb and s["lastCommand"].get("acknowledged", False),
        f"{verb} to be acknowledged",
    )
    answer: Object = status["lastCommand"]
    assert answer["accepted"] is accepted, answer
    assert answer["by"] == "admin"
    world.eventually(
        lambda: not ANNOTATIONS & set(world.live(CDEP)["metadata"].get("annotations") or {}), "no question"
    )
    return answer


def test_promote_opens_the_gate_that_waits_and_no_other(world: World) -> None:
    world.open(increments=[30, 50, 100], gates=[{"step": 30}, {"step": 50}])
    world.release()
    world.phase("Paused")
    assert world.shares() == {"web": 90, "web-canary": 10}
    world.command("promote")
    answered(world, "promote")
    world.phase("Paused", and_=lambda status: status["weight"] == 30)
    world.command("promote")
    assert world.ended()["phase"] == "Succeeded"
    world.assert_users_own(image="web:2")


def test_without_automatic_promotion_a_person_promotes(world: World) -> None:
    world.open(automaticPromotion=False)
    world.release()
    status = world.phase("Paused", and_=lambda status: status["weight"] == 50)
    assert "say promote" in status["message"]
    world.command("promote")
    answered(world, "promote")
    assert world.ended()["phase"] == "Succeeded"


def test_pause_keeps_the_weight_and_resume_goes_on(world: World) -> None:
    world.open()
    world.release()
    world.weight(10)
    world.command("pause")
    answered(world, "pause")
    world.phase("Paused")
    world.stays(lambda: world.status()["weight"] == 10, 5, "paused")
    world.command("resume")
    answered(world, "resume")
    assert world.ended()["phase"] == "Succeeded"


def test_rollback_takes_a_reason_and_retry_tries_the_rejected_revision_again(world: World) -> None:
    world.open()
    world.release()
    world.weight(10)
    world.command("rollback", "too slow for marketing")
    assert answered(world, "rollback")["reason"] == "too slow for marketing"
    status = world.ended()
    assert (status["phase"], status["history"][0]["reason"]) == ("Failed", "too slow for marketing")
    world.assert_users_own(image="web:2", paused=True)
    world.command("retry")
    answered(world, "retry")
    status = world.phase("Succeeded")
    assert [entry["outcome"] for entry in status["history"]] == ["Promoted", "RolledBack"]
    world.assert_users_own(image="web:2")


def test_skip_leaves_a_weight_without_waiting(world: World) -> None:
    world.open(stepDuration=LONG)
    world.release()
    world.weight(10)
    world.command("skip")
    answered(world, "skip")
    world.weight(50)


def test_an_unknown_command_and_one_without_use_are_refused_with_a_sentence(world: World) -> None:
    world.open()
    world.command("explode")
    assert "known are promote" in answered(world, "explode", accepted=False)["message"]
    world.command("promote")
    assert "nothing to promote in phase Idle" in answered(world, "promote", accepted=False)["message"]
    world.command("retry")
    assert "no rejected revision" in answered(world, "retry", accepted=False)["message"]
    assert world.events().count("CommandRefused") == 3
