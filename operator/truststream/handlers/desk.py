"""Where the resources of one kind of ours are worked on: whom an event concerns, and the queue that takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from truststream.cluster.queue import Key, WorkQueue


class Concerns(Protocol):
    """Kept up to date by the events themselves: every one is shown to it."""

    def of(self, kind: str, obj: Mapping[str, Any], *, deleted: bool = False) -> set[Key]:
        """The resources to look at after an event of this object."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One of a kind."""

    interests: Concerns
    queue: WorkQueue

    def tell(self, kind: str, obj: Mapping[str, Any], *, deleted: bool) -> None:
        """Queue those that the event concerns."""
        for key in self.interests.of(kind, obj, deleted=deleted):
            self.queue.add(key)
