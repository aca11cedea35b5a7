"""The HTTP side of the server as one ASGI application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from truststream.api.serverconfiguration import ServerConfiguration
from truststream.serving.access.gate import ServerGate
from truststream.serving.base import Refused
from truststream.serving.catalog import FlagCatalog
from truststream.serving.http import events, messages, ofrep
from truststream.serving.http.batch import Batch
from truststream.serving.recorder import FlagRecorder

REPORT: Final = "report"
"""The verb, on the FeatureFlags of all namespaces, of who may read usage."""
CLEAR: Final = "clear"
"""The verb of who may clear caches."""

_HEADERS: Final = ("Authorization", "X-API-Key", "Flagd-Selector", "If-None-Match", "Last-Event-ID", "Content-Type")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application answers from."""

    configuration: ServerConfiguration
    catalog: FlagCatalog
    gate: ServerGate
    recorder: FlagRecorder
    streams: events.EventStreams


def make_app(parts: Parts, more: Sequence[BaseRoute] = ()) -> tuple[Front, ASGIApp]:
    """Everything on the HTTP port: what counts requests, and the whole; `more` are routes of other parts."""
    limits = parts.configuration.limits
    hot = ofrep.Ofrep(parts.catalog, parts.gate, parts.recorder, parts.streams.urls, limits.body)
    others = Starlette(
        routes=[*_routes(parts), *more],
        exception_handlers={
            Refused: _refused,
            HTTPException: _no_route,
            ClientDisconnect: _gone,
            messages.Gone: _gone,
        },
    )
    others.router.redirect_slashes = False  # a redirect would repeat the Host header, which anybody may choose
    front = Front(hot, parts.streams, _bounded(others, limits.body), limits.concurrent_requests)
    app: ASGIApp = front
    if origins := parts.configuration.origins:
        app = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=_HEADERS,
            expose_headers=("ETag", "Retry-After"),
            max_age=3600,
        )
    return front, app


class Front:
    """Counts answers, bounds how many are made at the same time, and takes the hot paths before any router."""

    def __init__(self, hot: ASGIApp, streams: ASGIApp, others: ASGIApp, limit: int) -> None:
        self._hot = hot
        self._streams = streams
        self._others = others
        self._limit = limit
        self.running = 0
        self.answers: Counter[int] = Counter()  # by status

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """One request."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answers[message["status"]] += 1
            await send(message)

        await self._answer(scope, receive, counted)

    async def _answer(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == events.PATH and scope["method"] == "GET":
            return await self._streams(scope, receive, send)
        if self.running >= self._limit:
            full = Refused(429, "too many requests are being answered; ask again", retry_after=1.0)
            return await messages.answer(send, full.status, messages.refusal_body(full), messages.refusal_headers(full))
        self.running += 1
        try:
            if path.startswith(ofrep.PREFIX) and path[len(ofrep.PREFIX) :][:1] in ("", "/"):
                return await self._hot(scope, receive, send)
            return await self._others(scope, receive, send)
        finally:
            self.running -= 1


def _bounded(app: ASGIApp, limit: int) -> ASGIApp:
    """Refuses bodies beyond the limit while they are read."""

    async def bounded(scope: AsgiScope, receive: Receive, send: Send) -> None:
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise messages.too_large(limit)
            return message

        await app(scope, limited, send)

    return bounded


def _routes(parts: Parts) -> list[BaseRoute]:
    document = files("truststream.serving.http").joinpath("openapi.yaml").read_bytes()

    async def openapi(_request: Request) -> Response:
        return Response(document, media_type="application/yaml")

    async def clear(request: Request) -> Response:
        await _permitted(parts, request, CLEAR)
        parts.gate.clear()
        parts.catalog.announce()
        return _json({"cleared": True})

    async def usage(request: Request) -> Response:
        await _permitted(parts, request, REPORT)
        return _json(parts.recorder.tallies.usage())

    return [
        Route("/openapi.yaml", openapi, methods=["GET"]),
        Route("/v1/evaluate", Batch(parts.catalog, parts.gate, parts.recorder).answer, methods=["POST"]),
        Route("/v1/cache/clear", clear, methods=["POST"]),
        Route("/v1/usage", usage, methods=["GET"]),
        Route(events.PATH, _OnlyGet()),
    ]


class _OnlyGet:
    """A path that is taken before the router when it is asked for with GET."""

    async def __call__(self, _scope: AsgiScope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(405, headers={"Allow": "GET"})


async def _permitted(parts: Parts, request: Request, verb: str) -> None:
    await parts.gate.permit(messages.read_headers(request.scope["headers"]).credentials, verb)


def _json(document: Any) -> Response:
    return Response(messages.encode(document), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {name.decode(): value.decode() for name, value in messages.refusal_headers(error)}
    return Response(messages.refusal_body(error), error.status, headers, "application/json")


_SENTENCES: Final = {
    404: "there is nothing at this path; /openapi.yaml says what there is",
    405: "this method is not for this path; the header Allow says what is",
}


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted({*headers["Allow"].split(", "), "OPTIONS"}))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    body = messages.refusal_body(Refused(error.status_code, _SENTENCES.get(error.status_code, error.detail)))
    return Response(body, error.status_code, headers, "application/json")


async def _gone(_request: Request, _error: Exception) -> Response:
    """Nobody reads it."""
    return Response(status_code=400)
