"""flagd.evaluation's EventStream: clients that cache answers learn which of them are out of date."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from truststream.serving.base import Catalog, Refused, Scope
from truststream.serving.rpc.access import Door, Headers, Servicer, headers_of
from truststream.serving.rpc.latest import Latest
from truststream.serving.rpc.streams import Streams, Wake
from truststream.serving.rpc.watched import Changes, Shared, Watched

KEEP_ALIVE: Final = 20.0  # seconds, as flagd's


@dataclass(slots=True)
class Events:
    """Event streams.

    Node's provider names neither flag set nor itself when it opens its stream, only when it resolves. Such a stream
    follows the flag sets that anonymous calls on the same connection ask for.
    """

    catalog: Catalog
    door: Door
    streams: Streams
    keep_alive: float = KEEP_ALIVE
    _nameless: dict[str, list[Watched]] = field(default_factory=dict)
    _shared: Shared = field(default_factory=Shared)
    _made: Latest[tuple[Changes, bytes]] = field(default_factory=lambda: Latest(size=32))

    def asked(self, peer: str, scope: Scope) -> None:
        """An anonymous call on this connection was admitted to a scope."""
        for watched in self._nameless.get(peer, ()):
            watched.add(scope)

    async def stream(
        self, _request: object, context: Servicer, answer: type[Message]
    ) -> AsyncGenerator[Message | bytes, None]:
        """provider_ready, then every flag once as changed, for the client may have missed something, then the news."""
        headers = headers_of(context)
        scope = await self._scope(headers)
        with self.streams.slot() as over, Watched(self.catalog, self._shared) as watched, ExitStack() as exits:
            if scope is None:
                self._enlist(exits, headers.peer, watched)
            else:
                watched.add(scope)
            yield answer(type="provider_ready")
            if known := watched.known():
                yield self._change(answer, known)
            async with aclosing(self.streams.wakes(watched, over, self.keep_alive)) as wakes:
                async for wake in wakes:
                    if news := watched.news():
                        yield self._change(answer, news)
                    elif wake is Wake.TICK:
                        yield answer(type="keep_alive")

    def _change(self, answer: type[Message], changes: Changes) -> bytes:
        """The event, serialised; made once for all streams that are told the very same object."""

        def make() -> tuple[Changes, bytes]:
            data = Struct()
            data.update({"flags": {key: {"type": what} for key, what in changes.items()}})
            return changes, answer(type="configuration_change", data=data).SerializeToString()

        return self._made.get((answer, id(changes)), "", make)[1]  # kept with its object, so no other has its id

    async def _scope(self, headers: Headers) -> Scope | None:
        try:
            _, scope = await self.door.admit(headers)
        except Refused as refused:
            if headers.nameless and refused.status == 400:  # 401: nobody may ask here without credentials
                return None
            raise
        return scope

    def _enlist(self, exits: ExitStack, peer: str, watched: Watched) -> None:
        self._nameless.setdefault(peer, []).append(watched)

        def leave() -> None:
            self._nameless[peer].remove(watched)
            if not self._nameless[peer]:
                del self._nameless[peer]

        exits.callback(leave)
