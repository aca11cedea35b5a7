"""One flag as a function: closures over what was compiled, answers made beforehand, nothing that raises.

A rule is a function of context and time that gives its answer; False when it does not take the context, None when that
is for want of a unit. An answer is a pair: without and with `unit_missing`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from truststream.api.featureflag import BucketingVersion, FeatureFlagSpec, FlagRule, WeightedVariant
from truststream.flags.bucketing import (
    Pick,
    Place,
    Unit,
    fractional,
    included,
    place_of,
    rendezvous,
    thousandths,
    unit_of,
)
from truststream.flags.conditions.base import Included, Surroundings, Test
from truststream.flags.conditions.operators import compile_condition
from truststream.flags.effective import Phase, Timetable
from truststream.flags.evaluation import Context, Evaluation, Reason
from truststream.flags.flagset import Decide

Answer = tuple[Evaluation, Evaluation]
Rule = Callable[[Context, float], Answer | bool | None]
Take = Callable[[Context], Answer | bool | None]


@dataclass(frozen=True, slots=True)
class Dealer:
    """How the units of one flag are dealt."""

    key: str
    variants: Mapping[str, Any]
    version: BucketingVersion
    salt: str
    unit: Unit
    place: Place

    def answer(self, variant: str, reason: Reason, rule: str = "") -> Answer:
        """An evaluation that gives the variant."""
        plain = Evaluation(self.key, self.variants[variant], variant, reason, rule)
        return plain, replace(plain, unit_missing=True)

    def share(self, percent: float) -> Included:
        """All inclusions of a flag ask the same place, so that growing keeps who is in."""
        return included(percent, self.salt, self.unit, self.place)

    def pick(self, shares: Sequence[WeightedVariant]) -> Pick:
        """Who gets which of a distribution; independent of the inclusion."""
        weights, prefix = [thousandths(share.weight) for share in shares], f"{self.salt}/distribution"
        if self.version is BucketingVersion.RENDEZVOUS:
            return rendezvous([share.variant for share in shares], weights, f"{prefix}/")
        return fractional(weights, prefix, self.place)


def dealer_of(key: str, spec: FeatureFlagSpec) -> Dealer:
    """The salt is the key where none is given."""
    bucketing = spec.bucketing
    unit, place = unit_of(bucketing.by), place_of(bucketing.version)
    return Dealer(key, spec.variants, bucketing.version, bucketing.salt or key, unit, place)


def surroundings_of(dealer: Dealer, rule: str, segments: Mapping[str, Test]) -> Surroundings:
    """What the conditions of a rule see; their percentages are dealt apart from its inclusion."""
    prefix = f"{dealer.salt}/{rule}"

    def share(percent: float, path: str | None) -> Included:
        return included(percent, prefix, unit_of(path) if path else dealer.unit, dealer.place)

    return Surroundings(share, segments)


def compile_rules(dealer: Dealer, rules: Sequence[FlagRule], segments: Mapping[str, Test]) -> list[Rule]:
    """In the order in which they are tried.

    Raises:
        Unfit: a condition cannot be carried out.
    """
    return [_rule(dealer, rule, segments) for rule in sorted(rules, key=lambda rule: rule.priority)]


def _rule(dealer: Dealer, rule: FlagRule, segments: Mapping[str, Test]) -> Rule:
    around = surroundings_of(dealer, rule.name, segments)
    tests = tuple(compile_condition(condition, around) for condition in rule.conditions)
    if rule.distribution:
        take = _distributed(dealer, rule.rollout_percentage, rule.distribution, rule.name)
    else:
        answer = dealer.answer(rule.variant or "", Reason.TARGETING_MATCH, rule.name)
        take = _given(dealer, rule.rollout_percentage, answer)
    return _guarded(tests, take)


def _guarded(tests: tuple[Test, ...], take: Take) -> Rule:
    if len(tests) == 1:
        only = tests[0]
        return lambda context, now: only(context, now) and take(context)

    def rule(context: Context, now: float) -> Answer | bool | None:
        for test in tests:
            if not (held := test(context, now)):
                return held
        return take(context)

    return rule


def _given(dealer: Dealer, percent: float, answer: Answer) -> Take:
    """One variant for the units that are included."""
    if thousandths(percent) == thousandths(100):
        return lambda _context: answer
    share = dealer.share(percent)
    return lambda context: share(context) and answer


def _distributed(dealer: Dealer, percent: float, shares: Sequence[WeightedVariant], rule: str) -> Take:
    """One of several variants for the units that are included."""
    answers = [dealer.answer(share.variant, Reason.SPLIT, rule) for share in shares]
    pick, share, unit = dealer.pick(shares), dealer.share(percent), dealer.unit

    def take(context: Context) -> Answer | bool | None:
        if not (inside := share(context)):
            return inside
        name = unit(context)
        return None if name is None else answers[pick(name)]

    return take


def rollout(dealer: Dealer, phase: Phase) -> list[Rule]:
    """The flag's own rollout, tried after its rules; none where there is none."""
    if phase.rollout_percentage is None or phase.rollout_variant is None:
        return []
    answer = dealer.answer(phase.rollout_variant, Reason.SPLIT)
    return [_guarded((), _given(dealer, phase.rollout_percentage, answer))]


def target_of(spec: FeatureFlagSpec) -> Test | None:
    """Whether the flag is for a context at all; None where it is for every one."""
    wanted = [("targetType", spec.target_type), ("targetId", spec.target_id)]
    pairs = [(field, text) for field, text in wanted if text is not None]
    if not pairs:
        return None

    def test(context: Context, _now: float) -> bool:
        return all(isinstance(value := context.get(field), str) and value == text for field, text in pairs)

    return test


def first_of(rules: Sequence[Rule], target: Test | None, default: Answer) -> Decide:
    """The answer of the first rule that gives one, else the default."""
    if not rules:
        return _constant(default[0])
    tried = tuple(rules)

    def decide(context: Context, now: float) -> Evaluation:
        missing = False
        for rule in tried:
            found = rule(context, now)
            if isinstance(found, tuple):
                return found[missing]
            missing = missing or found is None
        return default[missing]

    if target is None:
        return decide
    return lambda context, now: decide(context, now) if target(context, now) else default[0]


def _constant(evaluation: Evaluation) -> Decide:
    return lambda _context, _now: evaluation


def by_phase(table: Timetable, phases: Sequence[Decide]) -> Decide:
    """The phase of the time decides."""
    if len(phases) == 1:
        return phases[0]
    boundaries, ordered = table.boundaries, tuple(phases)
    return lambda context, now: ordered[bisect_right(boundaries, now)](context, now)
