"""What the parts of the server are to each other: who asks, for which flags, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from truststream.errors import ServingError
from truststream.flags.evaluation import Context, Evaluation
from truststream.flags.flagset import CompiledFlag, FlagSet

SELECTOR_HEADER = "flagd-selector"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose flags, and where: `flagSetId=<namespace>` or `flagSetId=<namespace>/<environment>`."""

    namespace: str
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """As a request carries them; never printed."""

    bearer: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `namespace` is its home: the flag set of a request that names none; empty for anonymous callers."""

    name: str
    namespace: str = ""


class Refused(ServingError):
    """A request that is not answered: `status` is HTTP's; `retry_after` in seconds for 429 and 503."""

    def __init__(self, status: int, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status


class Gate(Protocol):
    """Authentication, authorisation and rate limits, for every protocol alike."""

    async def admit(self, credentials: Credentials, selector: str, *, cost: int = 1) -> tuple[Caller, Scope]:
        """Who asks and which flags it may have.

        Args:
            selector: the request's `flagSetId=...`; empty: the caller's own namespace.
            cost: evaluations counted against the caller's rate.

        Raises:
            Refused: 400 a bad or missing selector, 401 nobody or unknown, 403 not that namespace, 429 too many.
        """


class Catalog(Protocol):
    """All flags, from one watch. Reads never wait and never fail: the last known flags are served."""

    @property
    def stale_since(self) -> float | None:
        """When the watch was lost (epoch seconds); None while it holds."""

    @property
    def ready(self) -> bool:
        """Whether everything was listed once."""

    def flags(self, scope: Scope) -> FlagSet:
        """The compiled flags of a scope; an unknown namespace has none."""

    def subscribe(self, namespace: str) -> AbstractContextManager[Subscription]:
        """To be told of every change in a namespace, schedules included."""


class Subscription(Protocol):
    """One listener; several changes in a row may be told as one."""

    async def changed(self) -> None:
        """Returns once something changed since the last call."""


class Recorder(Protocol):
    """What is counted and kept of evaluations; must cost next to nothing."""

    def evaluated(self, scope: Scope, flag: CompiledFlag, evaluation: Evaluation, context: Context) -> None:
        """One evaluation by an application: counted, and kept as an exposure where the flag asks for it."""

    def listed(self, scope: Scope, evaluations: Mapping[str, Evaluation]) -> None:
        """A bulk answer: a prefetch, counted apart and never an exposure."""

    def synced(self, scope: Scope, provider_id: str, user_agent: str) -> None:
        """An in-process client was sent the flags of a scope."""
