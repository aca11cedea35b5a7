"""Methods of ours as a service of grpc's, by the descriptor: names and message types come from the `.proto` alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from truststream.errors import ServingError
from truststream.serving.rpc.access import Servicer, abort

Unary = Callable[[Any, Servicer, type[Message]], Awaitable[Message | bytes]]
"""Of request, call and the class of the answer; raises ServingError. Bytes are an answer that is serialised already."""
Stream = Callable[[Any, Servicer, type[Message]], AsyncGenerator[Message | bytes, None]]
"""The same for many answers."""
Methods = Mapping[str, Unary | Stream]
"""By name."""

_UNREADABLE: Final = object()


def service(descriptor: ServiceDescriptor, methods: Methods) -> grpc.GenericRpcHandler:
    """The handler of every method that the descriptor names."""
    handlers = {method.name: _handler(method, methods[method.name]) for method in descriptor.methods}
    return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)


def _handler(method: MethodDescriptor, behaviour: Any) -> grpc.RpcMethodHandler[Any, Any]:
    answer, name = GetMessageClass(method.output_type), method.input_type.full_name
    reader = _reader(GetMessageClass(method.input_type))
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(_stream(behaviour, answer, name), reader, _written)
    return grpc.unary_unary_rpc_method_handler(_unary(behaviour, answer, name), reader, _written)


def _reader(message: type[Message]) -> Callable[[bytes], Any]:
    """Bytes that are no such message are the caller's mistake: grpc itself would log a traceback of ours."""

    def read(data: bytes) -> Any:
        try:
            return message.FromString(data)
        except DecodeError:
            return _UNREADABLE

    return read


def _written(answer: Message | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


async def _readable(request: Any, context: Servicer, name: str) -> None:
    if request is _UNREADABLE:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the request is no {name} message")


def _unary(behaviour: Unary, answer: type[Message], name: str) -> Any:
    async def call(request: Any, context: Servicer) -> Message | bytes:
        await _readable(request, context, name)
        try:
            return await behaviour(request, context, answer)
        except ServingError as failure:
            await abort(context, failure)

    return call


def _stream(behaviour: Stream, answer: type[Message], name: str) -> Any:
    async def call(request: Any, context: Servicer) -> AsyncIterator[Message | bytes]:
        await _readable(request, context, name)
        try:
            async with aclosing(behaviour(request, context, answer)) as answers:
                async for one in answers:
                    yield one
        except ServingError as failure:
            await abort(context, failure)

    return call
