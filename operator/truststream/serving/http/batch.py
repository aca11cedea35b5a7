"""`POST /v1/evaluate`: many contexts and flags in one request, for jobs and back ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from truststream.flags.evaluation import Context, ErrorCode
from truststream.flags.flagset import FlagSet
from truststream.serving.base import Catalog, Gate, Recorder, Scope
from truststream.serving.http import messages
from truststream.serving.http.ofrep import evaluate, scope_metadata, told

LARGEST: Final = 1000
"""Evaluations in one request."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The endpoint."""

    catalog: Catalog
    gate: Gate
    recorder: Recorder
    clock: Callable[[], float] = time.time

    async def answer(self, request: Request) -> Response:
        """`{"contexts": […], "flags": […]}` gives `{"results": [{"flags": […]}]}`, one result a context."""
        asked = messages.read_headers(request.scope["headers"])
        _, scope = await self.gate.admit(asked.credentials, asked.selector)
        document = messages.read_object(await request.body())
        contexts, keys = _contexts(document), messages.names_of(document)
        flags = self.catalog.flags(scope)
        count = len(contexts) * len(flags.flags if keys is None else keys)
        if count > LARGEST:
            raise messages.Malformed(
                ErrorCode.GENERAL, f"{count} evaluations are more than {LARGEST}; name the flags, or send less contexts"
            )
        if count > 1:  # one is paid already
            await self.gate.admit(asked.credentials, asked.selector, cost=count - 1)
        results = [{"flags": self._evaluated(scope, flags, context, keys)} for context in contexts]
        body = messages.encode({"results": results, "metadata": scope_metadata(scope)})
        return Response(body, media_type="application/json")

    def _evaluated(
        self, scope: Scope, flags: FlagSet, context: Context, keys: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        answers = []
        for evaluation in evaluate(flags, context, keys, self.clock()):
            flag = flags.flags.get(evaluation.key)
            if flag is not None:
                self.recorder.evaluated(scope, flag, evaluation, context)
            answers.append(told(evaluation, flag, scope))
        return answers


def _contexts(document: Mapping[str, Any]) -> list[Context]:
    contexts = document.get("contexts")
    if not isinstance(contexts, list) or not all(isinstance(one, dict) for one in contexts):
        raise messages.Malformed(
            ErrorCode.INVALID_CONTEXT, 'contexts must be a list of objects, as in {"contexts": [{"targetingKey": "…"}]}'
        )
    return contexts
