"""Who asks, for whose flags, and how often: `base.Gate`.

A ServiceAccount's token and an API key open their own namespace. A token opens others too where the account has the
verb `evaluate` on featureflags there. What the API server said is kept: a minute for yes, ten seconds for no, and ten
minutes more while it is away. What only a token's signature said is kept for five seconds. Tokens and keys are kept as
keyed hashes, and never told.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from truststream.api.serverconfiguration import EVERYWHERE, ServerConfiguration
from truststream.cluster.reviews import Identity
from truststream.errors import ClusterError
from truststream.serving.access import selector as selectors
from truststream.serving.access.keys import ApiKeys
from truststream.serving.access.rates import Rates
from truststream.serving.access.remembered import Lifetimes, Remembered
from truststream.serving.base import Caller, Credentials, Refused, Scope

EVALUATE: Final = "evaluate"
ANONYMOUS: Final = "anonymous"
_LONGEST_TOKEN: Final = 16_384
_REVIEWS_AT_ONCE: Final = 64
_YES: Final = Lifetimes(60.0)
_NO: Final = Lifetimes(10.0)
_SIGNED: Final = Lifetimes(5.0, away=0.0)


class Reviewer(Protocol):
    """`serving.identities.Identities`, in front of `cluster.reviews.Reviews`."""

    async def who(self, token: str) -> Identity | None:
        """Whose token this is."""

    async def may(self, who: Identity, verb: str, namespace: str) -> bool:
        """Whether it has the verb on the FeatureFlags there."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A caller, and by which identity the API server knows it; an API key has none."""

    caller: Caller
    identity: Identity | None = None


_Right = tuple[str, tuple[str, ...], str, str]  # user, groups, verb, namespace
_NOBODY: Final = _Known(Caller(ANONYMOUS))


class ServerGate:
    """`base.Gate`. Without `reviews` there is no API server to ask: tokens are refused."""

    def __init__(
        self,
        configuration: ServerConfiguration,
        reviews: Reviewer | None,
        keys: ApiKeys | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = configuration.environment or ""
        self._anonymous = frozenset(configuration.anonymous)
        self._audience = configuration.audience
        self._reviews = reviews
        self._keys = keys
        self._rates = Rates(configuration.limits.requests_per_second, clock=clock)
        self._salt = secrets.token_bytes(32)
        self._tokens: Remembered[bytes, _Known | None] = Remembered(_keep, clock=clock)
        self._rights: Remembered[_Right, bool] = Remembered(lambda allowed: _YES if allowed else _NO, clock=clock)
        self._reviewing = 0

    async def admit(self, credentials: Credentials, selector: str, *, cost: int = 1) -> tuple[Caller, Scope]:
        """Who asks and which flags it may have; see `base.Gate`."""
        wanted = selectors.parse(selector)
        known = await self._known(credentials, wanted)
        scope = self._scope(known.caller, wanted)
        if scope.namespace != known.caller.namespace and not self._open(scope.namespace):
            await self._authorise(known, EVALUATE, scope.namespace)
        self._spend(known.caller, scope, cost)
        return known.caller, scope

    async def permit(self, credentials: Credentials, verb: str) -> Caller:
        """Who asks, if it has the verb on the FeatureFlags of all namespaces.

        Raises:
            Refused: 401 nobody or unknown, 403 without the right.
        """
        known = await self._known(credentials, None)
        if known is _NOBODY:
            raise Refused(401, self._how_to_authenticate("this path is for authorised callers"))
        await self._authorise(known, verb, "")
        return known.caller

    def clear(self) -> None:
        """Forget what the API server said."""
        self._tokens.clear()
        self._rights.clear()

    async def _known(self, credentials: Credentials, wanted: Scope | None) -> _Known:
        if credentials.api_key:
            if (found := self._by_key(credentials.api_key)) is not None:
                return found
            raise Refused(401, "X-API-Key: unknown key; ask who runs this server for one")
        if not credentials.bearer:
            return _NOBODY
        return self._by_key(credentials.bearer) or await self._by_token(credentials.bearer, wanted)

    def _by_key(self, key: str) -> _Known | None:
        found = self._keys.find(key) if self._keys is not None else None
        return None if found is None else _Known(Caller(f"key:{found.name}", found.namespace))

    async def _by_token(self, token: str, wanted: Scope | None) -> _Known:
        if self._reviews is None or len(token) > _LONGEST_TOKEN:
            raise Refused(401, self._how_to_authenticate("the bearer token is no API key of this server"))
        digest = hashlib.blake2b(token.encode("utf-8", "surrogateescape"), key=self._salt, digest_size=32).digest()
        known = self._tokens.known(digest)
        if known is not None:
            return known
        try:
            known = await self._tokens.get(digest, lambda: self._review(token, digest))
        except ClusterError as error:
            if wanted is not None and self._open(wanted.namespace):
                return _NOBODY
            raise _away(error) from None
        if known is None:
            raise Refused(
                401, f"the token is unknown, expired or not made for the audience {self._audience!r}: ask for a new one"
            )
        return known

    async def _review(self, token: str, digest: bytes) -> _Known | None:
        assert self._reviews is not None
        if self._reviewing >= _REVIEWS_AT_ONCE:
            raise ClusterError("too many tokens are being checked", retry_after=1.0)
        self._reviewing += 1
        try:
            who = await self._reviews.who(token)
        finally:
            self._reviewing -= 1
        if who is not None and who.by_signature and self._tokens.last(digest, _NOBODY) is None:
            raise ClusterError("it was refused before: its signature alone does not make it good")
        return None if who is None else _Known(Caller(who.user, who.namespace), who)

    async def _authorise(self, known: _Known, verb: str, namespace: str) -> None:
        where = f"namespace {namespace}" if namespace else "all namespaces"
        if known is _NOBODY:
            raise Refused(401, self._how_to_authenticate(f"{where} does not answer anonymous callers"))
        identity, reviews = known.identity, self._reviews
        if identity is None or reviews is None:
            home = known.caller.namespace
            raise Refused(403, f"{known.caller.name} is a key for namespace {home} alone, not for {where}")
        try:
            allowed = await self._rights.get(
                (identity.user, identity.groups, verb, namespace), lambda: reviews.may(identity, verb, namespace)
            )
        except ClusterError as error:
            raise _away(error) from None
        if not allowed:
            raise Refused(
                403,
                f"{identity.user} needs the verb {verb} on featureflags.truststream.dev in {where}: grant it by a Role",
            )

    def _scope(self, caller: Caller, wanted: Scope | None) -> Scope:
        if wanted is None:
            if not caller.namespace:
                raise self._no_scope(caller)
            return Scope(caller.namespace, self._environment)
        return wanted if wanted.environment else Scope(wanted.namespace, self._environment)

    def _no_scope(self, caller: Caller) -> Refused:
        if caller.name == ANONYMOUS and not self._anonymous:
            return Refused(401, self._how_to_authenticate("this server does not answer anonymous callers"))
        return Refused(400, f"say whose flags, by the header Flagd-Selector: {selectors.HOW}")

    def _open(self, namespace: str) -> bool:
        return namespace in self._anonymous or EVERYWHERE in self._anonymous

    def _how_to_authenticate(self, why: str) -> str:
        ways = ["X-API-Key: <key>"] if self._keys is not None else []
        if self._reviews is not None:
            ways.insert(0, f"Authorization: Bearer <ServiceAccount token for the audience {self._audience!r}>")
        return f"{why}; send {' or '.join(ways)}" if ways else f"{why}, and it has no API keys configured"

    def _spend(self, caller: Caller, scope: Scope, cost: int) -> None:
        # Anonymous callers cannot be told apart: they share what one caller may.
        name = f"{ANONYMOUS}/{scope.namespace}" if caller.name == ANONYMOUS else caller.name
        seconds = self._rates.wait(name, cost)
        if seconds:
            raise Refused(429, "too many requests; ask again later, or less often", retry_after=math.ceil(seconds))


def _keep(known: _Known | None) -> Lifetimes:
    if known is None:
        return _NO
    return _SIGNED if known.identity is not None and known.identity.by_signature else _YES


def _away(error: ClusterError) -> Refused:
    return Refused(
        503,
        "the API server, which checks tokens and rights, gives no answer; ask again",
        retry_after=max(1.0, math.ceil(error.retry_after)),
    )
