"""A review in words: the state, one sentence, and the conditions that tools read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from truststream.api.flagstatus import Delivery, FeatureFlagStatus, FlagState
from truststream.api.status import Condition
from truststream.flags.life.outlook import Outlook
from truststream.flags.life.reporting import stamp
from truststream.flags.life.reviewed import Facts, FlagView
from truststream.flags.life.ruling import Ruling
from truststream.flags.life.staleness import Stale
from truststream.flags.served import Why

_STALLED: Final = FlagState.STALLED
_WAITING: Final = FlagState.AWAITING_APPROVAL
_UNREADABLE: Final = (
    "the approval that status.served asks for cannot be read; remove status.served (patch --subresource=status), and "
    "the newest spec goes by its own"
)


@dataclass(frozen=True, slots=True)
class Told:
    """All that the sentences are made from."""

    view: FlagView
    facts: Facts
    ruling: Ruling
    outlook: Outlook | None  # None: nothing is served
    stale: Stale | None
    now: float

    @property
    def generation(self) -> int:
        """Of the spec that this is about."""
        return self.view.source.generation

    @property
    def state(self) -> FlagState:
        """The whole flag in a word."""
        if self.facts.problems:
            return _STALLED
        if self.ruling.why is Why.AWAITING_APPROVAL:
            return _WAITING
        return FlagState.DISABLED if self.outlook is not None and not self.outlook.enabled else FlagState.SERVED

    @property
    def message(self) -> str:
        """One sentence."""
        match self.state:
            case FlagState.STALLED:
                first, more = self.facts.problems[0], len(self.facts.problems) - 1
                return f"{first}{f' (and {more} more)' if more else ''}; {self._instead()}"
            case FlagState.AWAITING_APPROVAL:
                return f"{self._waiting()}; {self._instead()}"
            case FlagState.DISABLED:
                return f"switched off: everybody gets {self.outlook.default}" if self.outlook else "switched off"
        if self.outlook is None:
            return "is being compiled"
        rest = f", {self.outlook.rollout}" if self.outlook.rollout else ""
        return f"generation {self.generation} is served: default {self.outlook.default}{rest}"

    def _waiting(self) -> str:
        consents = self.ruling.consents
        authors = " and ".join(filter(None, (self.view.changed_by, *self.view.changed_with)))
        by = f" by {authors}" if authors else ""
        if not consents.required:
            return f"generation {self.generation}{by} waits: {_UNREADABLE}"
        many = "approval" if consents.missing == 1 else "approvals"
        groups = " or ".join(consents.groups)
        return f"generation {self.generation}{by} waits for {consents.missing} {many} of {groups}"

    def _instead(self) -> str:
        remembered = self.ruling.remembered
        if remembered is None or self.outlook is None:
            return "nothing is served"
        off = ", switched off" if self.ruling.switched_off else ""
        return f"generation {remembered.generation} is served{off}"


def conditions(told: Told, before: FeatureFlagStatus) -> list[Condition]:
    """Ready, Reconciling and Stalled as kstatus reads them, and the flag's own."""
    return [_condition(told, before, *one) for one in _states(told)]


def _states(told: Told) -> Iterator[tuple[str, bool, str, str]]:
    state, message = told.state, told.message
    stalled, waits = state is _STALLED, state is _WAITING
    why = told.facts.problems[0].reason if stalled else state.value
    yield "Ready", not stalled and not waits, why, message
    yield "Reconciling", waits, why, message if waits else ""
    yield "Stalled", stalled, why, message if stalled else ""
    yield _approved(told)
    yield _delivered(told)
    stale = told.stale
    yield "Stale", stale is not None, stale.reason.value if stale else "InUse", stale.message if stale else ""


def _approved(told: Told) -> tuple[str, bool, str, str]:
    if told.ruling.why is Why.AWAITING_APPROVAL:
        return "Approved", False, "AwaitingApproval", told.message
    by = told.ruling.remembered.approved_by if told.ruling.remembered else []
    return "Approved", True, "Approved" if by else "NotRequired", f"by {', '.join(by)}" if by else ""


def _delivered(told: Told) -> tuple[str, bool, str, str]:
    flag = told.facts.flag
    if flag is None:
        return "Delivered", False, "NotServed", "nothing is served"
    if flag.delivery is Delivery.EVERYWHERE:
        return "Delivered", True, Delivery.EVERYWHERE.value, ""
    why = "; ".join(flag.undeliverable)
    return "Delivered", False, Delivery.OFREP_ONLY.value, f"flagd cannot express it, the sync leaves it out: {why}"


def _condition(
    told: Told, before: FeatureFlagStatus, kind: str, state: bool, reason: str, message: str
) -> Condition:  # fmt: skip
    status = "True" if state else "False"
    old = next((one for one in before.conditions if one.type == kind), None)
    since = old.last_transition_time if old is not None and old.status == status else stamp(told.now)
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=since,
        observed_generation=told.generation,
    )
