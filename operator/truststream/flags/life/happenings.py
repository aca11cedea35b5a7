"""The events of a review: what is new since the last one, and who did it."""

from __future__ import annotations

from collections.abc import Iterator

from truststream.api.flagstatus import FeatureFlagStatus, FlagChange, FlagState
from truststream.flags.life.reviewed import FlagEvent
from truststream.flags.life.telling import Told
from truststream.flags.moments import moment


def happenings(told: Told, before: FeatureFlagStatus, entry: FlagChange | None) -> Iterator[FlagEvent]:
    """In the order of what happened. `entry`: the change of the spec that was noticed just now."""
    yield from told.ruling.consents.events
    yield from _switched(told, before, entry)
    yield from _served(told, before, entry)
    state, message = told.state, told.message
    news = entry is not None or state is not before.state
    if state is FlagState.AWAITING_APPROVAL and news:
        yield FlagEvent("AwaitingApproval", message)
    if state is FlagState.STALLED and (news or message != before.message):
        yield FlagEvent("Stalled", message, warning=True)
    yield from _scheduled(told, before, entry)
    if told.stale is not None and told.stale.reason.value != before.stale:
        yield FlagEvent("Stale", f"{told.stale.reason.value}: {told.stale.message}")


def _switched(told: Told, before: FeatureFlagStatus, entry: FlagChange | None) -> Iterator[FlagEvent]:
    """A person switched it off, whether anything else of the change is served or not."""
    asked_off = told.view.source.spec.get("enabled") is False
    was_off = before.served is not None and before.served.spec.get("enabled") is False
    off_now = told.outlook is not None and not told.outlook.enabled
    if entry is not None and asked_off and off_now and not was_off and before.state is not FlagState.DISABLED:
        assert told.outlook is not None
        message = f"{_who(entry.by)} switched it off: everybody gets {told.outlook.default}"
        yield FlagEvent("EmergencyOff", message, warning=True)


def _served(told: Told, before: FeatureFlagStatus, entry: FlagChange | None) -> Iterator[FlagEvent]:
    after = told.ruling.remembered
    if after is None or told.outlook is None:
        return
    if before.served is None or after.digest != before.served.digest:
        change = entry or next((one for one in before.history if one.generation == after.generation), None)
        what = ", ".join(change.changes) if change else f"generation {after.generation}"
        approved = f" (approved by {', '.join(after.approved_by)})" if after.approved_by else ""
        yield FlagEvent("Served", f"{_who(after.by)}: {what}{approved}")
    elif entry is not None and told.state is FlagState.SERVED:
        yield FlagEvent("Served", f"{_who(entry.by)}: {', '.join(entry.changes)}")


def _scheduled(told: Told, before: FeatureFlagStatus, entry: FlagChange | None) -> Iterator[FlagEvent]:
    due = moment(before.next_change)
    if entry is not None or told.outlook is None or due is None or due > told.now:
        return
    was = _gives(before.default_variant, before.rollout, on=before.state is not FlagState.DISABLED)
    gives = _gives(told.outlook.default, told.outlook.rollout, on=told.outlook.enabled)
    if was != gives:
        yield FlagEvent("ScheduledChange", f"by schedule: {was} -> {gives}")


def _gives(default: str, rollout: str, *, on: bool) -> str:
    off = "" if on else " (switched off)"
    return f"default {default}{f', {rollout}' if rollout else ''}{off}"


def _who(name: str) -> str:
    return name or "somebody"
