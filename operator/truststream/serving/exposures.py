"""`/v1/exposures`: applications tell who saw what; what is acknowledged is on disk."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from truststream.errors import StoreError, StoreFull
from truststream.serving.base import SELECTOR_HEADER, Catalog, Credentials, Gate, Refused, Scope
from truststream.serving.exposures_told import Rejected, Told, checked, read_items
from truststream.store.base import Acknowledged, Exposure, Intake

_NO_STORE: Final = "this server keeps no exposures: set server.store in the operator's configuration"
_MAX_NAMESPACES: Final = 10
_BEARER: Final = "bearer "


def routes(catalog: Catalog, gate: Gate, sink: Intake | None, *, clock: Callable[[], float] = time.time) -> list[Route]:
    """`POST /v1/exposures` and `GET /v1/exposures/{flag}`; without a sink both say why there is nothing."""
    ours = _Exposures(catalog, gate, sink, clock)
    return [
        Route("/v1/exposures", _answering(ours.take), methods=["POST"]),
        Route("/v1/exposures/{flag:path}", _answering(ours.count), methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True)
class _Exposures:
    catalog: Catalog
    gate: Gate
    sink: Intake | None
    clock: Callable[[], float]

    async def take(self, request: Request) -> Response:
        """All that can be kept is on disk before the answer; each of the others is answered with its reason."""
        sink = self._sink()
        items = read_items(await request.body(), request.headers.get("content-type", ""))
        scopes, rejected = await self._scopes(request, [item for item in items if isinstance(item, Told)])
        rejected += [item for item in items if isinstance(item, Rejected)]
        allowed = [item for item in items if isinstance(item, Told) and item.namespace in scopes]
        verdicts = [self._checked(item, scopes[item.namespace], sink.retention) for item in allowed]
        rejected += [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
        exposures = [verdict for verdict in verdicts if isinstance(verdict, Exposure)]
        return _told(await _record(sink, exposures), rejected)

    async def count(self, request: Request) -> Response:
        """Units by variant, as far as the database has them."""
        sink, flag = self._sink(), str(request.path_params["flag"])
        _, scope = await self.gate.admit(_credentials(request), request.headers.get(SELECTOR_HEADER, ""))
        try:
            variants = await sink.count_exposures(scope.namespace, flag)
        except StoreError as error:
            raise Refused(503, str(error), retry_after=error.retry_after) from error
        return _json(200, {"namespace": scope.namespace, "flag": flag, "variants": variants, "waiting": sink.waiting})

    def _sink(self) -> Intake:
        if self.sink is None:
            raise Refused(404, _NO_STORE)
        return self.sink

    def _checked(self, item: Told, scope: Scope, oldest: float) -> Exposure | Rejected:
        where = Scope(scope.namespace, scope.environment if item.environment is None else item.environment)
        return checked(item, where, self.catalog.flags(where).flags.get(item.flag), self.clock(), oldest)

    async def _scopes(self, request: Request, items: Sequence[Told]) -> tuple[dict[str, Scope], list[Rejected]]:
        """The scope of each namespace that items name (empty: the request's own)."""
        groups = dict[str, list[Told]]()
        for item in items:
            groups.setdefault(item.namespace, []).append(item)
        if len(groups) > _MAX_NAMESPACES:
            raise Refused(400, f"exposures of at most {_MAX_NAMESPACES} namespaces fit into one request")
        scopes, rejected = dict[str, Scope](), list[Rejected]()
        for namespace, group in groups.items() or {"": []}.items():
            selector = f"flagSetId={namespace}" if namespace else request.headers.get(SELECTOR_HEADER, "")
            try:
                _, scopes[namespace] = await self.gate.admit(_credentials(request), selector, cost=max(1, len(group)))
            except Refused as refused:
                if len(groups) < 2 or refused.status not in (400, 403):
                    raise
                rejected += [Rejected(item.index, "NotAllowed", str(refused)) for item in group]
        return scopes, rejected


async def _record(sink: Intake, exposures: Sequence[Exposure]) -> Acknowledged:
    if not exposures:
        return Acknowledged(0, 0)
    try:
        return await sink.record(exposures)
    except StoreFull as full:
        raise Refused(429, str(full), retry_after=full.retry_after) from full
    except StoreError as error:
        raise Refused(503, str(error), retry_after=error.retry_after) from error


def _told(acknowledged: Acknowledged, rejected: Sequence[Rejected]) -> Response:
    """400 only when something was sent and nothing of it could be taken."""
    taken = acknowledged.accepted + acknowledged.duplicates
    return _json(
        400 if rejected and not taken else 200,
        {
            "accepted": acknowledged.accepted,
            "duplicates": acknowledged.duplicates,
            "rejected": [
                {"index": item.index, "reason": item.reason, "message": item.message}
                for item in sorted(rejected, key=lambda one: one.index)
            ],
        },
    )


def _credentials(request: Request) -> Credentials:
    authorization = request.headers.get("authorization", "")
    bearer = authorization[len(_BEARER) :].strip() if authorization[: len(_BEARER)].lower() == _BEARER else ""
    return Credentials(bearer=bearer, api_key=request.headers.get("x-api-key", ""))


def _answering(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """What is refused becomes an answer with a sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            wait = {"Retry-After": str(max(1, round(refused.retry_after)))} if refused.status in (429, 503) else {}
            return _json(refused.status, {"errorDetails": str(refused)}, wait)

    return answer


def _json(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")
