"""Commands by annotation: taken once, answered in status, then removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from truststream.api.status import CommandStatus, Phase, Stage
from truststream.canary.actions import AcknowledgeCommand
from truststream.canary.endings import Ending, roll_back
from truststream.canary.observation import Command
from truststream.canary.promote import begin_promotion
from truststream.canary.turn import Turn
from truststream.canary.wording import titled

Answer = tuple[bool, str]
WITH_WEIGHT: Final = (Phase.PROGRESSING, Phase.PAUSED)


def obey(turn: Turn) -> None:
    """Take a new command; remove one whose answer is already in status. An answer is saved before the question goes."""
    command, last = turn.seen.command, turn.status.last_command
    if command is None:
        if last is not None and not last.acknowledged:
            turn.set(last_command=last.model_copy(update={"acknowledged": True}))
    elif last is not None and not last.acknowledged and (last.command, last.by) == (command.verb, command.by):
        turn.do(AcknowledgeCommand())
        turn.set(last_command=last.model_copy(update={"acknowledged": True}))
    else:
        _take(turn, command)


def _take(turn: Turn, command: Command) -> None:
    verb = VERBS.get(command.verb)
    known = ", ".join(VERBS)
    accepted, message = verb(turn, command) if verb else (False, f"unknown command {command.verb!r}; known are {known}")
    turn.set(
        last_command=CommandStatus(
            command=command.verb,
            by=command.by,
            reason=command.reason,
            at=turn.stamp,
            accepted=accepted,
            message=message,
        )
    )
    by = f" by {command.by}" if command.by else ""
    turn.say("CommandAccepted" if accepted else "CommandRefused", f"{command.verb}{by}: {message}", warn=not accepted)


def _promote(turn: Turn, command: Command) -> Answer:
    if turn.status.phase not in WITH_WEIGHT:
        return False, f"nothing to promote in phase {turn.status.phase}"
    gate = _closed_gate(turn)
    if gate is not None:
        turn.set_release(approved=[*turn.release.approved, gate])
        return True, f"the gate before {gate:g} % is open"
    begin_promotion(turn, command.reason or f"promoted by {command.by or 'command'}")
    return True, "promoting"


def _closed_gate(turn: Turn) -> float | None:
    """The gate that is being waited at."""
    if turn.status.phase is not Phase.PAUSED or "GateWaiting" not in turn.release.told:
        return None
    gates = (g.step for g in turn.spec.gates if g.step > turn.release.highest_weight)
    return next((step for step in sorted(gates) if step not in turn.release.approved), None)


def _rollback(turn: Turn, command: Command) -> Answer:
    release = turn.status.release
    if release is None or turn.status.phase is Phase.ROLLING_BACK:
        return False, f"nothing to roll back in phase {turn.status.phase}"
    if release.stage not in (None, Stage.TO_CANARY, Stage.RELEASING):
        return False, "the Deployment is rolling already; revert the template in Git"
    roll_back(turn, Ending.ROLLED_BACK, command.reason or f"rolled back by {command.by or 'command'}")
    return True, "rolling back"


def _pause(turn: Turn, _command: Command) -> Answer:
    if turn.status.phase not in WITH_WEIGHT:
        return False, f"nothing to pause in phase {turn.status.phase}"
    turn.set_release(paused=True)
    return True, f"paused at {turn.status.weight:g} %"


def _resume(turn: Turn, _command: Command) -> Answer:
    release = turn.status.release
    if release is None or not (release.paused or release.contested):
        return False, "nothing is paused" + (" by command; spec.paused is true" if turn.spec.paused else "")
    if release.contested:
        roll_back(turn, Ending.ABORTED, "starting over after the route was contested")
        return True, "starting over"
    turn.set_release(paused=False)
    return True, "going on"


def _retry(turn: Turn, _command: Command) -> Answer:
    revision = turn.asked
    if turn.status.release is not None or revision not in turn.status.rejected:
        return False, "no rejected revision is waiting"
    turn.set(rejected=[r for r in turn.status.rejected if r != revision])
    return True, f"{titled(turn, revision)} is tried again"


def _skip(turn: Turn, _command: Command) -> Answer:
    if turn.status.phase not in WITH_WEIGHT:
        return False, f"nothing to skip in phase {turn.status.phase}"
    turn.set_release(skip=True)
    return True, f"leaving {turn.status.weight:g} % without waiting"


VERBS: Final[Mapping[str, Callable[[Turn, Command], Answer]]] = {
    "promote": _promote,
    "rollback": _rollback,
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "skip": _skip,
}
