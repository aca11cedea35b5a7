"""flagd's `fractional` as rollouts: nested shares of one salt deal exactly as its version 2 does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from truststream.api.featureflag import TARGETING_KEY, BucketingVersion
from truststream.flags.imports.base import Effect, Report, Unsupported
from truststream.flags.imports.jsonlogic import field_of, operation

_MOST: Final = 2**31 - 1
_VERSION_2: Final = (
    "dealt as flagd's version 2 deals; where only Python providers from 0.6 evaluate it, import as FlagdV3"
)


@dataclass(frozen=True, slots=True)
class Source:
    """What is hashed: a salt (None: the flag's key) and the field with the unit."""

    salt: str | None = None
    by: str = TARGETING_KEY


@dataclass(frozen=True, slots=True)
class Shares:
    """Variants (None: the default) with the percent up to which each has the units, the last one 100."""

    source: Source
    ends: Sequence[tuple[str | None, float]]


@dataclass(slots=True)
class Dealer:
    """The one way in which a FeatureFlag deals; what the file deals otherwise is told."""

    report: Report
    version: BucketingVersion
    source: Source | None = None

    def read(self, arguments: list[Any], path: str) -> Shares:
        """Of a `fractional`.

        Raises:
            Unsupported: its variants or weights are computed, or flagd would refuse it.
        """
        source, shares = self._split(arguments, path)
        pairs = [_pair(one, f"{path}[{index}]") for index, one in enumerate(shares)]
        total = sum(weight for _, weight in pairs)
        if not 0 < total <= _MOST:
            raise Unsupported(path, "the weights sum to nothing, or to more than 2147483647")
        ends = [100 * end / total for end in accumulate(weight for _, weight in pairs)]
        if any(abs(end * 1000 - round(end * 1000)) > 1e-9 for end in ends):
            self.report.add(path, Effect.REDEALT, "shares are rounded to 0.001 %: who is at an edge may move")
        rounded = [round(end, 3) for end in ends]
        return Shares(source, [(variant, end) for (variant, _), end in zip(pairs, rounded, strict=True)])

    def _split(self, arguments: list[Any], path: str) -> tuple[Source, list[Any]]:
        if not arguments:
            raise Unsupported(path, "fractional without variants")
        if isinstance(arguments[0], list):
            return self._take(Source(), path, plain=False), arguments
        return self._hashed(arguments[0], path), arguments[1:]

    def _hashed(self, logic: Any, path: str) -> Source:
        if isinstance(logic, dict) and list(logic) == ["cat"]:
            parts = operation(logic, path)[1]
            salt = _salt(parts[:-1])
            if parts and salt is not None:
                by = field_of(parts[-1], path)
                self.report.add(path, Effect.STRICTER, f"who has no text in {by} gets the default, and is not dealt")
                return self._take(Source(None if salt is _KEY else str(salt), by), path)
        by = _only_field(logic, path)
        self.report.add(path, Effect.REDEALT, "what is hashed there is not a salt followed by the unit")
        self.report.add(path, Effect.STRICTER, f"who has no text in {by} gets the default")
        return self._take(Source(None, by), path)

    def _take(self, source: Source, path: str, *, plain: bool = True) -> Source:
        if self.version is BucketingVersion.FLAGD_V3 and not plain:
            self.report.add(path, Effect.REDEALT, "version 3 hashes key and unit as a list where no text is named")
        if self.source is None:
            self.source = source
            if self.version is BucketingVersion.FLAGD_V2:
                self.report.add(path, Effect.NOTE, _VERSION_2)
        elif self.source != source:
            self.report.add(path, Effect.REDEALT, "a FeatureFlag deals by one salt and one field: those of the first")
        return self.source


_KEY: Final = object()


def _salt(parts: list[Any]) -> Any:
    """A constant text, or `_KEY` for the flag's own key; None for anything else."""
    if parts in ([{"var": "$flagd.flagKey"}], [{"var": ["$flagd.flagKey"]}]):
        return _KEY
    if parts and all(isinstance(part, str) for part in parts):
        return "".join(parts) or None
    return None


def _only_field(logic: Any, path: str) -> str:
    """The one field that a text is made from."""
    if isinstance(logic, dict) and list(logic) == ["cat"]:
        fields = [part for part in operation(logic, path)[1] if isinstance(part, dict)]
        fields = [part for part in fields if part.get("var") not in ("$flagd.flagKey", ["$flagd.flagKey"])]
        if len(fields) == 1:
            return field_of(fields[0], path)
    return field_of(logic, path)


def _pair(entry: Any, path: str) -> tuple[str | None, int]:
    if not isinstance(entry, list) or not 1 <= len(entry) <= 2:
        raise Unsupported(path, "a variant with its weight is expected")
    variant, weight = entry[0], entry[1] if len(entry) == 2 else 1
    if isinstance(variant, bool):
        variant = "true" if variant else "false"
    if not (variant is None or isinstance(variant, str)) or isinstance(weight, bool) or not isinstance(weight, int):
        raise Unsupported(path, "its variant or its weight is computed, and ours are constants")
    return variant, max(0, weight)
