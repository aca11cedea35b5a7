"""What every run ends with: conditions as kstatus reads them, health, warnings, the next wake-up."""

from __future__ import annotations

from truststream.api.status import Condition, Health, Phase, Verdict
from truststream.canary.actions import DropOverlay
from truststream.canary.look import next_look
from truststream.canary.turn import Turn
from truststream.canary.wording import titled

RESTING = (Phase.IDLE, Phase.SUCCEEDED, Phase.FAILED)


def report(turn: Turn) -> None:
    """Fill in what follows from the rest of the status."""
    turn.set(
        observed_generation=turn.seen.generation,
        warnings=list(turn.seen.warnings),
        conditions=_conditions(turn),
        health=_health(turn),
    )
    if turn.status.phase is not turn.before.phase or turn.status.release != turn.before.release:
        _again(turn)
    look = next_look(turn.spec, turn.status)
    if look is not None and not turn.seen.deleting:
        turn.wake(look)


def _again(turn: Turn) -> None:
    """A change may make the next step possible at once; whatever waits says so itself."""
    before, after = turn.before.release, turn.status.release
    entered = turn.status.phase is not turn.before.phase
    if entered or (before and after and before.stage is not after.stage):
        turn.wake_in(0)


def _conditions(turn: Turn) -> list[Condition]:
    phase, message = turn.status.phase, turn.status.message
    resting = phase in RESTING
    failed = phase is Phase.FAILED
    stalled = turn.stall is not None or failed
    why = turn.stall.reason if turn.stall else "RolledBack" if failed else ""
    states = [
        ("Ready", resting and not stalled, why or phase.value, message),
        ("Reconciling", not resting and not stalled, phase.value, message),
        ("Stalled", stalled, why or "Moving", message if stalled else ""),
        _promoted(turn),
        _source(turn),
        *_in_git(turn),
    ]
    return [_condition(turn, *state) for state in states]


def _promoted(turn: Turn) -> tuple[str, bool, str, str]:
    phase, status = turn.status.phase, turn.status
    serves = bool(status.stable_revision) and not _pending(turn)
    done = phase in (Phase.IDLE, Phase.SUCCEEDED) and serves and turn.stall is None
    reason = "Promoted" if phase is Phase.SUCCEEDED else "Adopted" if done else phase.value
    return "Promoted", done, reason, f"{titled(turn, status.stable_revision)} serves" if done else status.message


def _pending(turn: Turn) -> bool:
    """Whether a revision is waiting that does not serve yet, even when no release runs for it at this moment."""
    target = turn.seen.target
    if not turn.makes_pods:
        return turn.asked != turn.status.stable_revision
    return target is not None and target.held and target.revision != turn.status.stable_revision


def _in_git(turn: Turn) -> list[tuple[str, bool, str, str]]:
    """Kind FeatureFlag: whether Git alone already says what an earlier release promoted."""
    flag = turn.seen.flag
    if not turn.releases_flag or flag is None:
        return []
    promoted = flag.promoted if turn.status.release is not None else turn.status.stable_revision
    stands = flag.ours and bool(flag.promoted) and DropOverlay() not in turn.actions
    behind = stands and not flag.in_git(promoted)
    text = f"put variant {promoted} into Git: {flag.command(turn.seen.namespace, promoted)}" if behind else ""
    return [("InGit", not behind, "GitIsBehind" if behind else "Same", text)]


def _source(turn: Turn) -> tuple[str, bool, str, str]:
    down = turn.status.verdict is Verdict.SOURCE_DOWN
    row = next((m for m in turn.status.metrics if m.verdict is Verdict.SOURCE_DOWN), None)
    return "SourceAvailable", not down, "SourceDown" if down else "Answering", row.message if row else ""


def _condition(turn: Turn, kind: str, state: bool, reason: str, message: str) -> Condition:
    status = "True" if state else "False"
    old = next((c for c in turn.before.conditions if c.type == kind), None)
    since = old.last_transition_time if old is not None and old.status == status else turn.stamp
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=since,
        observed_generation=turn.seen.generation,
    )


def _health(turn: Turn) -> Health:
    status = turn.status
    if status.phase in (Phase.FAILED, Phase.ROLLING_BACK) or status.verdict is Verdict.BAD:
        return Health.CRITICAL
    if turn.stall is not None or status.verdict is Verdict.SOURCE_DOWN or _late(turn):
        return Health.WARNING
    if status.phase in (Phase.PROGRESSING, Phase.PAUSED) and status.verdict in (None, Verdict.NOT_ENOUGH_DATA):
        return Health.UNKNOWN
    return Health.HEALTHY


def _late(turn: Turn) -> bool:
    release = turn.status.release
    return release is not None and "DeadlineExceeded" in release.told
