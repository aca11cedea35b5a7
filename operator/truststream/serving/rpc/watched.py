"""What changed in the flag sets that an event stream follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from truststream.flags.flagset import FlagSet
from truststream.serving.base import Catalog, Scope, Subscription
from truststream.serving.rpc.latest import Latest

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


class Shared:
    """What a thousand streams of one scope would find out each for itself."""

    def __init__(self) -> None:
        self._all: Latest[Changes] = Latest()
        self._between: Latest[Changes] = Latest()

    def all_of(self, scope: Scope, flags: FlagSet) -> Changes:
        """Every flag of a set as something new."""
        return self._all.get(scope, flags.version, lambda: dict.fromkeys(flags.flags, "write"))

    def between(self, scope: Scope, before: FlagSet, after: FlagSet) -> Changes:
        """The differences of two versions."""
        if before.version == after.version:
            return {}
        key = (scope, before.version)
        return self._between.get(key, after.version, lambda: changes_between(before, after))


class Watched:
    """The scopes that one stream tells of, as one subscription."""

    def __init__(self, catalog: Catalog, shared: Shared) -> None:
        self._catalog = catalog
        self._shared = shared
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

    def known(self) -> Changes:
        """Every flag, as something to be asked anew."""
        return _joined([self._shared.all_of(scope, flags) for scope, flags in self._seen.items()])

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

    def news(self) -> Changes:
        """What changed since the last call, of all scopes."""
        now, found = time.time(), []
        for scope, before in self._seen.items():
            after = self._catalog.flags(scope)
            found += [scheduled_between(before, self._since, now), self._shared.between(scope, before, after)]
            self._seen[scope] = after
        self._since = now
        return _joined(found)


def _joined(parts: Sequence[Changes]) -> Changes:
    """The one that says something, itself, where there is but one: what is shared stays shared."""
    telling = [part for part in parts if part]
    return telling[0] if len(telling) == 1 else {key: what for part in telling for key, what in part.items()}


async def _set(event: asyncio.Event) -> None:
    await event.wait()
