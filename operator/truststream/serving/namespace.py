"""The flags of one namespace: sources as they are now, and the sets built from them, one an environment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from truststream.api.featureflag import Segment
from truststream.flags.flagset import FlagSet
from truststream.flags.segmentsource import Segments, SegmentSource, read_segments
from truststream.flags.source import FlagSource

_UNNAMED: Final = 64
"""Sets kept for environments that no flag names: whoever asks chooses these names, so they are bounded."""


class Build(Protocol):
    """`truststream.flags.build.build`."""

    def __call__(
        self,
        sources: Iterable[FlagSource],
        segments: Mapping[str, Segment],
        *,
        namespace: str,
        environment: str,
        now: float,
        previous: FlagSet | None = None,
    ) -> FlagSet:
        """The flags of a scope, sharing what did not change with `previous`."""


class NamespaceFlags:
    """Reads give the sets of the last `rebuild`; only an environment asked for the first time is built on the spot."""

    def __init__(self, namespace: str, build: Build) -> None:
        self._namespace = namespace
        self._build = build
        self._flags: dict[str, FlagSource] = {}
        self._maps: dict[str, SegmentSource] = {}
        self._segments = Segments({})
        self._unread = False  # there are ConfigMaps that are not in `_segments` yet, or not any more
        self._sets: dict[str, FlagSet] = {}
        self._unnamed: OrderedDict[str, FlagSet] = OrderedDict()
        self._named: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self._flags and not self._maps

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with its segments."""
        return self._segments.warnings

    @property
    def segments(self) -> Mapping[str, Segment]:
        """Those that can be read, as of the last rebuild."""
        return self._segments.known

    @property
    def next_change(self) -> float | None:
        """When a schedule changes anything next, as of the last rebuild."""
        return min((one.next_change for one in self._sets.values() if one.next_change is not None), default=None)

    def names(self, environment: str) -> bool:
        """Whether one of its flags names the environment, as of the last rebuild."""
        return environment in self._named

    def put(self, source: FlagSource | SegmentSource) -> bool:
        """Whether this is news; a status of usage or conditions is none."""
        held: dict[str, Any] = self._flags if isinstance(source, FlagSource) else self._maps
        if held.get(source.name) == source:
            return False
        held[source.name] = source
        self._unread |= isinstance(source, SegmentSource)
        return True

    def remove(self, source: FlagSource | SegmentSource) -> bool:
        """Whether it was there; its successor of the same name stays."""
        held: dict[str, Any] = self._flags if isinstance(source, FlagSource) else self._maps
        old = held.get(source.name)
        if old is None or old.uid != source.uid:
            return False
        del held[source.name]
        self._unread |= isinstance(source, SegmentSource)
        return True

    def absent(self, kept: Iterable[FlagSource | SegmentSource], kind: type[Any]) -> Iterator[Any]:
        """Those of a kind that are not among `kept`."""
        names = {source.name for source in kept}
        held: dict[str, Any] = self._flags if kind is FlagSource else self._maps
        yield from [source for name, source in held.items() if name not in names]

    def flags(self, environment: str, now: float) -> FlagSet:
        """The set of an environment."""
        found = self._sets.get(environment) or self._unnamed.get(environment)
        return found if found is not None else self._first(environment, now)

    def rebuild(self, now: float) -> bool:
        """Build anew what was built before; whether any answer may be another one now."""
        if self._unread:
            self._segments = read_segments(self._maps.values())
            self._unread = False
        self._named = frozenset(name for source in self._flags.values() for name in _environments(source))
        made = {
            environment: self._built(environment, now, self._sets.get(environment))
            for environment in {"", *self._sets}
            if not environment or environment in self._named
        }
        before, self._sets = self._sets, made
        self._unnamed.clear()
        return {name: one.version for name, one in before.items()} != {name: one.version for name, one in made.items()}

    def _first(self, environment: str, now: float) -> FlagSet:
        if environment and environment not in self._named:
            base = self.flags("", now)
            made = replace(base, environment=environment, version=f"{base.version}.{environment}")
            self._unnamed[environment] = made
            while len(self._unnamed) > _UNNAMED:
                self._unnamed.popitem(last=False)
            return made
        if not self._sets:
            self.rebuild(now)
        return self._sets.setdefault(environment, self._built(environment, now, self._sets.get(environment)))

    def _built(self, environment: str, now: float, previous: FlagSet | None) -> FlagSet:
        return self._build(
            self._flags.values(),
            self._segments.known,
            namespace=self._namespace,
            environment=environment,
            now=now,
            previous=previous,
        )


def _environments(source: FlagSource) -> Iterator[str]:
    """Named by the spec, or by the one that is served instead."""
    served = (source.served or {}).get("spec")
    for spec in (source.spec, served):
        named = spec.get("environments") if isinstance(spec, Mapping) else None
        if isinstance(named, Mapping):
            yield from (str(name) for name in named)
