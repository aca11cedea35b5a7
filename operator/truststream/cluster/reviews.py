"""What the API server says of a token and of a right: TokenReview and SubjectAccessReview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from truststream.api.names import GROUP
from truststream.cluster.client import Client
from truststream.cluster.kinds import ACCESS_REVIEW, TOKEN_REVIEW
from truststream.errors import ClusterError, Invalid

ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is; `by_signature`: nobody said whether it is still good."""

    user: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by_signature: bool = False

    @property
    def namespace(self) -> str:
        """Of a ServiceAccount; empty for anybody else."""
        return self.user.removeprefix(ACCOUNT).partition(":")[0] if self.user.startswith(ACCOUNT) else ""


class Reviews:
    """Asks the API server; keeps nothing."""

    def __init__(self, client: Client, audience: str) -> None:
        self._client = client
        self._audience = audience

    async def who(self, token: str) -> Identity | None:
        """Whose token this is; None for one that is unknown, expired or made for another audience.

        Raises:
            ClusterError: the API server cannot say.
        """
        spec = {"token": token, "audiences": [self._audience]}
        status = await self._ask(TOKEN_REVIEW, spec)
        # An API server that knows no audiences leaves them out: then nobody checked ours.
        if not status.get("authenticated") or self._audience not in (status.get("audiences") or ()):
            return None
        user = status.get("user") or {}
        return Identity(
            str(user.get("username", "")),
            str(user.get("uid", "")),
            tuple(user.get("groups") or ()),
            user.get("extra") or {},
        )

    async def may(self, who: Identity, verb: str, namespace: str) -> bool:
        """Whether it has the verb on the FeatureFlags of a namespace; ``""``: of all.

        Raises:
            ClusterError: the API server cannot say.
        """
        wanted = {"group": GROUP, "resource": "featureflags", "verb": verb, "namespace": namespace}
        spec = {"user": who.user, "uid": who.uid, "groups": list(who.groups), "extra": dict(who.extra)}
        status = await self._ask(ACCESS_REVIEW, {**spec, "resourceAttributes": wanted})
        return bool(status.get("allowed")) and not status.get("denied")

    async def _ask(self, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            made = await self._client.create(kind, {"metadata": {}, "spec": dict(spec)})
        except Invalid as error:
            # The API server's sentence may quote what was sent.
            raise ClusterError(f"{kind} was refused as invalid", status=error.status) from None
        status = made.get("status")
        if not isinstance(status, Mapping):
            raise ClusterError(f"{kind} was answered without a status")
        return status
