"""Whether a flag has outlived its use: from what applications really asked, and from what its spec can still decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from truststream.api.featureflag import FeatureFlagSpec, FlagRule
from truststream.api.flagstatus import FlagUsage
from truststream.flags.life.reporting import MINUTE
from truststream.flags.moments import moment

ENOUGH: Final = 100
"""Evaluations before one variant for all says anything."""

_EVERYBODY: Final = 100.0


class Reason(StrEnum):
    """Why a flag should be removed; the first that holds is told."""

    EXPIRED = "Expired"
    NOT_EVALUATED = "NotEvaluated"
    ROLLED_OUT = "RolledOut"
    SOLE_VARIANT = "SoleVariant"


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of a flag's life; times in seconds since the epoch.

    `only` is the variant that everybody gets by the spec, empty when it can give several. `counted_until` is when all
    servers last told what they counted, None while that is not known (since the operator started): then `previous`,
    the reason told so far, stays where it rests on counts.
    """

    created: float
    stale_after: float
    expires_at: float | None = None
    served_since: float | None = None
    only: str = ""
    usage: FlagUsage | None = None
    counted_until: float | None = None
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Stale:
    """Why, and since when."""

    reason: Reason
    since: float
    message: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    stale: Stale
    from_when: float  # when it begins to hold, should nothing change
    known_at: float | None  # up to when what it rests on is known


def staleness(life: Life, now: float) -> tuple[Stale | None, float | None]:
    """The reason, and when another may begin to hold by itself."""
    found = list(_candidates(life))
    holding = [one.stale for one in found if _holds(one, life, now)]
    later = [at for one in found if (at := _again(one, now)) is not None]
    return (holding[0] if holding else None), min(later, default=None)


def _again(one: _Candidate, now: float) -> float | None:
    """What is ripe but not known to be so yet is looked at when the servers were asked once more."""
    if one.from_when > now:
        return one.from_when
    lags = one.known_at is not None and one.known_at < one.from_when
    return now + MINUTE if lags else None


def _holds(one: _Candidate, life: Life, now: float) -> bool:
    if one.from_when > now:
        return False
    if one.known_at is None:
        return life.previous == one.stale.reason
    return one.from_when <= one.known_at


def _candidates(life: Life) -> Iterator[_Candidate]:
    """In the order of telling. But for a date that a person set nothing is said of a flag younger than staleAfter."""
    if life.expires_at is not None:
        stale = Stale(Reason.EXPIRED, life.expires_at, "its expiresAt is past; remove it or set another date")
        yield _Candidate(stale, life.expires_at, life.expires_at)
    grown = life.created + life.stale_after
    yield from _not_evaluated(life, grown)
    if life.only and life.served_since is not None:
        message = f"its spec gives everybody {life.only}; put that into the code and remove the flag"
        ripe = max(grown, life.served_since + life.stale_after)
        yield _Candidate(Stale(Reason.ROLLED_OUT, life.served_since, message), ripe, ripe)
    yield from _sole_variant(life, grown)


def _not_evaluated(life: Life, grown: float) -> Iterator[_Candidate]:
    usage = life.usage
    if usage is None or (since := _latest(usage.since, usage.last_evaluated, usage.last_synced)) is None:
        return
    stale = Stale(Reason.NOT_EVALUATED, since, "no application has asked for it; remove it")
    yield _Candidate(stale, max(grown, since + life.stale_after), life.counted_until)


def _sole_variant(life: Life, grown: float) -> Iterator[_Candidate]:
    """A new spec starts the time anew; while an in-process client holds the flag, not all evaluations are counted."""
    usage = life.usage
    if usage is None or usage.sole_evaluations < ENOUGH or (sole := moment(usage.sole_since)) is None:
        return
    since = max(sole, life.served_since or sole)
    synced = moment(usage.last_synced)
    ripe = max(grown, since + life.stale_after, (synced or 0.0) + life.stale_after)
    message = f"all {usage.sole_evaluations} evaluations gave {usage.sole_variant}; put that into the code, or use it"
    yield _Candidate(Stale(Reason.SOLE_VARIANT, since, message), ripe, life.counted_until)


def _latest(*times: str | None) -> float | None:
    return max((at for at in map(moment, times) if at is not None), default=None)


def only_variant(specs: Sequence[FeatureFlagSpec]) -> str:
    """The variant that everybody gets in every environment; empty when there are several.

    Args:
        specs: the effective ones, of now.
    """
    outcomes = {outcome for spec in specs for outcome in _outcomes(spec)}
    return next(iter(outcomes)) if len(outcomes) == 1 else ""


def _outcomes(spec: FeatureFlagSpec) -> Iterable[str]:
    """Every variant that some context may get."""
    if not spec.enabled:
        return {spec.default_variant}
    reached = set()
    if spec.prerequisites or spec.target_type or spec.target_id:
        reached.add(spec.default_variant)
    for rule in sorted(spec.rules, key=lambda one: one.priority):
        reached |= _of_rule(rule)
        if not rule.conditions and rule.rollout_percentage >= _EVERYBODY:
            return reached
    if spec.rollout_percentage and spec.rollout_variant:
        reached.add(spec.rollout_variant)
        if spec.rollout_percentage >= _EVERYBODY:
            return reached
    return {*reached, spec.default_variant}


def _of_rule(rule: FlagRule) -> set[str]:
    if not rule.rollout_percentage:
        return set()
    shares = {one.variant for one in rule.distribution or () if one.weight}
    return shares | ({rule.variant} if rule.variant else set())
