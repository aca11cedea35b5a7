"""What a review of a FeatureFlag rests on, gathered: the last build, the cache, and what the servers counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from truststream.api.flagstatus import Delivery, FlagUsage
from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.queue import Key
from truststream.flags.effective import effective, read_overlay
from truststream.flags.flagd import express
from truststream.flags.life.reviewed import Facts
from truststream.flags.parsing import parse
from truststream.flags.served import served
from truststream.flags.source import FlagSource
from truststream.handlers.flags_book import FlagBook, Outcome, Shelf


class Counted(Protocol):
    """What the servers counted."""

    @property
    def counted_until(self) -> float | None:
        """When all servers last told; None: not since the operator started."""

    def usage(self, namespace: str, key: str) -> FlagUsage | None:
        """Of one flag; None while nobody counts."""


class FactFinder:
    """Reads only what is in memory."""

    def __init__(self, book: FlagBook, cache: Cache, counted: Counted) -> None:
        self._book = book
        self._cache = cache
        self._counted = counted

    def facts(self, source: FlagSource, written: FlagUsage | None) -> Facts:
        """Of a resource whose namespace is built; `written` is what status says of its usage."""
        key = (source.namespace, source.name)
        outcome, shelf = self._book.outcome(key), self._book.shelf(source.namespace)
        live = self._counted.usage(source.namespace, source.key) if outcome.flag is not None else None
        orphaned = self._orphaned(key, source.overlay)
        warnings = [*outcome.warnings, *_key_warnings(outcome)]
        if not orphaned:
            warnings += [*_held(source), *_elsewhere(shelf, source, outcome)]
        return Facts(
            problems=outcome.problems,
            flag=outcome.flag,
            warnings=tuple(warnings),
            usage=live or written,
            counted_until=self._counted.counted_until,
            overlay_orphaned=orphaned,
        )

    def _orphaned(self, key: Key, overlay: Mapping[str, Any] | None) -> bool:
        """A share whose owner is gone would stay for ever."""
        owner = (overlay or {}).get("owner")
        return overlay is not None and self._cache.get(kinds.CANARY_DEPLOYMENT, key[0], str(owner)) is None


def _key_warnings(outcome: Outcome) -> Iterator[str]:
    for name in outcome.rivals:
        yield f"the younger FeatureFlag {name} has the same key and is not served; give it another"


def _held(source: FlagSource) -> Iterator[str]:
    """What a release holds against the spec."""
    overlay = source.overlay or {}
    owner = f"CanaryDeployment {overlay.get('owner')}"
    if overlay.get("percentage") is not None:
        yield f"{owner} gives {overlay['percentage']:g} % of the units {overlay.get('variant')}"
    if (default := overlay.get("defaultVariant")) is not None and default != source.spec.get("defaultVariant"):
        yield f"{owner} made {default} the default; write that into spec.defaultVariant"


def _elsewhere(shelf: Shelf, source: FlagSource, outcome: Outcome) -> Iterator[str]:
    """Environments in which the sync leaves the flag out, though without one it does not."""
    if outcome.flag is None or outcome.problems or outcome.flag.delivery is not Delivery.EVERYWHERE:
        return
    spec, _ = parse(served(source).spec or {})
    if spec is None or shelf.current is None:
        return
    overlay, _ = read_overlay(source.overlay, spec)
    flags, known = shelf.current.flags, shelf.flags.segments
    needs = {one.flag: flags[one.flag] for one in spec.prerequisites if one.flag in flags}
    for name, one in spec.environments.items():
        if one.rules is not None:
            reasons = express(effective(spec, name, overlay), source.key, known, needs).reasons
            if reasons:
                yield f"environment {name}: flagd cannot express it, the sync leaves it out there: {'; '.join(reasons)}"
