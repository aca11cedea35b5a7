"""flagd.evaluation's EventStream: clients that cache answers learn which of them are out of date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from truststream.flags.flagset import FlagSet
from truststream.serving.base import Catalog, Refused, Scope, Subscription
from truststream.serving.grpc_latest import Latest
from truststream.serving.grpc_streams import Streams, Wake
from truststream.serving.rpc_access import Door, Headers, Servicer, headers_of

KEEP_ALIVE: Final = 20.0  # seconds, as flagd's
_MOST_SCOPES: Final = 16  # that one nameless stream follows
Changes = Mapping[str, str]
"""What became of flags: `write` (new), `update` or `delete`, by key."""


def changes_between(before: FlagSet, after: FlagSet) -> dict[str, str]:
    """What a client that knew `before` has to ask again."""
    gone = {key: "delete" for key in before.flags if key not in after.flags}
    new = {key: "write" for key in after.flags if key not in before.flags}
    changed = {
        key: "update"
        for key, flag in after.flags.items()
        if (known := before.flags.get(key)) is not None and known is not flag and known.digest != flag.digest
    }
    return {**gone, **new, **changed}


def scheduled_between(flags: FlagSet, since: float, now: float) -> dict[str, str]:
    """Flags of a set whose schedule changed them after `since` and not after `now`."""
    if flags.next_change is None or flags.next_change > now:
        return {}
    return {
        key: "update"
        for key, flag in flags.flags.items()
        if flag.next_change is not None and since < flag.next_change <= now
    }


class Watched:
    """The scopes that one stream tells of, as one subscription."""

    def __init__(self, catalog: Catalog, differences: Latest[Changes]) -> None:
        self._catalog = catalog
        self._differences = differences
        self._seen: dict[Scope, FlagSet] = {}
        self._since = time.time()
        self._subscriptions: list[Subscription] = []
        self._added = asyncio.Event()
        self._exits = ExitStack()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_error: object) -> None:
        self._exits.close()

    def add(self, scope: Scope) -> None:
        """Follow a scope from now on; the flags it has now count as known."""
        if scope in self._seen or len(self._seen) >= _MOST_SCOPES:
            return
        self._subscriptions.append(self._exits.enter_context(self._catalog.subscribe(scope.namespace)))
        self._seen[scope] = self._catalog.flags(scope)
        self._added.set()

    def known(self) -> dict[str, str]:
        """Every flag, as something to be asked anew."""
        return {key: "write" for flags in self._seen.values() for key in flags.flags}

    async def changed(self) -> None:
        """Returns once something changed in any of the scopes, or one was added."""
        self._added.clear()
        waiting = [asyncio.ensure_future(one.changed()) for one in self._subscriptions]
        waiting.append(asyncio.ensure_future(_set(self._added)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    def news(self) -> dict[str, str]:
        """What changed since the last call, of all scopes."""
        now, found = time.time(), {}
        for scope, before in self._seen.items():
            after = self._catalog.flags(scope)
            found.update(scheduled_between(before, self._since, now))
            found.update(self._between(scope, before, after))
            self._seen[scope] = after
        self._since = now
        return found

    def _between(self, scope: Scope, before: FlagSet, after: FlagSet) -> Changes:
        if before.version == after.version:
            return {}
        key = (scope, before.version)
        return self._differences.get(key, after.version, lambda: changes_between(before, after))


async def _set(event: asyncio.Event) -> None:
    await event.wait()


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
    _differences: Latest[Changes] = field(default_factory=Latest)

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
        with self.streams.slot() as over, Watched(self.catalog, self._differences) as watched, ExitStack() as exits:
            if scope is None:
                self._enlist(exits, headers.peer, watched)
            else:
                watched.add(scope)
            yield _event(answer, "provider_ready")
            if known := watched.known():
                yield _event(answer, "configuration_change", known)
            async with aclosing(self.streams.wakes(watched, over, self.keep_alive)) as wakes:
                async for wake in wakes:
                    news = watched.news()
                    if news:
                        yield _event(answer, "configuration_change", news)
                    elif wake is Wake.TICK:
                        yield _event(answer, "keep_alive")

    async def _scope(self, headers: Headers) -> Scope | None:
        try:
            _, scope = await self.door.admit(headers)
        except Refused as refused:
            if headers.nameless and refused.status in (400, 401):
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


def _event(answer: type[Message], kind: str, changes: Changes | None = None) -> Message:
    if changes is None:
        return answer(type=kind)
    data = Struct()
    data.update({"flags": {key: {"type": what} for key, what in changes.items()}})
    return answer(type=kind, data=data)
