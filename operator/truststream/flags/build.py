"""All flags of a namespace in one environment, compiled; what did not change is taken over from before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from truststream.api.featureflag import FeatureFlagSpec, Segment
from truststream.flags.choice import Choice, Sight, choose, look, unchanged
from truststream.flags.compile import Recipe, compile_flag, is_static
from truststream.flags.digests import digest, same
from truststream.flags.effective import effective, read_overlay, timetable
from truststream.flags.examine import Examined
from truststream.flags.flagset import CompiledFlag, FlagSet
from truststream.flags.prerequisites import ordered
from truststream.flags.problems import unusable
from truststream.flags.segments import same_segment
from truststream.flags.source import FlagProblem, FlagSource


@dataclass(frozen=True, slots=True)
class _Made:
    """A compiled flag and what it was made from."""

    flag: CompiledFlag
    name: str
    examined: Examined
    overlay: Mapping[str, Any] | None
    segments: Mapping[str, Segment]
    prerequisites: Mapping[str, CompiledFlag]


@dataclass(frozen=True, slots=True)
class _Checked:
    """A segment and why it cannot be used; empty when it can."""

    segment: Segment
    wrong: str


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the next build need not do again. Segments in use are kept when their ConfigMap goes."""

    sights: Mapping[str, Sight] = field(default_factory=dict)  # by resource
    made: Mapping[str, _Made] = field(default_factory=dict)  # by key
    checked: Mapping[str, _Checked] = field(default_factory=dict)


@dataclass(slots=True)
class _Bench:
    """One build."""

    namespace: str
    environment: str
    now: float
    before: _Memory
    segments: Mapping[str, Segment]
    made: dict[str, _Made] = field(default_factory=dict)
    warnings: dict[str, tuple[FlagProblem, ...]] = field(default_factory=dict)

    def make(self, key: str, sight: Sight, examined: Examined, spec: FeatureFlagSpec) -> None:
        """Compile a flag whose prerequisites are made, or take it over."""
        used = {name: self._segment(key, name) for _, name in examined.segments}
        needs = {one.flag: self.made[one.flag].flag for one in spec.prerequisites if one.flag in self.made}
        overlay, warnings = read_overlay(sight.source.overlay, spec)
        if warnings:
            self.warnings[sight.source.name] = tuple(warnings)
        old = self.before.made.get(key)
        same = _Made(old.flag, sight.source.name, examined, sight.source.overlay, used, needs) if old else None
        if old is not None and same is not None and _alike(old, same):
            self.made[key] = replace(same, flag=_at(old.flag, self.now))
            return
        effective_spec = effective(spec, self.environment, overlay)
        name = sight.source.name
        recipe = Recipe(self.namespace, name, key, self.environment, effective_spec, used, needs)
        flag = compile_flag(recipe, self.now)
        self.made[key] = _Made(flag, name, examined, sight.source.overlay, used, needs)

    def _segment(self, key: str, name: str) -> Segment:
        """As it is, or as this flag knew it last."""
        found = self.segments.get(name)
        return found if found is not None else self.before.made[key].segments[name]


def _alike(old: _Made, new: _Made) -> bool:
    """Whether the flag would be compiled to the same."""
    return (
        old.examined is new.examined
        and old.name == new.name
        and same(old.overlay, new.overlay)
        and old.segments.keys() == new.segments.keys()
        and all(one is new.segments[name] for name, one in old.segments.items())
        and old.prerequisites.keys() == new.prerequisites.keys()
        and all(flag is new.prerequisites[key] for key, flag in old.prerequisites.items())
    )


def _at(flag: CompiledFlag, now: float) -> CompiledFlag:
    """The flag as of another time: only what a schedule says of itself changes."""
    if not flag.spec.schedule:
        return flag
    table = timetable(flag.spec)
    phase, next_change = table.index(now), table.next_change(now)
    if (phase, next_change) == (flag.phase, flag.next_change):
        return flag
    return replace(flag, phase=phase, next_change=next_change, static=is_static(flag.spec, table, phase))


def build(
    sources: Iterable[FlagSource],
    segments: Mapping[str, Segment],
    *,
    namespace: str,
    environment: str,
    now: float,
    previous: FlagSet | None = None,
) -> FlagSet:
    """Compile what changed, share the rest with `previous`; never raises for anything that a resource says.

    Args:
        sources: the FeatureFlags of the namespace.
        segments: its segments by name, those that can be read; see `flags.segmentsource`.
        namespace: whose flags.
        environment: whose overrides hold; empty: flags as in their spec.
        now: seconds since the epoch, for `next_change` and what depends on it.
        previous: the same namespace and environment as it was built before.
    """
    before = _recall(previous, namespace, environment)
    sights = {source.name: _sight(source, before) for source in sources}
    checked = {name: _check(name, one, before) for name, one in segments.items()}
    wrong = {name: one.wrong for name, one in checked.items() if one.wrong}
    usable = frozenset(checked.keys() - wrong.keys())
    remembered = {key: made.examined for key, made in before.made.items()}
    choice = choose(sights.values(), usable, wrong, remembered)
    bench = _Bench(namespace, environment, now, before, {name: checked[name].segment for name in usable})
    _make_all(bench, choice)
    return _flag_set(bench, choice, _Memory(sights, bench.made, checked))


def _recall(previous: FlagSet | None, namespace: str, environment: str) -> _Memory:
    if previous is None or (previous.namespace, previous.environment) != (namespace, environment):
        return _Memory()
    return previous.memory if isinstance(previous.memory, _Memory) else _Memory()


def _sight(source: FlagSource, before: _Memory) -> Sight:
    known = before.sights.get(source.name)
    return known if known is not None and unchanged(known, source) else look(source, known)


def _check(name: str, segment: Segment, before: _Memory) -> _Checked:
    known = before.checked.get(name)
    if known is not None and same_segment(known.segment, segment):
        return known
    return _Checked(segment, unusable(name, segment))


def _make_all(bench: _Bench, choice: Choice) -> None:
    graph = choice.graph()
    for key in (*(key for key in choice.chosen if key not in graph), *ordered(graph)):
        examined = choice.chosen.get(key)
        if examined is not None and examined.spec is not None and key not in bench.made:
            bench.make(key, choice.sights[key], examined, examined.spec)


def _flag_set(bench: _Bench, choice: Choice, memory: _Memory) -> FlagSet:
    flags = {key: bench.made[key].flag for key in sorted(bench.made)}
    parts = [[key, flag.digest, flag.phase] for key, flag in flags.items()]
    return FlagSet(
        namespace=bench.namespace,
        environment=bench.environment,
        version=digest([bench.namespace, bench.environment, parts]),
        flags=flags,
        problems={name: tuple(found) for name, found in sorted(choice.problems.items())},
        next_change=min((flag.next_change for flag in flags.values() if flag.next_change is not None), default=None),
        warnings=dict(sorted(bench.warnings.items())),
        memory=memory,
    )
