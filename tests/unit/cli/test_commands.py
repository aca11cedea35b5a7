"""Commands: what is written, and what is told of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeResources, canary

VERBS = ["promote", "rollback", "pause", "resume", "retry", "skip"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_is_an_annotation(verb: str, run: Run) -> None:
    cluster = FakeResources(canary(phase="Progressing"))
    told = run(verb, "checkout", "--reason", "because", cluster=cluster)
    assert told.exit_code == 0
    assert cluster.patches == [
        {"metadata": {"annotations": {"truststream.dev/command": verb, "truststream.dev/command-reason": "because"}}}
    ]
    assert f"shop/checkout: asked to {verb}; see `kubectl truststream status checkout -n shop`" in told.stdout


def test_without_a_reason_an_old_one_goes(run: Run) -> None:
    manifest = canary(phase="Progressing")
    manifest["metadata"]["annotations"] = {"truststream.dev/command": "pause", "truststream.dev/command-reason": "old"}
    told = run("rollback", "checkout", cluster=FakeResources(manifest))
    assert manifest["metadata"]["annotations"] == {"truststream.dev/command": "rollback"}
    assert "instead of pause, which nobody has taken" in told.stdout


def _answering(accepted: bool, message: str) -> FakeResources:
    def answer(found: dict[str, Any]) -> None:
        command = found["metadata"]["annotations"].pop("truststream.dev/command")
        found["status"]["lastCommand"] = {"command": command, "at": "now", "accepted": accepted, "message": message}

    old = {"command": "promote", "at": "before", "accepted": True, "message": "an older answer"}
    return FakeResources(canary(phase="Progressing", lastCommand=old), on_patch=answer)


def test_waiting_shows_the_answer(run: Run) -> None:
    told = run("promote", "checkout", "--wait", cluster=_answering(True, "promoting"))
    assert told.exit_code == 0
    assert told.stdout == "shop/checkout: promote accepted: promoting\n"


def test_a_refusal_is_an_error(run: Run) -> None:
    told = run("promote", "checkout", "--wait", cluster=_answering(False, "nothing to promote in phase Idle"))
    assert told.exit_code == 1
    assert "promote refused: nothing to promote in phase Idle" in told.stderr


def test_an_operator_that_is_away_is_said(run: Run) -> None:
    told = run("promote", "checkout", "--wait", "--timeout", "1", cluster=FakeResources(canary(phase="Progressing")))
    assert told.exit_code == 1
    assert "no answer in 1 s: the operator seems to be away; the command stays on the object" in told.stderr
