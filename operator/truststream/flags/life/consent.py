"""Whose approval counts: a member of the groups that the approval in force names, who wrote nothing of the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from truststream.api.featureflag import Approval
from truststream.api.flagstatus import FeatureFlagStatus, FlagApproval
from truststream.flags.life.reporting import stamp
from truststream.flags.life.reviewed import FlagEvent, FlagView
from truststream.flags.served import last_served


@dataclass(frozen=True, slots=True)
class Consents:
    """Approvals of the present generation, the one that was just given included if it counts."""

    approvals: tuple[FlagApproval, ...] = ()
    required: int = 0
    groups: tuple[str, ...] = ()
    events: tuple[FlagEvent, ...] = ()

    @property
    def missing(self) -> int:
        """How many more are needed."""
        return max(0, self.required - len(self.approvals))

    @property
    def enough(self) -> bool:
        """Whether the spec may be served; never without a rule that says how many are needed."""
        return self.required > 0 and not self.missing


def consider(view: FlagView, status: FeatureFlagStatus, now: float, *, waits: bool) -> Consents:
    """What has been agreed to so far; `waits`: the newest spec needs approval."""
    given = view.approve
    if not waits:
        told = not given or _counted(view, status)
        return Consents(events=() if told else (_refused(view, "nothing of this flag waits for an approval"),))
    rule = approval_in_force(view)
    if rule is None:
        sentence = "the approval that spec.approval asks for cannot be read"
        return Consents(events=(_refused(view, sentence),) if given else ())
    generation = view.source.generation
    kept = [one for one in status.approvals if one.generation == generation]
    events: list[FlagEvent] = []
    if given and not any(one.by == view.approve_by and view.approve == str(generation) for one in kept):
        kept, event = _add(view, status, rule, kept, now)
        events.append(event)
    return Consents(tuple(kept), rule.required, tuple(rule.groups), tuple(events))


def approval_in_force(view: FlagView) -> Approval | None:
    """Of the spec that is served, for a change cannot relax its own approval; of the newest when none is served yet."""
    last = last_served(view.source)
    raw: Mapping[str, Any] = last if last is not None else view.source.spec
    try:
        return Approval.model_validate(raw.get("approval"))
    except ValidationError:
        return None


def _add(
    view: FlagView, status: FeatureFlagStatus, rule: Approval, kept: list[FlagApproval], now: float
) -> tuple[list[FlagApproval], FlagEvent]:
    who, generation = view.approve_by, view.source.generation
    if problem := _problem(view, status, rule):
        return kept, _refused(view, problem)
    kept = [*kept, FlagApproval(generation=generation, by=who, at=stamp(now))]
    return kept, FlagEvent("Approved", f"{who} approved generation {generation} ({len(kept)} of {rule.required})")


def _problem(view: FlagView, status: FeatureFlagStatus, rule: Approval) -> str:
    who, generation = view.approve_by, view.source.generation
    if view.approve != str(generation):
        return f"it names generation {view.approve}, and {generation} is the present one; look again and approve that"
    if not who:
        return "nobody stamped who gave it; install the chart's admission policies and approve again"
    if not view.changed_by:
        return (
            "who wrote the change is not known; change the spec once more with the chart's admission policies in force"
        )
    if who in _authors(view, status):
        return f"{who} wrote a part of what waits; somebody else has to agree"
    if not set(view.approve_groups) & set(rule.groups):
        return f"{who} is in none of the groups {', '.join(rule.groups)}"
    return ""


def _counted(view: FlagView, status: FeatureFlagStatus) -> bool:
    """Whether it is the approval that served what is served, read before but not yet removed."""
    served = status.served
    return served is not None and view.approve == str(served.generation) and view.approve_by in served.approved_by


def _authors(view: FlagView, status: FeatureFlagStatus) -> set[str]:
    """Of all changes since the spec that is served: a later small change does not launder an earlier one."""
    served = status.served.generation if status.served else 0
    return {view.changed_by, *view.changed_with} | {one.by for one in status.history if one.generation > served}


def _refused(view: FlagView, why: str) -> FlagEvent:
    who = f" by {view.approve_by}" if view.approve_by else ""
    return FlagEvent("Refused", f"the approval{who} is ignored: {why}", warning=True)
