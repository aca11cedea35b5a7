"""All FeatureFlags as they are compiled, by namespace: the controller's side of what the servers evaluate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from truststream.api.featureflag import FeatureFlagSpec
from truststream.cluster.queue import Key
from truststream.flags.build import build
from truststream.flags.conditions.operators import OF_SEGMENTS
from truststream.flags.flagset import CompiledFlag, FlagSet
from truststream.flags.segmentsource import segment_source_of
from truststream.flags.served import needs_approval
from truststream.flags.source import FlagProblem, FlagSource, source_of
from truststream.serving.namespace import NamespaceFlags

_SHARE: Final = 4.0
"""After a build others run for so many times its cost: a burst of changes takes a fifth of the processor."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build says of one resource; `rivals` have the same key and came later."""

    flag: CompiledFlag | None = None
    problems: tuple[FlagProblem, ...] = ()
    warnings: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()


@dataclass(slots=True)
class Shelf:
    """One namespace."""

    flags: NamespaceFlags
    sources: dict[str, FlagSource] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)  # by resource
    current: FlagSet | None = None
    stale: bool = True  # whether something changed since the last build
    busy_until: float = 0.0  # by the clock of costs


class FlagBook:
    """Builds one namespace at a time, and only one in which something changed."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._shelves: dict[str, Shelf] = {}
        self._clock = clock

    def note(self, manifest: Mapping[str, Any]) -> None:
        """A FeatureFlag as it is now."""
        source = source_of(manifest)
        shelf = self._shelf(source.namespace)
        old = shelf.sources.get(source.name)
        shelf.flags.put(source)
        shelf.sources[source.name] = source
        problems = shelf.outcomes.get(source.name, Outcome()).problems
        shelf.stale = shelf.stale or old is None or _matters(old, source, problems=bool(problems))

    def adopt(self, source: FlagSource) -> None:
        """As it will be once status says that it is approved; `note` takes it back should that fail."""
        shelf = self._shelf(source.namespace)
        shelf.flags.put(source)
        shelf.sources[source.name] = source
        shelf.stale = True

    def drop(self, manifest: Mapping[str, Any]) -> None:
        """It is gone."""
        source = source_of(manifest)
        shelf = self._shelf(source.namespace)
        if shelf.flags.remove(source):
            shelf.sources.pop(source.name, None)
            shelf.stale = True

    def note_segments(self, manifest: Mapping[str, Any], *, deleted: bool) -> bool:
        """A labelled ConfigMap; whether there are flags that it may concern."""
        source = segment_source_of(manifest)
        shelf = self._shelf(source.namespace)
        news = shelf.flags.remove(source) if deleted else shelf.flags.put(source)
        shelf.stale = shelf.stale or news
        return news and bool(shelf.sources)

    def wait(self, namespace: str) -> float:
        """Seconds before the namespace should be built; 0 when it may be, or need not be."""
        shelf = self._shelf(namespace)
        return max(0.0, shelf.busy_until - self._clock()) if shelf.stale else 0.0

    def refresh(self, namespace: str, now: float) -> set[str]:
        """Build it if something changed; the resources of which it says something else than before.

        Args:
            now: seconds since the epoch.
        """
        shelf = self._shelf(namespace)
        if not shelf.stale:
            return set()
        began = self._clock()
        shelf.flags.rebuild(now)
        shelf.current = shelf.flags.flags("", now)
        before, shelf.outcomes = shelf.outcomes, _outcomes(shelf)
        shelf.stale = False
        shelf.busy_until = self._clock() + _SHARE * (self._clock() - began)
        return {name for name, one in shelf.outcomes.items() if before.get(name) != one}

    def outcome(self, key: Key) -> Outcome:
        """As of the last build."""
        return self._shelf(key[0]).outcomes.get(key[1], Outcome())

    def shelf(self, namespace: str) -> Shelf:
        """All of a namespace, as of the last build."""
        return self._shelf(namespace)

    def resources(self) -> list[Key]:
        """All resources."""
        return [(namespace, name) for namespace, shelf in self._shelves.items() for name in shelf.sources]

    def owned_by(self, namespace: str, owner: str) -> set[Key]:
        """Flags whose overlay belongs to this CanaryDeployment."""
        sources = self._shelf(namespace).sources.values()
        return {(namespace, one.name) for one in sources if (one.overlay or {}).get("owner") == owner}

    def _shelf(self, namespace: str) -> Shelf:
        if namespace not in self._shelves:
            self._shelves[namespace] = Shelf(NamespaceFlags(namespace, build))
        return self._shelves[namespace]


def _matters(old: FlagSource, new: FlagSource, *, problems: bool) -> bool:
    """Whether what is evaluated may be another: what status says of a spec that is served anyhow changes nothing."""
    if (old.uid, old.created, old.spec, old.overlay) != (new.uid, new.created, new.spec, new.overlay):
        return True
    waits, waited = needs_approval(new), needs_approval(old)
    return waits != waited or ((problems or waits) and old.served != new.served)


def _outcomes(shelf: Shelf) -> dict[str, Outcome]:
    assert shelf.current is not None
    flags = {flag.name: flag for flag in shelf.current.flags.values()}
    rivals = _rivals(shelf)
    return {
        name: Outcome(
            flag=flags.get(name),
            problems=tuple(shelf.current.problems.get(name, ())),
            warnings=_warnings(shelf, name, flags.get(name)),
            rivals=tuple(sorted(rivals[source.key])) if name in flags and source.key in rivals else (),
        )
        for name, source in shelf.sources.items()
    }


def _rivals(shelf: Shelf) -> Mapping[str, list[str]]:
    """Resources whose key another one has, by key."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, problems in (shelf.current.problems if shelf.current else {}).items():
        if name in shelf.sources and any(one.reason == "KeyTaken" for one in problems):
            found[shelf.sources[name].key].append(name)
    return found


def _warnings(shelf: Shelf, name: str, flag: CompiledFlag | None) -> tuple[str, ...]:
    """What is wrong with segments concerns those who use any."""
    own = tuple(str(one) for one in (shelf.current.warnings if shelf.current else {}).get(name, ()))
    uses = bool(shelf.flags.warnings) and flag is not None and _uses_segments(flag.spec)
    return (*own, *shelf.flags.warnings) if uses else own


def _uses_segments(spec: FeatureFlagSpec) -> bool:
    lists = [spec.rules, *(one.rules or () for one in spec.environments.values())]
    return any(condition.operator in OF_SEGMENTS for rules in lists for rule in rules for condition in rule.conditions)
