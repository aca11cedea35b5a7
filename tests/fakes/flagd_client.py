"""A client of flagd's three services, for tests: calls by name, answers as messages."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from truststream.serving.protocol import evaluation_v1_pb2, evaluation_v2_pb2, sync_pb2

SERVICES = {
    "v1": evaluation_v1_pb2.DESCRIPTOR.services_by_name["Service"],
    "v2": evaluation_v2_pb2.DESCRIPTOR.services_by_name["Service"],
    "sync": sync_pb2.DESCRIPTOR.services_by_name["FlagSyncService"],
}
METHODS = [(name, method.name) for name, one in SERVICES.items() for method in one.methods]


class FlagdClient:
    """One connection; `metadata` goes with every call that says nothing else."""

    def __init__(
        self, port: int, metadata: Mapping[str, str], *, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        address = f"localhost:{port}" if credentials else f"127.0.0.1:{port}"
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        self._channel = (
            grpc.aio.secure_channel(address, credentials, options=options)
            if credentials
            else grpc.aio.insecure_channel(address, options=options)
        )
        self._metadata = metadata

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def call(self, service: str, method: str, *, metadata: Mapping[str, str] | None = None, **fields: Any) -> Any:
        """One answer."""
        request, answer = _messages(service, method)
        unary = self._channel.unary_unary(_path(service, method), request.SerializeToString, answer.FromString)
        return await unary(request(**fields), metadata=self._sent(metadata), timeout=10)

    def stream(self, service: str, method: str, *, metadata: Mapping[str, str] | None = None, **fields: Any) -> Any:
        """A stream of answers: `await it.read()`."""
        request, answer = _messages(service, method)
        many = self._channel.unary_stream(_path(service, method), request.SerializeToString, answer.FromString)
        return many(request(**fields), metadata=self._sent(metadata), timeout=30)

    async def raw(self, service: str, method: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Any bytes as the request; the first answer is read and thrown away."""
        channel: Any = self._channel
        if SERVICES[service].methods_by_name[method].server_streaming:
            stream = channel.unary_stream(_path(service, method))(data, metadata=self._sent(metadata), timeout=10)
            await stream.read()
            stream.cancel()
        else:
            await channel.unary_unary(_path(service, method))(data, metadata=self._sent(metadata), timeout=10)

    def _sent(self, metadata: Mapping[str, str] | None) -> grpc.aio.Metadata:
        chosen = self._metadata if metadata is None else metadata
        return grpc.aio.Metadata(*((key.replace("_", "-"), value) for key, value in chosen.items()))


def _path(service: str, method: str) -> str:
    return f"/{SERVICES[service].full_name}/{method}"


def _messages(service: str, method: str) -> tuple[type[Message], type[Message]]:
    described = SERVICES[service].methods_by_name[method]
    return GetMessageClass(described.input_type), GetMessageClass(described.output_type)


async def until(stream: Any, kind: str) -> Any:
    """The next event of a kind."""
    while (event := await stream.read()) is not grpc.aio.EOF:
        if event.type == kind:
            return event
    raise AssertionError(f"the stream ended without {kind}")
