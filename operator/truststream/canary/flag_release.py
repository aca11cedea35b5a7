"""What is particular to a canary over a flag: when one begins, what overtakes it, how it ends and what stays."""

from __future__ import annotations

from truststream.api.status import Phase
from truststream.canary.actions import DropOverlay, RestoreRoute, SetWeight
from truststream.canary.begin import begin
from truststream.canary.endings import Ending, conclude
from truststream.canary.flag import FlagView, refusal
from truststream.canary.plan import FULL
from truststream.canary.turn import Turn


def rest_flag(turn: Turn) -> None:
    """One run without a release; may begin one."""
    flag = turn.seen.flag
    if flag is not None and flag.ours and flag.promoted and flag.in_git(flag.promoted):
        turn.do(DropOverlay())
        turn.say("InGit", f"Git gives everybody variant {flag.promoted} of FeatureFlag {flag.name}, too")
    _rest(turn, flag, turn.asked)


def _rest(turn: Turn, flag: FlagView | None, asked: str) -> None:
    if flag is None:
        turn.halt(
            "TargetMissing", f"FeatureFlag {turn.spec.target_name} is not in namespace {turn.seen.namespace}; create it"
        )
    elif flag.sharing:
        turn.do(RestoreRoute())
        turn.say("PutBack", f"FeatureFlag {flag.name} had a share of ours without a release", warn=True)
    elif asked == flag.stable:
        _serves(turn, flag)
    elif why := refusal(flag, asked):
        turn.halt(*why)
    elif asked in turn.status.rejected:
        _refuse_rejected(turn, flag)
    elif asked == turn.status.stable_revision:
        _moved(turn, flag)
    else:
        turn.set(stable_revision=flag.stable)
        begin(turn, asked)


def _serves(turn: Turn, flag: FlagView) -> None:
    """What is asked for is what everybody gets; once Git says so too, the overlay goes."""
    known = turn.status.stable_revision
    if known != flag.stable:
        turn.set(stable_revision=flag.stable)
        reason, what = ("ReleasedOutside", "is served without a verdict") if known else ("Adopted", "is served")
        turn.say(reason, f"variant {flag.stable} of FeatureFlag {flag.name} {what}", warn=bool(known))
    if turn.status.phase is Phase.FAILED:
        turn.set(verdict=None, metrics=[])  # those of a variant that is no longer asked for
    behind = flag.ours and flag.promoted and not flag.in_git(flag.stable)
    message = _behind(turn, flag, flag.stable) if behind else _watching(flag)
    turn.enter(Phase.SUCCEEDED if turn.status.phase is Phase.SUCCEEDED else Phase.IDLE, message)


def _watching(flag: FlagView) -> str:
    return f"FeatureFlag {flag.name} gives variant {flag.stable} by default; another targetRef.variant starts a release"


def _behind(turn: Turn, flag: FlagView, variant: str) -> str:
    if flag.waiting:
        return (
            f"variant {variant} is released; the spec of FeatureFlag {flag.name} that is served does not say so yet, "
            "for a newer one is not served"
        )
    return f"variant {variant} is released; put it into Git: {flag.command(turn.seen.namespace, variant)}"


def _refuse_rejected(turn: Turn, flag: FlagView) -> None:
    turn.set(stable_revision=flag.stable)
    why = next((h.reason for h in turn.status.history if h.revision == turn.asked), "")
    rejected = f"variant {turn.asked} was rejected ({why})"
    turn.enter(Phase.FAILED, f"{rejected}; variant {flag.stable} is given: set another one, or say retry")


def _moved(turn: Turn, flag: FlagView) -> None:
    """The variant asked for was the one that served: somebody changed the flag, and nobody asked for a release."""
    turn.halt(
        "ReleasedOutside",
        f"FeatureFlag {flag.name} gives variant {flag.stable} by default, which came without a release, and "
        f"targetRef.variant still says {turn.asked}: set it to {flag.stable}, or to another variant to release that",
    )


def released_outside(turn: Turn) -> bool:
    """Whether Git came to say the same in the middle of the release: it counts as released, and the overlay goes."""
    flag, release = turn.seen.flag, turn.release
    if flag is None or release.revision != turn.asked or flag.says != release.revision:
        return False
    if not flag.changed and flag.stable != release.revision:
        return False  # Git said so from the start; an earlier promotion stands above it
    turn.do(DropOverlay())
    conclude(turn, Ending.PROMOTED, f"the default of FeatureFlag {flag.name} was changed to it")
    turn.set(stable_revision=release.revision)
    turn.enter(Phase.SUCCEEDED, _watching(flag))
    turn.say(
        "ReleasedOutside",
        f"FeatureFlag {flag.name} gives variant {release.revision} by default since somebody changed it, without a "
        "verdict; the release ends here",
        warn=True,
        on_target=True,
    )
    return True


def overtaken(turn: Turn) -> tuple[Ending, str] | None:
    """A flag that is gone, another variant, or another default under the release."""
    flag, revision = turn.seen.flag, turn.asked
    if flag is None:
        return Ending.ABORTED, f"FeatureFlag {turn.spec.target_name} was deleted"
    if revision != turn.release.revision:
        if revision == turn.status.stable_revision:
            return Ending.REVERTED, f"spec.targetRef.variant is {revision} again"
        return Ending.SUPERSEDED, f"variant {revision} came"
    if not flag.unserved and flag.stable != turn.status.stable_revision:
        was = turn.status.stable_revision
        return Ending.SUPERSEDED, f"FeatureFlag {flag.name} gives {flag.stable} by default now, no longer {was}"
    return None


def finish_flag(turn: Turn) -> None:
    """Everybody gets it; the promoted share stays until Git says the same."""
    release, flag = turn.release, turn.seen.flag
    assert flag is not None, "a vanished flag is interrupted before this"
    turn.do(SetWeight(FULL))
    turn.set_release(highest_weight=FULL)
    conclude(turn, Ending.PROMOTED, release.outcome_reason)
    turn.set(stable_revision=release.revision)
    message = _behind(turn, flag, release.revision)
    turn.enter(Phase.SUCCEEDED, message)
    turn.say("Promoted", message, on_target=True)


def hand_back_flag(turn: Turn) -> None:
    """Git alone says who gets what again."""
    flag = turn.seen.flag
    if flag is None or not flag.ours:
        return
    turn.do(DropOverlay())
    turn.set(stable_revision=flag.says)
    if flag.promoted and not flag.in_git(flag.promoted):
        turn.say(
            "PromotionDropped",
            f"FeatureFlag {flag.name} gives what Git says again ({flag.says}); variant {flag.promoted} was promoted "
            f"and is not in Git: {flag.command(turn.seen.namespace, flag.promoted)}",
            warn=True,
            on_target=True,
        )
