"""flagd.sync.v1: whole flag sets for evaluators next to the application, flagd itself among them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from truststream.serving.base import Catalog, Recorder, Refused
from truststream.serving.protocol.sync_pb2 import (
    FetchAllFlagsRequest,
    FetchAllFlagsResponse,
    GetMetadataResponse,
    SyncFlagsRequest,
)
from truststream.serving.rpc.access import Door, Headers, Servicer, headers_of
from truststream.serving.rpc.streams import Streams
from truststream.serving.rpc.sync_documents import Documents, context_of

_TICK: Final = 60.0  # seconds between two notes that a client still holds a flag set


@dataclass(frozen=True, slots=True)
class Sync:
    """The service's methods."""

    catalog: Catalog
    door: Door
    recorder: Recorder
    streams: Streams
    documents: Documents

    async def sync_flags(
        self, request: SyncFlagsRequest, context: Servicer, _answer: type[Message]
    ) -> AsyncGenerator[Message | bytes, None]:
        """The whole set at once and on every change of it; changes that come faster than a client reads are one."""
        headers = headers_of(context)
        _, scope = await self.door.admit(headers, request.selector)
        sent = None
        with self.streams.slot() as over, self.catalog.subscribe(scope.namespace) as subscription:
            async with aclosing(self.streams.wakes(subscription, over, _TICK)) as wakes:
                async for _ in wakes:
                    flags = self.catalog.flags(scope)
                    self.recorder.synced(scope, request.provider_id, headers.user_agent)
                    if flags.version != sent:
                        yield self.documents.of(scope, flags, _who(request.provider_id, headers)).sync
                        sent = flags.version

    async def fetch_all_flags(
        self, request: FetchAllFlagsRequest, context: Servicer, _answer: type[Message]
    ) -> Message:
        """The whole set, once."""
        headers = headers_of(context)
        _, scope = await self.door.admit(headers, request.selector)
        document = self.documents.of(scope, self.catalog.flags(scope), _who(request.provider_id, headers))
        self.recorder.synced(scope, request.provider_id, headers.user_agent)
        return FetchAllFlagsResponse(flag_configuration=document.configuration)

    async def get_metadata(self, _request: object, context: Servicer, _answer: type[Message]) -> Message:
        """The sync context. Python's provider asks without selector or credentials and gives up on an error.

        So whoever names no flag set it may have is told of none.
        """
        headers = headers_of(context)
        return GetMetadataResponse(metadata=await self._metadata(headers))

    async def _metadata(self, headers: Headers) -> Struct:
        try:
            _, scope = await self.door.admit(headers)
        except Refused as refused:
            if refused.status in (400, 401, 403):
                return Struct()
            raise
        return context_of(scope)


def _who(provider_id: str, headers: Headers) -> str:
    return " ".join(filter(None, (provider_id, headers.user_agent)))[:200]
