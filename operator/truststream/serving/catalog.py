"""All flags, fed by watches or files. Reads never wait: they get the sets of the last rebuild.

A change is built within milliseconds, many changes in a row together, so that a burst of them costs a bounded share of
the processor. When a watch is lost nothing is forgotten: what was known last is served, and `stale_since` says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from truststream.cluster.kinds import FEATURE_FLAG, SEGMENTS, Manifest
from truststream.flags.flagset import FlagSet
from truststream.flags.segmentsource import SegmentSource, segment_source_of
from truststream.flags.source import FlagSource, source_of
from truststream.serving.base import Scope
from truststream.serving.namespace import Build, NamespaceFlags

log = logging.getLogger(__name__)

Source = FlagSource | SegmentSource

_SOON: Final = 0.01
_LATEST: Final = 0.4
_SHARE: Final = 4.0  # waits so many times the last rebuild's cost: a burst takes a fifth of the processor
_LOOK_AGAIN: Final = 60.0  # a timer in the far future is set anew, for clocks are set too


class Listener:
    """One subscription."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Something changed."""
        self._event.set()

    async def changed(self) -> None:
        """Returns once something changed since the last call."""
        await self._event.wait()
        self._event.clear()


class FlagCatalog:
    """`base.Catalog`; a `cluster.watch.Sink` too.

    `expect` names what has to be listed before it is `ready`; only from then on changes are built and told.
    """

    def __init__(self, build: Build, *, environment: str = "", clock: Callable[[], float] = time.time) -> None:
        self._build = build
        self._environment = environment
        self._clock = clock
        self._namespaces: dict[str, NamespaceFlags] = {}
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._awaited: set[str] = set()
        self._lost: dict[str, float] = {}
        self._dirty: set[str] = set()
        self._flush: asyncio.TimerHandle | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._delay = _SOON
        self._listed = asyncio.Event()

    @property
    def stale_since(self) -> float | None:
        """When the first of the watches that are lost was lost."""
        return min(self._lost.values(), default=None)

    @property
    def ready(self) -> bool:
        """Whether everything was listed once."""
        return self._listed.is_set()

    async def wait_ready(self) -> None:
        """Return once everything was listed."""
        await self._listed.wait()

    def flags(self, scope: Scope) -> FlagSet:
        """The compiled flags of a scope."""
        found = self._namespaces.get(scope.namespace) or NamespaceFlags(scope.namespace, self._build)
        return found.flags(scope.environment, self._clock())

    def counted(self, scope: Scope) -> Scope | None:
        """The scope as it is counted: what callers make up is none, neither environment nor namespace."""
        held = self._namespaces.get(scope.namespace)
        if held is None or held.empty:
            return None
        known = scope.environment == self._environment or held.names(scope.environment)
        return scope if known else Scope(scope.namespace)

    @contextmanager
    def subscribe(self, namespace: str) -> Iterator[Listener]:
        """To be told of every change in a namespace, schedules included."""
        listener = Listener()
        self._listeners[namespace].add(listener)
        try:
            yield listener
        finally:
            self._listeners[namespace].discard(listener)
            if not self._listeners[namespace]:
                del self._listeners[namespace]

    def announce(self) -> None:
        """Tell every listener, as if everything had changed."""
        for namespace in list(self._listeners):
            self._tell(namespace)

    def warnings(self) -> Mapping[str, Sequence[str]]:
        """What is wrong with the segments, by namespace."""
        return {name: one.warnings for name, one in self._namespaces.items() if one.warnings}

    def expect(self, watch: str) -> None:
        """It will be `held` once it was listed."""
        self._awaited.add(watch)

    def held(self, watch: str) -> None:
        """The watch is complete and up to date."""
        if self._lost.pop(watch, None) is not None:
            log.info("the watch of %s holds again", watch)
        self._awaited.discard(watch)
        if not self._awaited and not self.ready:
            self._begin()

    def lost(self, watch: str) -> None:
        """The watch broke: what is known may be old from now on."""
        self._lost.setdefault(watch, self._clock())

    def apply(self, kind: str, event: Mapping[str, Any]) -> None:
        """One event of a watch: `type` is ADDED, MODIFIED or DELETED, `object` the manifest."""
        source = _source(kind, event["object"])
        if source is None:
            return
        held = self._at(source.namespace)
        if held.remove(source) if event["type"] == "DELETED" else held.put(source):
            self._touch(source.namespace)

    def replace(self, kind: str, namespace: str | None, objects: Iterable[Manifest]) -> None:
        """All objects of a kind, of one namespace or of all: what is not among them is gone."""
        listed: defaultdict[str, list[Source]] = defaultdict(list)
        for one in objects:
            source = _source(kind, one)
            if source is None:
                continue
            listed[source.namespace].append(source)
            if self._at(source.namespace).put(source):
                self._touch(source.namespace)
        for name in [namespace] if namespace else list(self._namespaces):
            self._sweep(kind, name, listed[name])

    def close(self) -> None:
        """Stop the timers."""
        for handle in (self._flush, *self._timers.values()):
            if handle is not None:
                handle.cancel()

    def flush(self) -> None:
        """Build what changed and tell who listens; happens by itself soon after a change."""
        self._flush = None
        began = time.perf_counter()
        dirty, self._dirty = sorted(self._dirty), set()
        for namespace in dirty:
            try:
                self._rebuild(namespace)
            except Exception:  # a mistake of ours about one namespace must not hold up the others
                log.exception("the flags of namespace %s were not built; the last ones are served", namespace)
        self._delay = min(max(_SOON, _SHARE * (time.perf_counter() - began)), _LATEST)

    def _at(self, namespace: str) -> NamespaceFlags:
        if namespace not in self._namespaces:
            self._namespaces[namespace] = NamespaceFlags(namespace, self._build)
        return self._namespaces[namespace]

    def _sweep(self, kind: str, namespace: str, kept: Sequence[Source]) -> None:
        held = self._at(namespace)
        for source in held.absent(kept, FlagSource if kind == FEATURE_FLAG else SegmentSource):
            if held.remove(source):
                self._touch(namespace)

    def _touch(self, namespace: str) -> None:
        self._dirty.add(namespace)
        if self.ready and self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(self._delay, self.flush)

    def _begin(self) -> None:
        self.flush()
        now = self._clock()
        for held in self._namespaces.values():
            held.flags(self._environment, now)
        self._listed.set()

    def _rebuild(self, namespace: str) -> None:
        held = self._at(namespace)
        before = held.warnings
        changed = held.rebuild(self._clock())
        for warning in held.warnings:
            if warning not in before:
                log.warning("segments of namespace %s: %s", namespace, warning)
        if changed:
            self._tell(namespace)
        self._arm(namespace, held.next_change)
        if held.empty:
            del self._namespaces[namespace]

    def _arm(self, namespace: str, at: float | None) -> None:
        if timer := self._timers.pop(namespace, None):
            timer.cancel()
        if at is not None:
            delay = min(max(at - self._clock(), 0.001), _LOOK_AGAIN)
            loop = asyncio.get_running_loop()
            self._timers[namespace] = loop.call_later(delay, self._scheduled, namespace, at)

    def _scheduled(self, namespace: str, at: float) -> None:
        """A schedule's boundary: the set is the same, its answers are not."""
        if self._clock() < at:
            return self._arm(namespace, at)
        held = self._at(namespace)
        held.rebuild(self._clock())
        self._tell(namespace)
        return self._arm(namespace, held.next_change)

    def _tell(self, namespace: str) -> None:
        for listener in self._listeners.get(namespace, ()):
            listener.tell()


def _source(kind: str, manifest: Manifest) -> Source | None:
    """None for an object of another shape than the API server lets in: it must not end the watch of all others."""
    try:
        return source_of(manifest) if kind == FEATURE_FLAG else segment_source_of(manifest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.error("a %s is left out, for it cannot be read: %r", kind, error)
        return None


WATCHED: Final = (FEATURE_FLAG, SEGMENTS)
