"""OFREP: one flag, or all of a scope, for a context. The hot path: plain ASGI, no router in front."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Receive, Send
from starlette.types import Scope as Request

from truststream.flags.evaluation import Context, ErrorCode, Evaluation
from truststream.flags.flagset import CompiledFlag, FlagSet, not_found
from truststream.serving.base import Catalog, Gate, Recorder, Refused, Scope
from truststream.serving.http import messages
from truststream.serving.http.etags import etag_of, matches

PREFIX: Final = "/ofrep/v1/evaluate/flags"

Streams = Callable[[Scope], Sequence[Mapping[str, Any]]]
"""Where changes of a scope are told: `eventStreams` of a bulk answer."""


@dataclass(frozen=True, slots=True)
class Ofrep:
    """Both endpoints. `body_limit` in bytes."""

    catalog: Catalog
    gate: Gate
    recorder: Recorder
    streams: Streams
    body_limit: int
    clock: Callable[[], float] = time.time

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """A POST below `PREFIX`; others get 405."""
        key = request["path"][len(PREFIX) + 1 :]
        if request["method"] != "POST":
            return await _not_post(request, send)
        try:
            asked = messages.read_headers(request["headers"])
            _, scope = await self.gate.admit(asked.credentials, asked.selector)
            body = await messages.read_body(receive, self.body_limit, asked.length)
            document = messages.read_object(body)
            if key:
                return await self._one(key, scope, messages.context_of(document), send)
            return await self._all(scope, document, asked.if_none_match, send)
        except Refused as refused:
            body = messages.refusal_body(refused, key or None)
            return await messages.answer(send, refused.status, body, messages.refusal_headers(refused))
        except messages.Gone:
            return None

    async def _one(self, key: str, scope: Scope, context: Context, send: Send) -> None:
        flag = self.catalog.flags(scope).flags.get(key)
        if flag is None:
            evaluation = not_found(key, scope.namespace)
        else:
            evaluation = flag.decide(context, self.clock())
            self.recorder.evaluated(scope, flag, evaluation, context)
        await messages.answer(send, _STATUS.get(evaluation.error, 400), messages.encode(told(evaluation, flag, scope)))

    async def _all(self, scope: Scope, document: Mapping[str, Any], if_none_match: str, send: Send) -> None:
        flags = self.catalog.flags(scope)
        evaluations = evaluate(flags, messages.context_of(document), messages.names_of(document), self.clock())
        self.recorder.listed(scope, {one.key: one for one in evaluations if one.error is None})
        body = messages.encode(
            {
                "flags": [told(one, flags.flags.get(one.key), scope) for one in evaluations],
                "metadata": scope_metadata(scope),
                "eventStreams": self.streams(scope),
            }
        )
        etag = etag_of(body)
        headers = [(b"etag", etag.encode()), (b"cache-control", b"no-cache")]
        if if_none_match and matches(if_none_match, etag):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await messages.answer(send, 200, body, headers)


def evaluate(flags: FlagSet, context: Context, keys: Sequence[str] | None, now: float) -> list[Evaluation]:
    """Those keys, or all; a key that nothing has is an error among the others."""
    if keys is None:
        return flags.evaluate_all(context, now)
    return [flags.evaluate(key, context, now) for key in keys]


_STATUS: Final[dict[ErrorCode | None, int]] = {None: 200, ErrorCode.FLAG_NOT_FOUND: 404}


def told(evaluation: Evaluation, flag: CompiledFlag | None, scope: Scope) -> dict[str, Any]:
    """As OFREP spells an evaluation: `variant` and `value` always with success, `errorDetails` always without."""
    if evaluation.error is not None or flag is None:
        code = (evaluation.error or ErrorCode.GENERAL).value
        return {"key": evaluation.key, "errorCode": code, "errorDetails": evaluation.message}
    metadata = flag.metadata
    if scope.environment and "environment" not in metadata:  # one that no flag names has the flags of the spec
        metadata = {**metadata, "environment": scope.environment}
    return {
        "key": evaluation.key,
        "value": evaluation.value,
        "variant": evaluation.variant,
        "reason": evaluation.reason.value,
        "metadata": metadata,
    }


def scope_metadata(scope: Scope) -> dict[str, str]:
    """Of a whole flag set."""
    found = {"flagSetId": scope.namespace}
    return {**found, "environment": scope.environment} if scope.environment else found


async def _not_post(request: Request, send: Send) -> None:
    allow = [(b"allow", b"OPTIONS, POST")]
    if request["method"] == "OPTIONS":
        await send({"type": "http.response.start", "status": 204, "headers": allow})
        await send({"type": "http.response.body", "body": b""})
    else:
        await messages.answer(
            send, 405, messages.refusal_body(Refused(405, "evaluations are asked for by POST")), allow
        )
