"""The answer of the core: what to do, what to remember, when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from truststream.api.status import CanaryDeploymentStatus
from truststream.canary.actions import Action, Event


@dataclass(frozen=True, slots=True)
class Decision:
    """Carry out `actions` in order, then write `status`, then post `events`; run again at `wake_at`.

    When an action fails nothing after it happens, status included: the next run decides anew from what is then seen.
    `wake_at` None means: only an event of the cluster brings us back.
    """

    status: CanaryDeploymentStatus
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    wake_at: datetime | None = None
