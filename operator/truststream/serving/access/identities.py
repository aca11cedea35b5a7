"""Whose tokens they are, also while the API server is away: `gate.Reviewer`.

The API server is asked first. When it gives no answer, a token is judged by its signature, and so are all others at
once until it answers again: it is tried every few seconds, and nobody waits for that who can be answered without it.
Of those who cannot, one at a time waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from truststream.cluster.reviews import Identity
from truststream.errors import ClusterError, Unavailable
from truststream.serving.access.gate import Reviewer

Given = TypeVar("Given")

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that the API server has to say anything."""
_AGAIN: Final = 5.0  # seconds between two attempts while it is away


class Signed(Protocol):
    """`cluster.signatures.Signatures`."""

    def who(self, token: str) -> Identity | None:
        """Whose token this is by its signature; None for nobody's. Raises Unavailable: it cannot be judged."""

    def reviewed(self, token: str) -> None:
        """The API server says that it is good."""

    async def run(self) -> None:
        """Keep what it takes to judge, until it is cancelled."""


class Line:
    """To one service of the API server: whether it answered lately."""

    def __init__(self, name: str, patience: float, clock: Callable[[], float]) -> None:
        self.name = name
        self.away = False
        self._patience = patience
        self._clock = clock
        self._again_at = 0.0
        self._asking = 0

    @property
    def futile(self) -> bool:
        """It is away, and somebody is waiting for it already."""
        return self.away and self._asking > 0

    def due(self) -> bool:
        """Whether it is time to see if it is back; the first who asks has the turn."""
        if self._clock() < self._again_at:
            return False
        self._again_at = self._clock() + _AGAIN
        return True

    async def ask(self, answer: Awaitable[Given]) -> Given:
        """The answer, in time. A refusal is an answer.

        Raises:
            Unavailable: there was none.
            ClusterError: it refuses to say.
        """
        self._asking += 1
        try:
            async with asyncio.timeout(self._patience):
                given = await answer
        except (TimeoutError, Unavailable) as error:
            self._gone(error)
            raise self.silent() from error
        except ClusterError:
            self._back()
            raise
        finally:
            self._asking -= 1
        self._back()
        return given

    def silent(self) -> Unavailable:
        """The error for who cannot be answered without it."""
        return Unavailable(f"{self.name} gave no answer", retry_after=_AGAIN)

    def _gone(self, error: Exception) -> None:
        if not self.away:
            log.warning("%s: no answer: %s", self.name, str(error) or f"none in {self._patience:g} s")
        self.away, self._again_at = True, self._clock() + _AGAIN

    def _back(self) -> None:
        if self.away:
            log.info("%s answers again", self.name)
        self.away = False


class Identities:
    """Asks `reviews`, and where they give no answer the signature."""

    def __init__(
        self,
        reviews: Reviewer,
        signatures: Signed,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reviews = reviews
        self._signatures = signatures
        self._tokens = Line("TokenReview", patience, clock)
        self._rights = Line("SubjectAccessReview", patience, clock)
        self._tries: set[asyncio.Task[Identity | None]] = set()

    async def who(self, token: str) -> Identity | None:
        """Whose token this is; `by_signature` where the API server could not be asked.

        Raises:
            ClusterError: neither can say.
        """
        if self._tokens.away:
            return await self._while_away(token)
        try:
            return await self._review(token)
        except Unavailable:
            return self._signatures.who(token)

    async def may(self, who: Identity, verb: str, namespace: str) -> bool:
        """Whether it has the verb on the FeatureFlags there.

        Raises:
            ClusterError: the API server cannot say; at once where somebody waits for it in vain.
        """
        if self._rights.futile:
            raise self._rights.silent()
        return await self._rights.ask(self._reviews.may(who, verb, namespace))

    async def run(self) -> None:
        """Keep the keys of signatures, until it is cancelled."""
        await self._signatures.run()

    def note(self) -> str:
        """Empty, or that nobody says which tokens were revoked."""
        return "TokenReview gives no answer: tokens are checked by their signature" if self._tokens.away else ""

    async def _while_away(self, token: str) -> Identity | None:
        try:
            found = self._signatures.who(token)
        except Unavailable:
            if self._tokens.futile:
                raise
            return await self._review(token)
        if self._tokens.due():
            attempt = asyncio.create_task(self._review(token))
            self._tries.add(attempt)
            attempt.add_done_callback(self._tried)
        return found

    async def _review(self, token: str) -> Identity | None:
        found = await self._tokens.ask(self._reviews.who(token))
        if found is not None:
            self._signatures.reviewed(token)
        return found

    def _tried(self, attempt: asyncio.Task[Identity | None]) -> None:
        """It only had to show whether the API server is back; the token is asked for anew when its time is over."""
        self._tries.discard(attempt)
        if not attempt.cancelled() and isinstance(error := attempt.exception(), Exception):
            log.debug("tried in vain: %s", error)
