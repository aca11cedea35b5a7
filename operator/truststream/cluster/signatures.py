"""What a ServiceAccount's token says by itself: signed by the API server, for us, and not over yet.

Whether the account or its pod is still there only the API server knows (`reviews`); this is for while it is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import jwt

from truststream.cluster.client import Client
from truststream.cluster.reviews import ACCOUNT, Identity
from truststream.errors import ClusterError, Forbidden, Unavailable

log = logging.getLogger(__name__)

CONFIGURATION: Final = "/.well-known/openid-configuration"
KEYS: Final = "/openid/v1/jwks"
EVERY: Final = 600.0  # seconds between two looks at the keys
_AGAIN: Final = 10.0  # seconds after a look that failed
_LEEWAY: Final = 30.0  # seconds that the clocks of two machines may differ
_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
_REQUIRED: Final = ("exp", "nbf", "iat", "aud", "iss", "sub")
_STRANGERS: Final = 100  # ids of keys that were looked for in vain


class Signatures:
    """Knows the API server's issuer and public keys; a token by a key that it does not know is not judged."""

    def __init__(self, client: Client, audience: str) -> None:
        self._client = client
        self._audience = audience
        self._issuer = ""
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._strangers: set[str] = set()
        self._wanted = asyncio.Event()
        self._said = False

    def who(self, token: str) -> Identity | None:
        """Whose token this is; None for one that is forged, expired, or made for another audience.

        The uid and the groups are as a TokenReview gives them; what it tells of the pod (`extra`) is not.

        Raises:
            Unavailable: it is none that can be judged by our keys.
        """
        key = self._keys.get(_key_id(token))
        if key is None:
            raise Unavailable("the token is not signed by a key of the API server that is known here")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": list(_REQUIRED)},
            )
        except jwt.InvalidIssuerError:  # the API server takes tokens of earlier issuers too, and tells only the newest
            raise Unavailable("the token is not of the issuer that the API server tells") from None
        except jwt.PyJWTError:
            return None
        return _identity(claims)

    def reviewed(self, token: str) -> None:
        """The API server says that the token is good: a key that is not known here is looked for, once."""
        key_id = _key_id(token)
        if not key_id or key_id in self._keys or key_id in self._strangers or len(self._strangers) >= _STRANGERS:
            return
        self._strangers.add(key_id)
        self._wanted.set()

    async def run(self) -> None:
        """Keep issuer and keys up to date, until it is cancelled."""
        while True:
            rest = await self._look()
            try:
                async with asyncio.timeout(rest):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def refresh(self) -> None:
        """Read issuer and keys.

        Raises:
            ClusterError: they cannot be had; those that were known stay.
        """
        issuer = (await self._client.document(CONFIGURATION)).get("issuer")
        keys = _keys(await self._client.document(KEYS))
        if not isinstance(issuer, str) or not issuer or not keys:
            raise ClusterError(f"{CONFIGURATION} and {KEYS} name no issuer, or no keys that can be used")
        self._issuer, self._keys = issuer, keys

    async def _look(self) -> float:
        """Seconds until the next one."""
        self._wanted.clear()
        try:
            await self.refresh()
        except ClusterError as error:
            if not self._said:
                log.warning("the keys of ServiceAccount tokens cannot be read: %s; %s", error, self._meanwhile(error))
            self._said = True
            return _AGAIN if isinstance(error, Unavailable) else EVERY
        self._said = False
        return EVERY

    def _meanwhile(self, error: ClusterError) -> str:
        if self._keys:
            return "those known so far are used"
        hint = "; bind system:service-account-issuer-discovery to this account" if isinstance(error, Forbidden) else ""
        return f"while the API server is away new tokens are not answered{hint}"


def _key_id(token: str) -> str:
    try:
        return str(jwt.get_unverified_header(token).get("kid") or "")
    except (jwt.PyJWTError, ValueError):  # ValueError: bytes that are no text
        return ""


def _keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """By id; only public keys for signatures."""
    found = {}
    for one in document.get("keys") or ():
        try:
            key = jwt.PyJWK.from_dict(one)
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            continue  # of a kind that the library does not know
        if key.key_id and key.algorithm_name in _ALGORITHMS and key.public_key_use in (None, "sig"):
            found[key.key_id] = key
    return found


def _identity(claims: Mapping[str, Any]) -> Identity | None:
    """As the API server reads its own claims."""
    bound = claims.get("kubernetes.io")
    account = bound.get("serviceaccount") if isinstance(bound, Mapping) else None
    if not isinstance(bound, Mapping) or not isinstance(account, Mapping):
        return None
    namespace, name = bound.get("namespace"), account.get("name")
    user = f"{ACCOUNT}{namespace}:{name}"
    if not namespace or not name or claims["sub"] != user:
        return None
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Identity(user, str(account.get("uid") or ""), groups, by_signature=True)
