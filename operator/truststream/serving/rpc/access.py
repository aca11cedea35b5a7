"""Who calls over gRPC, for which flags, and how a refusal looks there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

import grpc

from truststream.errors import ServingError
from truststream.serving.base import SELECTOR_HEADER, Caller, Catalog, Credentials, Gate, Refused, Scope

_READ: Final = frozenset(("authorization", "x-api-key", SELECTOR_HEADER, "user-agent"))
_RETRY_AFTER: Final = "retry-after"  # seconds, in the trailing metadata
_STATUS: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class Servicer(Protocol):
    """What of grpc's context we use."""

    def invocation_metadata(self) -> Any:
        """Pairs of key and value; None without any."""

    def peer(self) -> str:
        """Address and port of the connection."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """End the call."""


class RpcFailure(ServingError):
    """A call that ends with a status of gRPC's own, as FLAG_NOT_FOUND does."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Headers:
    """What a call's metadata says of the caller."""

    credentials: Credentials
    selector: str
    user_agent: str
    peer: str

    @property
    def anonymous(self) -> bool:
        """Without credentials."""
        return self.credentials == Credentials()

    @property
    def nameless(self) -> bool:
        """Neither who nor what: as Node's provider opens its event stream."""
        return self.anonymous and not self.selector


def headers_of(context: Servicer) -> Headers:
    """Of a call; unknown keys and binary values are ignored.

    Raises:
        Refused: 400 a key that counts came twice; 401 an authorization that is no bearer token.
    """
    found: dict[str, str] = {}
    for key, value in context.invocation_metadata() or ():
        if key in _READ and isinstance(value, str):
            if key in found:
                raise Refused(400, f"the metadata key {key} came twice; send it once")
            found[key] = value.strip()
    return Headers(
        credentials=Credentials(bearer=_bearer(found.get("authorization", "")), api_key=found.get("x-api-key", "")),
        selector=found.get(SELECTOR_HEADER, ""),
        user_agent=found.get("user-agent", ""),
        peer=context.peer(),
    )


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if authorization and (scheme.lower() != "bearer" or not token.strip()):
        raise Refused(401, "authorization: only `Bearer <token>` is taken")
    return token.strip()


@dataclass(frozen=True, slots=True)
class Door:
    """The gate, for gRPC's headers; closed until the flags were listed once."""

    gate: Gate
    catalog: Catalog

    async def admit(self, headers: Headers, selector: str = "") -> tuple[Caller, Scope]:
        """Who calls and whose flags; `selector` is the request's own field, which the header beats.

        Raises:
            Refused: as Gate.admit; 503 while no flags are known, for an empty answer would be taken for the truth.
        """
        if not self.catalog.ready:
            raise Refused(503, "the flags are not loaded yet; try again in a moment", retry_after=1.0)
        return await self.gate.admit(headers.credentials, headers.selector or selector.strip())


async def abort(context: Servicer, failure: ServingError) -> NoReturn:
    """End the call with the failure's status and sentence."""
    code = _code(failure)
    trailing = (
        ((_RETRY_AFTER, f"{failure.retry_after:.0f}"),) if isinstance(failure, Refused) and code in _LATER else ()
    )
    await context.abort(code, str(failure), trailing)


_LATER: Final = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)


def _code(failure: ServingError) -> grpc.StatusCode:
    if isinstance(failure, RpcFailure):
        return failure.code
    if isinstance(failure, Refused):
        return _STATUS.get(failure.status, grpc.StatusCode.UNKNOWN)
    return grpc.StatusCode.UNAVAILABLE
