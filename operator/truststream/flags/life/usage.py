"""What all servers counted, added up: nothing twice, whatever restarts. Pure; who asks the servers says when.

A server counts from its start and forgets with its end. Each report is compared with the same process' last one; the
difference is added. A fresh controller goes on from the totals in status: of a process that it never saw, what may be
in those totals already is not counted again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from truststream.api.flagstatus import FlagUsage, VariantUse
from truststream.errors import InputError
from truststream.flags.life.reporting import minute, stamp
from truststream.flags.moments import moment

FlagId: TypeAlias = tuple[str, str]
"""Namespace and key."""

Base: TypeAlias = Callable[[FlagId], FlagUsage | None]
"""What status says of a flag, when the tally first hears of it."""

Count: TypeAlias = Annotated[int, Field(ge=0)]

Born: TypeAlias = Callable[[FlagId], float]
"""When the flag's resource was made (seconds since the epoch)."""

FORGOTTEN_AFTER: Final = 3600.0
_SKEW: Final = 60.0  # by which clocks may differ
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class VariantCount:
    """Evaluations since the process began, and when the last was (seconds since the epoch)."""

    evaluations: Count
    last_used: Annotated[float, Field(alias="lastUsed", ge=0)]


@dataclass(frozen=True, slots=True)
class FlagCount:
    """One flag of one process."""

    namespace: str
    flag: str
    variants: Mapping[str, VariantCount] = field(default_factory=dict)
    without_unit: Annotated[Count, Field(alias="withoutUnit")] = 0


@dataclass(frozen=True, slots=True)
class Synced:
    """When an in-process client last held the flags of a namespace."""

    namespace: str
    at: float
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of `GET /v1/usage`."""

    process: str
    started: float
    flags: tuple[FlagCount, ...] = ()
    synced: tuple[Synced, ...] = ()


_REPORT: Final = TypeAdapter(Report)


def report_of(document: Any) -> Report:
    """A report as a server sent it; fields that we do not know are those of a newer server.

    Raises:
        InputError: it is none.
    """
    try:
        return _REPORT.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(".".join(str(part) for part in first["loc"]) or "usage", str(first["msg"])) from None


@dataclass(slots=True)
class _Process:
    started: float
    seen_at: float
    counts: dict[FlagId, FlagCount]


@dataclass(slots=True)
class _Variant:
    evaluations: int
    last: float


@dataclass(slots=True)
class _Total:
    since: float
    born: float  # uses before that were of another flag of the same key
    covered: float | None  # when the last evaluation was that status had counted before us
    variants: dict[str, _Variant]
    without_unit: int = 0
    sole: str = ""
    sole_since: float = 0.0
    sole_evaluations: int = 0


class Tally:
    """The totals of all flags. `base` is asked once a flag."""

    def __init__(self, base: Base, born: Born = lambda _flag: 0.0) -> None:
        self._base = base
        self._born = born
        self._began: float | None = None
        self._processes: dict[str, _Process] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._totals: dict[FlagId, _Total] = {}
        self._synced: dict[str, float] = {}

    def absorb(self, report: Report, now: float) -> set[FlagId]:
        """Add what is new; the flags that it was about."""
        self._began = now if self._began is None else self._began
        first = self._first(report, self._began)
        process = self._process(report, now)
        changed = set()
        for count in report.flags:
            flag, total = (count.namespace, count.flag), self._total((count.namespace, count.flag), now)
            before = process.counts.get(flag) or (first(count, total) if first else _nothing(count))
            process.counts[flag] = count
            if _add(total, before, count):
                changed.add(flag)
        for synced in report.synced:
            self._synced[synced.namespace] = max(synced.at, self._synced.get(synced.namespace, 0.0))
        self._retire(now)
        return changed

    def usage(self, flag: FlagId, now: float) -> FlagUsage:
        """What is known; of a flag that nobody asked for that it has been counted from now on."""
        return _usage(self._total(flag, now), self._last_synced(flag))

    def forget(self, flag: FlagId) -> None:
        """It is gone; another one of that key begins anew."""
        self._totals.pop(flag, None)

    def _first(self, report: Report, began: float) -> Callable[[FlagCount, _Total], FlagCount] | None:
        """For a process' first report: what of a count was in the totals before, nothing or perhaps all of it."""
        if report.process in self._processes:
            return None
        if report.process in self._gone:
            return lambda count, _total: count

        def before(count: FlagCount, total: _Total) -> FlagCount:
            fresh = total.covered is None or report.started >= min(total.covered, began)
            return _nothing(count) if fresh else count

        return before

    def _process(self, report: Report, now: float) -> _Process:
        known = self._processes.get(report.process)
        if known is None or known.started != report.started:
            known = self._processes[report.process] = _Process(report.started, now, {})
        known.seen_at = now
        return known

    def _total(self, flag: FlagId, now: float) -> _Total:
        if flag not in self._totals:
            self._totals[flag] = _resumed(self._base(flag), now, self._born(flag) - _SKEW)
        return self._totals[flag]

    def _last_synced(self, flag: FlagId) -> float | None:
        ours, written = self._synced.get(flag[0]), self._base(flag)
        theirs = moment(written.last_synced) if written else None
        return max((one for one in (ours, theirs) if one is not None), default=None)

    def _retire(self, now: float) -> None:
        """Counts of processes that are long gone; their names stay, so that none is counted anew should it return."""
        for name in [name for name, one in self._processes.items() if now - one.seen_at > FORGOTTEN_AFTER]:
            del self._processes[name]
            self._gone[name] = None
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)


def _nothing(count: FlagCount) -> FlagCount:
    return FlagCount(count.namespace, count.flag)


def _add(total: _Total, before: FlagCount, count: FlagCount) -> bool:
    """One flag of one report; whether it brought anything."""
    if all(one.last_used < total.born for one in count.variants.values()):
        return False
    missed = _grown(before.without_unit, count.without_unit)
    total.without_unit += missed
    grown = _merge(total, before, count)
    _note_sole(total, grown)
    return bool(grown or missed)


def _grown(before: int, after: int) -> int:
    """A counter that fell began anew."""
    return after - before if after >= before else after


def _merge(total: _Total, before: FlagCount, count: FlagCount) -> dict[str, int]:
    """What each variant grew by."""
    grown = {}
    for name, now in count.variants.items():
        if now.last_used < total.born:
            continue
        old = before.variants.get(name)
        more = _grown(old.evaluations if old else 0, now.evaluations)
        variant = total.variants.setdefault(name, _Variant(0, 0.0))
        variant.evaluations += more
        variant.last = max(variant.last, now.last_used)
        if more:
            grown[name] = more
    return grown


def _note_sole(total: _Total, grown: Mapping[str, int]) -> None:
    """The variant used last has been the only one since the last use of any other."""
    if not grown:
        return
    top = max(total.variants, key=lambda name: total.variants[name].last)
    since = max((one.last for name, one in total.variants.items() if name != top), default=total.since)
    more = grown[top] if set(grown) == {top} else 0
    going_on = top == total.sole and since <= total.sole_since
    total.sole_evaluations = total.sole_evaluations + more if going_on else more
    total.sole, total.sole_since = top, total.sole_since if going_on else since


def _resumed(written: FlagUsage | None, now: float, born: float) -> _Total:
    if written is None:
        return _Total(now, born, None, {})
    variants = {one.name: _Variant(one.evaluations, moment(one.last_used) or 0.0) for one in written.variants}
    return _Total(
        since=moment(written.since) or now,
        born=born,
        covered=moment(written.last_evaluated),
        variants=variants,
        without_unit=written.without_unit,
        sole=written.sole_variant,
        sole_since=moment(written.sole_since) or 0.0,
        sole_evaluations=written.sole_evaluations,
    )


def _usage(total: _Total, synced: float | None) -> FlagUsage:
    used = {name: one for name, one in sorted(total.variants.items()) if one.evaluations or one.last}
    last = max((one.last for one in used.values()), default=0.0)
    return FlagUsage(
        since=stamp(total.since),
        evaluations=sum(one.evaluations for one in used.values()),
        last_evaluated=_minute(last),
        last_synced=_minute(synced),
        without_unit=total.without_unit,
        sole_variant=total.sole,
        sole_since=_minute(total.sole_since) if total.sole else None,
        sole_evaluations=total.sole_evaluations,
        variants=[
            VariantUse(name=name, evaluations=one.evaluations, last_used=_minute(one.last))
            for name, one in used.items()
        ],
    )


def _minute(seconds: float | None) -> str | None:
    return minute(seconds) if seconds else None


def worth_writing(written: FlagUsage | None, live: FlagUsage, *, patience: float) -> bool:
    """Whether status should say more than it does; that time passed is no reason.

    Args:
        patience: seconds by which `lastSynced` may lag: a client that stays connected moves it all the time.
    """
    if written is None:
        return True
    same = written.model_copy(update={"last_synced": live.last_synced}) == live
    return not same or _lags(written.last_synced, live.last_synced, patience)


def _lags(written: str | None, live: str | None, patience: float) -> bool:
    new, old = moment(live), moment(written)
    return new is not None and (old is None or new - old > patience)
