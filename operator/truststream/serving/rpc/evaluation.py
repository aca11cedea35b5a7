"""flagd.evaluation v1 and v2: one flag a call, or all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from truststream.flags.evaluation import ErrorCode, Evaluation
from truststream.flags.flagset import CompiledFlag, FlagSet
from truststream.serving.base import Catalog, Recorder, Scope
from truststream.serving.protocol.evaluation_v1_pb2 import AnyFlag, ResolveAllRequest, ResolveAllResponse
from truststream.serving.rpc.access import Door, Headers, RpcFailure, Servicer, headers_of
from truststream.serving.rpc.events import Events
from truststream.serving.rpc.service import Unary
from truststream.serving.rpc.values import CONVERT, MismatchError, any_flag, context_of

_STATUS: Final = {
    ErrorCode.FLAG_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorCode.TYPE_MISMATCH: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.TARGETING_KEY_MISSING: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.INVALID_CONTEXT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.PARSE_ERROR: grpc.StatusCode.DATA_LOSS,
    ErrorCode.PROVIDER_NOT_READY: grpc.StatusCode.UNAVAILABLE,
    ErrorCode.GENERAL: grpc.StatusCode.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Resolver:
    """Evaluates for applications; every answer carries value and variant, a disabled flag's default too."""

    catalog: Catalog
    door: Door
    recorder: Recorder
    events: Events

    def methods(self) -> dict[str, Unary]:
        """By name; v2 has all of them but ResolveAll."""
        return {"ResolveAll": self.resolve_all, **{name: self._resolving(name) for name in CONVERT}}

    def _resolving(self, method: str) -> Unary:
        convert = CONVERT[method]

        async def resolve(request: Any, context: Servicer, answer: type[Message]) -> Message:
            scope, flags = await self._flags(headers_of(context))
            asked = _context(request.context)
            evaluation = flags.evaluate(request.flag_key, asked, time.time())
            if evaluation.error is not None:
                raise RpcFailure(_STATUS[evaluation.error], f"{evaluation.error}: {evaluation.message}")
            try:
                value = convert(evaluation.value)
            except MismatchError as error:
                raise _mismatch(evaluation, error) from error
            flag = flags.flags[request.flag_key]
            self.recorder.evaluated(scope, flag, evaluation, asked)
            return answer(value=value, **_told(evaluation, flag, scope))

        return resolve

    async def _flags(self, headers: Headers) -> tuple[Scope, FlagSet]:
        _, scope = await self.door.admit(headers)
        if headers.anonymous:
            self.events.asked(headers.peer, scope)  # before the flags are read, so that no change is missed
        return scope, self.catalog.flags(scope)

    async def resolve_all(self, request: ResolveAllRequest, context: Servicer, _answer: type[Message]) -> Message:
        """Every flag of the set (v1 only); one whose value gRPC cannot carry without loss is left out."""
        scope, flags = await self._flags(headers_of(context))
        evaluations = {one.key: one for one in flags.evaluate_all(_context(request.context), time.time())}
        self.recorder.listed(scope, evaluations)
        told = {key: _any(one, flags.flags[key], scope) for key, one in evaluations.items() if one.error is None}
        about = {"flagSetId": scope.namespace, "environment": scope.environment, "version": flags.version}
        return ResolveAllResponse(flags={key: one for key, one in told.items() if one}, metadata=_struct(about))


def _context(message: Struct) -> dict[str, Any]:
    try:
        return context_of(message)
    except ValueError as error:
        raise RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, f"{ErrorCode.INVALID_CONTEXT}: {error}") from error


def _mismatch(evaluation: Evaluation, error: MismatchError) -> RpcFailure:
    what = f"{ErrorCode.TYPE_MISMATCH}: the value of flag {evaluation.key!r} {error}"
    return RpcFailure(_STATUS[ErrorCode.TYPE_MISMATCH], what)


def _any(evaluation: Evaluation, flag: CompiledFlag, scope: Scope) -> AnyFlag | None:
    try:
        return AnyFlag(**any_flag(evaluation.value), **_told(evaluation, flag, scope))
    except MismatchError:
        return None


def _told(evaluation: Evaluation, flag: CompiledFlag, scope: Scope) -> dict[str, Any]:
    about = {**flag.metadata, "flagSetId": scope.namespace, "version": flag.digest}
    if scope.environment:
        about["environment"] = scope.environment
    return {"reason": evaluation.reason.value, "variant": evaluation.variant, "metadata": _struct(about)}


def _struct(values: Mapping[str, Any]) -> Struct:
    message = Struct()
    message.update(dict(values))
    return message
