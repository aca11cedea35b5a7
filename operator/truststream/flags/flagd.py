"""flagd's JSON: what in-process clients evaluate; equal to our evaluation, or not delivered at all.

The format is that of flagd's published definition schema; its targeting language is JSONLogic. A test compares ours
with flagd's own evaluators for thousands of random flags and contexts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from truststream.api.featureflag import BucketingVersion, FeatureFlagSpec, FlagRule, Segment
from truststream.flags import flagd_logic as logic
from truststream.flags.bucketing import thousandths
from truststream.flags.effective import Phase, Timetable, timetable
from truststream.flags.flagd_conditions import Deal, express_condition
from truststream.flags.flagd_logic import Inexpressible, Logic
from truststream.flags.flagset import CompiledFlag, FlagSet

LARGEST: Final = 1 << 19
"""Bytes of a flag's targeting; a client gets all flags of a namespace in one message of 4 MiB."""
DEEPEST: Final = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Expressed:
    """A flag in flagd's language: its `entry`, or the `reasons` why there is none."""

    entry: Mapping[str, Any] | None
    reasons: tuple[str, ...] = ()


def express(
    spec: FeatureFlagSpec, key: str, segments: Mapping[str, Segment], prerequisites: Mapping[str, CompiledFlag]
) -> Expressed:
    """A flag's entry in flagd's JSON.

    Args:
        spec: the effective one: environment and overlay applied, schedule not. It has no problems.
        key: what applications call the flag.
        segments: those of the namespace, by name.
        prerequisites: compiled, by key; those that are served.
    """
    table = timetable(spec)
    entry = {"state": "ENABLED", "variants": spec.variants, "defaultVariant": table.phases[-1].default_variant}
    if not any(phase.enabled for phase in table.phases) and len({p.default_variant for p in table.phases}) == 1:
        return Expressed(entry | {"metadata": {"disabled": True}})
    writer = _Writer(spec, key, segments, prerequisites, table, [])
    targeting = writer.targeting()
    if writer.reasons:
        return Expressed(None, tuple(dict.fromkeys(writer.reasons)))
    if isinstance(targeting, str):
        return Expressed(entry | {"defaultVariant": targeting})
    if refused := _refused(targeting, spec):
        return Expressed(None, (refused,))
    return Expressed(entry | {"targeting": targeting})


def document(flags: FlagSet) -> str:
    """The flags that can be expressed, as an in-process client is sent them; large, so keep it with the set."""
    scope = f"{flags.namespace}/{flags.environment}" if flags.environment else flags.namespace
    entries = {key: _with_metadata(flag) for key, flag in flags.flags.items() if flag.flagd is not None}
    content = {"flags": entries, "metadata": {"flagSetId": scope, "version": flags.version}}
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _with_metadata(flag: CompiledFlag) -> dict[str, Any]:
    entry = dict(flag.flagd or {})
    metadata = {**flag.metadata, **entry.get("metadata", {})}
    return entry | {"metadata": metadata} if metadata else entry


@dataclass(frozen=True, slots=True)
class _Writer:
    """One flag on its way; collects all reasons, not only the first."""

    spec: FeatureFlagSpec
    key: str
    segments: Mapping[str, Segment]
    prerequisites: Mapping[str, CompiledFlag]
    table: Timetable
    reasons: list[str]

    def targeting(self) -> Logic:
        """The whole decision; a variant's name alone when nothing decides."""
        default = self._over_time(lambda phase: phase.default_variant)
        gate = logic.both(
            self._over_time(lambda phase: phase.enabled),
            *(self._prerequisite(one.flag, one.variants) for one in self.spec.prerequisites),
            *(logic.same(logic.var(name), text) for name, text in self._target() if text is not None),
        )
        branches: list[Logic] = [] if gate is True else [logic.negated(gate), default]
        for condition, variant in self._branches():
            if condition is not False:
                branches += [condition, variant]
        return _chain(branches, default)

    def _over_time(self, value: Callable[[Phase], T]) -> Logic:
        return self._said("", lambda: logic.by_time(self.table.boundaries, list(map(value, self.table.phases))))

    def _said(self, where: str, say: Callable[[], Logic]) -> Logic:
        try:
            return say()
        except Inexpressible as error:
            self.reasons.append(f"{where}{error}")
            return False

    def _target(self) -> tuple[tuple[str, str | None], ...]:
        return ("targetType", self.spec.target_type), ("targetId", self.spec.target_id)

    def _deal(self, path: str = "") -> Deal:
        bucketing = self.spec.bucketing
        return Deal(f"{bucketing.salt or self.key}{path}", bucketing.by, self.segments)

    def _prerequisite(self, key: str, variants: list[str]) -> Logic:
        flag = self.prerequisites.get(key)
        if flag is None:  # not served, so never met
            return False
        if flag.flagd is None:
            self.reasons.extend(f"prerequisite {key}: {reason}" for reason in flag.undeliverable)
            return False
        targeting = flag.flagd.get("targeting")
        if targeting is None:
            return flag.flagd["defaultVariant"] in variants
        if _deals(targeting) and flag.spec.bucketing.version != self.spec.bucketing.version:
            self.reasons.append(f"prerequisite {key} deals its units by another bucketing version")
        return {"in": [targeting, variants]}

    def _branches(self) -> Iterator[tuple[Logic, Logic]]:
        for rule in sorted(self.spec.rules, key=lambda rule: rule.priority):
            yield self._rule(rule)
        conditions = self._over_time(self._rollout)
        variant = self._over_time(lambda phase: phase.rollout_variant or phase.default_variant)
        yield conditions, variant

    def _rollout(self, phase: Phase) -> Logic:
        if phase.rollout_percentage is None or phase.rollout_variant is None:
            return False
        return self._share(phase.rollout_percentage)

    def _share(self, percent: float) -> Logic:
        return self._said("", lambda: self._deal().share(percent))

    def _rule(self, rule: FlagRule) -> tuple[Logic, Logic]:
        where, deal = f"rule {rule.name}: ", self._deal(f"/{rule.name}")
        held = [self._said(where, partial(express_condition, one, deal)) for one in rule.conditions]
        share = self._share(rule.rollout_percentage)
        if rule.distribution is None:
            return logic.both(*held, share), rule.variant
        return logic.both(*held, share, self._said(where, self._unit)), self._said(where, lambda: self._split(rule))

    def _unit(self) -> Logic:
        return logic.has_unit(self.spec.bucketing.by)

    def _split(self, rule: FlagRule) -> Logic:
        shares = [(share.variant, thousandths(share.weight)) for share in rule.distribution or []]
        deal = self._deal("/distribution")
        return logic.fractional(deal.prefix, deal.by, shares)


def _chain(branches: list[Logic], default: Logic) -> Logic:
    """The first branch that holds; what comes after one that always does is left out."""
    kept: list[Logic] = []
    for condition, value in zip(branches[::2], branches[1::2], strict=True):
        if condition is True:
            return {"if": [*kept, value]} if kept else value
        kept += [condition, value]
    return {"if": [*kept, default]} if kept else default


def _refused(targeting: Logic, spec: FeatureFlagSpec) -> str | None:
    if spec.bucketing.version is BucketingVersion.RENDEZVOUS and _deals(targeting):
        return "its units are dealt by Rendezvous, which flagd does not know"
    salt = spec.bucketing.salt or ""
    if spec.bucketing.version is BucketingVersion.FLAGD_V2 and not salt.isascii() and _deals(targeting):
        return "its salt is not plain ASCII, and flagd's evaluator for Node hashes that in its own way"
    if _depth(targeting) > DEEPEST:
        return f"prerequisites of prerequisites nest its conditions deeper than {DEEPEST} levels"
    if len(json.dumps(targeting)) > LARGEST:
        return f"its rules with their segments and prerequisites take more than {LARGEST >> 10} KiB in flagd's language"
    return None


def _deals(targeting: Logic) -> bool:
    return any(isinstance(one, dict) and "fractional" in one for one in _walk(targeting))


def _walk(expression: Logic) -> Iterator[Logic]:
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += _children(one)


def _depth(expression: Logic) -> int:
    level, depth = [expression], 0
    while level:
        depth += 1
        level = [child for one in level for child in _children(one)]
    return depth


def _children(one: Logic) -> list[Logic]:
    return list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
