"""`/v1/exposures`: applications tell who saw what; what is acknowledged is on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from truststream.errors import StoreError, StoreFull
from truststream.serving.base import Catalog, Gate, Refused, Scope
from truststream.serving.http import messages
from truststream.serving.http.exposures_told import Rejected, Told, checked, read_items
from truststream.store.base import Acknowledged, Exposure, Intake

_NO_STORE: Final = "this server keeps no exposures: set server.store in the operator's configuration"
_MAX_NAMESPACES: Final = 10


def routes(
    catalog: Catalog,
    gate: Gate,
    sink: Intake | None,
    registry: CollectorRegistry | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> list[Route]:
    """`POST /v1/exposures` and `GET /v1/exposures/{flag}`; without a sink both say why there is nothing.

    They raise Refused, which the application answers.
    """
    told = Counter(
        "truststream_exposures_told",
        "Exposures that applications sent: accepted, duplicate or why they were rejected.",
        ("outcome",),
        registry=registry or CollectorRegistry(),
    )
    ours = _Exposures(catalog, gate, sink, told, clock)
    return [
        Route("/v1/exposures", ours.take, methods=["POST"]),
        Route("/v1/exposures/{flag:path}", ours.count, methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True)
class _Exposures:
    catalog: Catalog
    gate: Gate
    sink: Intake | None
    told: Counter
    clock: Callable[[], float]

    async def take(self, request: Request) -> Response:
        """All that can be kept is on disk before the answer; each of the others is answered with its reason."""
        sink = self._sink()
        asked = messages.read_headers(request.scope["headers"])
        items = read_items(await request.body(), request.headers.get("content-type", ""))
        scopes, rejected = await self._scopes(asked, [item for item in items if isinstance(item, Told)])
        rejected += [item for item in items if isinstance(item, Rejected)]
        allowed = [item for item in items if isinstance(item, Told) and item.namespace in scopes]
        verdicts = [self._checked(item, scopes[item.namespace], sink.retention) for item in allowed]
        rejected += [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
        exposures = [verdict for verdict in verdicts if isinstance(verdict, Exposure)]
        acknowledged = await _record(sink, exposures)
        self._count(acknowledged, rejected)
        return _told(acknowledged, rejected)

    async def count(self, request: Request) -> Response:
        """Units by variant, as far as the database has them."""
        sink, flag = self._sink(), str(request.path_params["flag"])
        asked = messages.read_headers(request.scope["headers"])
        _, scope = await self.gate.admit(asked.credentials, asked.selector)
        try:
            variants = await sink.count_exposures(scope.namespace, flag)
        except StoreError as error:
            raise Refused(503, str(error), retry_after=error.retry_after) from error
        return _json(200, {"namespace": scope.namespace, "flag": flag, "variants": variants, "waiting": sink.waiting})

    def _count(self, acknowledged: Acknowledged, rejected: Sequence[Rejected]) -> None:
        self.told.labels("accepted").inc(acknowledged.accepted)
        self.told.labels("duplicate").inc(acknowledged.duplicates)
        for item in rejected:
            self.told.labels(item.reason).inc()

    def _sink(self) -> Intake:
        if self.sink is None:
            raise Refused(404, _NO_STORE)
        return self.sink

    def _checked(self, item: Told, scope: Scope, oldest: float) -> Exposure | Rejected:
        where = Scope(scope.namespace, scope.environment if item.environment is None else item.environment)
        return checked(item, where, self.catalog.flags(where).flags.get(item.flag), self.clock(), oldest)

    async def _scopes(self, asked: messages.Asked, items: Sequence[Told]) -> tuple[dict[str, Scope], list[Rejected]]:
        """The scope of each namespace that items name (empty: the request's own)."""
        groups = dict[str, list[Told]]()
        for item in items:
            groups.setdefault(item.namespace, []).append(item)
        if len(groups) > _MAX_NAMESPACES:
            raise Refused(400, f"exposures of at most {_MAX_NAMESPACES} namespaces fit into one request")
        scopes, rejected = dict[str, Scope](), list[Rejected]()
        for namespace, group in groups.items() or {"": []}.items():
            selector = f"flagSetId={namespace}" if namespace else asked.selector
            try:
                _, scopes[namespace] = await self.gate.admit(asked.credentials, selector, cost=max(1, len(group)))
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


def _json(status: int, body: object) -> Response:
    return Response(messages.encode(body), status, media_type="application/json")
