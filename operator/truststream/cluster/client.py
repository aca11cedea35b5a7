"""Requests to the API server: dicts in, dicts out, for every kind in `kinds`, each answer or error in our own words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from truststream.api.names import FIELD_MANAGER
from truststream.cluster.connection import Connection
from truststream.cluster.kinds import Kind, Manifest, kind_of
from truststream.errors import ClusterError, Conflict, Forbidden, Invalid, Missing, Unavailable

TIMEOUT: Final = 10.0
_JSON: Final = "application/json"
_JSON_PATCH: Final = "application/json-patch+json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"
_DOCUMENTS: Final = "application/json, application/jwk-set+json"  # the API server gives its keys as no other type


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    kind: Kind
    namespace: str | None
    name: str | None = None
    subresource: str | None = None
    query: Mapping[str, str] | None = None
    body: Any = None
    content: str = _JSON
    accept: str = _JSON

    @property
    def path(self) -> str:
        return self.kind.path(self.namespace, self.name, self.subresource)

    @property
    def counted_as(self) -> str:
        return f"{self.kind.name}/{self.subresource}" if self.subresource else self.kind.name

    def __str__(self) -> str:
        return f"{self.method} {self.counted_as} {self.namespace + '/' if self.namespace else ''}{self.name or ''}"


@dataclass(frozen=True, slots=True)
class _Document:
    path: str
    method: str = "GET"
    query: Mapping[str, str] | None = None
    body: Any = None
    content: str = _JSON
    accept: str = _DOCUMENTS

    @property
    def counted_as(self) -> str:
        return self.path

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Counted = Callable[[str, str, str], None]
"""Told of every request: verb, kind, outcome (``ok`` or the error's class)."""


class Client:
    """Thin; knows no cache and retries nothing: who calls decides what a failure means."""

    def __init__(self, connection: Connection, counted: Counted | None = None, timeout: float = TIMEOUT) -> None:
        self._api = connection.api_client()
        self._counted = counted or (lambda _verb, _kind, _outcome: None)
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(5.0, timeout))

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """One object."""
        return await self._call("GET", kind_of(kind), namespace, name)

    async def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> Sequence[Manifest]:
        """All of a namespace, or of the cluster, whose labels match the selector."""
        query = {"labelSelector": labels} if labels else {}
        found = await self._call("GET", kind_of(kind), namespace, query=query)
        return list(found.get("items") or ())

    async def document(self, path: str) -> Manifest:
        """What is at a path and no object, such as ``/openid/v1/jwks``."""
        return await self._ask(_Document(path))

    async def apply(self, kind: str, manifest: Mapping[str, Any], *, manager: str = FIELD_MANAGER) -> Manifest:
        """Server-side apply, forced: only for what is ours, object or field."""
        meta = manifest["metadata"]
        query = {"fieldManager": manager, "force": "true"}
        body = {"apiVersion": kind_of(kind).api_version, "kind": kind, **manifest}
        return await self._call(
            "PATCH", kind_of(kind), meta.get("namespace"), meta["name"], query=query, body=body, content=_APPLY
        )

    async def json_patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        ops: Sequence[Mapping[str, Any]],
        *,
        subresource: str | None = None,
    ) -> Manifest:
        """RFC 6902, of the object or one of its subresources; a `test` that does not hold is a Conflict."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._call(
            "PATCH", kind_of(kind), namespace, name, subresource, query=query, body=list(ops), content=_JSON_PATCH
        )

    async def merge_patch(
        self, kind: str, namespace: str, name: str, patch: Mapping[str, Any], *, subresource: str | None = None
    ) -> Manifest:
        """RFC 7386, of the object or one of its subresources."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._call(
            "PATCH", kind_of(kind), namespace, name, subresource, query=query, body=dict(patch), content=_MERGE_PATCH
        )

    async def create(self, kind: str, manifest: Mapping[str, Any]) -> Manifest:
        """A new object."""
        body = {"apiVersion": kind_of(kind).api_version, "kind": kind, **manifest}
        return await self._call("POST", kind_of(kind), manifest["metadata"].get("namespace"), body=body)

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> Manifest:
        """In the foreground, and only that very object."""
        body = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        return await self._call("DELETE", kind_of(kind), namespace, name, body=body)

    async def _call(self, *args: Any, **kwargs: Any) -> Manifest:
        return await self._ask(_Request(*args, **kwargs))

    async def _ask(self, request: _Request | _Document) -> Manifest:
        outcome = "ok"
        try:
            return await self._send(request)
        except ClusterError as error:
            outcome = type(error).__name__
            raise type(error)(f"{request}: {error}", status=error.status, retry_after=error.retry_after) from None
        finally:
            self._counted(request.method, request.counted_as, outcome)

    async def _send(self, request: _Request | _Document) -> Manifest:
        sent = await self._api.param_serialize(
            request.method,
            request.path,
            query_params=list((request.query or {}).items()),
            header_params={"Content-Type": request.content, "Accept": request.accept},
            body=request.body,
        )
        try:
            answer = await self._api.call_api(*sent, _request_timeout=self._timeout)
            text = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"no answer: {type(error).__name__} {error}".rstrip(), retry_after=1.0) from error
        document = _parse(text)
        if not 200 <= answer.status < 300:
            raise refusal(answer.status, document, answer.headers.get("Retry-After"))
        return document


def _parse(text: bytes) -> Manifest:
    try:
        document = json.loads(text)
    except ValueError:
        return {"message": text[:300].decode(errors="replace")}
    return document if isinstance(document, dict) else {"message": str(document)[:300]}


_CONFLICT_OVER: Final = 0.2
_BY_STATUS: Final[dict[int, type[ClusterError]]] = {
    404: Missing,
    410: Missing,
    401: Forbidden,
    403: Forbidden,
    409: Conflict,
    400: Invalid,
    415: Invalid,
    422: Invalid,
}


def refusal(status: int, document: Mapping[str, Any], retry_after: str | None = None) -> ClusterError:
    """The error for an answer that is none."""
    details = document.get("details") or {}
    causes = details.get("causes") or ()
    message = str(document.get("message") or document.get("reason") or f"HTTP {status}")
    # A JSON patch that cannot be carried out is answered like an invalid object, but without the object's name: a
    # `test` that failed, or a path that is gone. Both mean that the object is not what we knew.
    unpatchable = [str(cause["message"]) for cause in causes if cause.get("reason") == "UnexpectedServerResponse"]
    error = _BY_STATUS.get(status, Unavailable)
    if status == 422 and (unpatchable or not details.get("name")):
        error, message = Conflict, "; ".join(unpatchable) or message
    usual = _CONFLICT_OVER if error is Conflict else 1.0  # the newer object is on its way by watch
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else usual
    return error(message, status=status, retry_after=seconds)
