"""A FeatureFlag reviewed: its spec, its approvals, what is served and how it is used become status and events. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from truststream.api.flagstatus import FeatureFlagStatus, FlagUsage
from truststream.flags.life.happenings import happenings
from truststream.flags.life.outlook import Outlook, outlook
from truststream.flags.life.reporting import in_process, stamp
from truststream.flags.life.reviewed import Facts, FlagView, Review
from truststream.flags.life.ruling import Ruling, rule
from truststream.flags.life.staleness import Life, staleness
from truststream.flags.life.telling import Told, conditions
from truststream.flags.life.trail import noted
from truststream.flags.moments import moment
from truststream.flags.served import Why


def review(view: FlagView, status: FeatureFlagStatus, facts: Facts, now: float) -> Review:
    """What to write of the flag, to tell, and when to look again by itself.

    Args:
        status: as it is in the object.
        now: seconds since the epoch.
    """
    ruling = rule(view, status, now, valid=not facts.problems)
    overlay = None if facts.overlay_orphaned else view.source.overlay
    in_force = ruling.spec if facts.flag is not None else None
    ahead = outlook(in_force, overlay, now) if in_force is not None else None
    stale, ripe = staleness(_life(view, status, facts, ruling, ahead), now) if ahead else (None, None)
    told = Told(view, facts, ruling, ahead, stale, now)
    trail, entry = noted(view, status, now)
    after = _status(told, status).model_copy(update={"history": trail})
    times = [at for at in (ripe, ahead.next_change if ahead else None) if at is not None]
    return Review(
        status=after,
        events=tuple(happenings(told, status, entry)),
        acknowledge=bool(view.approve),
        adopts=ruling.adopts,
        wake_at=min(times, default=None),
    )


def _status(told: Told, before: FeatureFlagStatus) -> FeatureFlagStatus:
    flag, ahead, usage = told.facts.flag, told.outlook, told.facts.usage if told.facts.write_usage else before.usage
    waits = told.ruling.why is Why.AWAITING_APPROVAL
    return FeatureFlagStatus(
        observed_generation=told.generation,
        key=told.view.source.key,
        state=told.state,
        default_variant=ahead.default if ahead else "",
        rollout=ahead.rollout if ahead else "",
        delivery=flag.delivery if flag else None,
        in_process=in_process(flag) if flag else [],
        stale=told.stale.reason.value if told.stale else "",
        next_change=stamp(ahead.next_change) if ahead and ahead.next_change is not None else None,
        message=told.message,
        served=told.ruling.remembered,
        overlay=None if told.facts.overlay_orphaned else before.overlay,
        approvals=list(told.ruling.consents.approvals) if waits else [],
        usage=usage,
        warnings=list(_warnings(told, usage)),
        conditions=conditions(told, before),
    )


def _warnings(told: Told, usage: FlagUsage | None) -> Iterable[str]:
    yield from told.facts.warnings
    if usage is not None and usage.without_unit and told.outlook is not None:
        by = told.outlook.spec.bucketing.by
        yield f"evaluations without {by}: {usage.without_unit}; they are in no percentage; send it in the context"


def _life(view: FlagView, status: FeatureFlagStatus, facts: Facts, ruling: Ruling, ahead: Outlook) -> Life:
    return Life(
        created=view.created,
        stale_after=ahead.spec.stale_after,
        expires_at=moment(ahead.spec.expires_at),
        served_since=moment(ruling.remembered.since) if ruling.remembered else None,
        only=ahead.only,
        usage=facts.usage,
        counted_until=facts.counted_until,
        previous=status.stale,
    )
