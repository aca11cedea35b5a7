"""Everything that is wrong with a FeatureFlag and that neither the schema nor CEL can say."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from truststream.api.featureflag import FeatureFlagSpec, Segment
from truststream.flags.examine import Examined, examine
from truststream.flags.prerequisites import MOST, needed, ordered, reaches
from truststream.flags.segments import problems_of_segment
from truststream.flags.source import FlagProblem, FlagSource

Specs = Mapping[str, FeatureFlagSpec]
"""Flags by key."""


def problems_of(
    source: FlagSource, others: Specs | None = None, segments: Mapping[str, Segment] | None = None
) -> list[FlagProblem]:
    """What is wrong with the newest spec of a resource; paths begin with ``spec``.

    Args:
        source: the resource.
        others: the namespace's other flags by key; None: not known, so prerequisites are not looked up.
        segments: the namespace's segments by name; None: not known, so they are not looked up.
    """
    examined = examine(source.spec, source.key)
    found = [*examined.problems]
    if segments is not None:
        wrong = {name: said for name, one in segments.items() if (said := unusable(name, one))}
        found += segment_problems(examined, {name for name in segments if name not in wrong}, wrong)
    if others is not None and examined.spec is not None:
        found += prerequisite_problems(examined.spec, others, others.keys())
        found += cycle_problems(examined.spec, source.key, others)
    return found


def unusable(name: str, segment: Segment) -> str:
    """Why a segment cannot be carried out; empty when it can."""
    return next((str(problem) for problem in problems_of_segment(name, segment)), "")


def segment_problems(examined: Examined, usable: Container[str], wrong: Mapping[str, str]) -> Iterator[FlagProblem]:
    """Segments that the spec names and that are not there, or that cannot be carried out."""
    for path, name in examined.segments:
        if name not in usable:
            reason = (
                f"cannot be used: {wrong[name]}" if name in wrong else "is in no labelled ConfigMap that can be read"
            )
            yield FlagProblem(path, f"segment {name!r} {reason}", "UnknownSegment")


def prerequisite_problems(spec: FeatureFlagSpec, served: Specs, known: Container[str]) -> Iterator[FlagProblem]:
    """Prerequisites that are not there or not `served`, and variants that they do not have."""
    for index, one in enumerate(spec.prerequisites):
        path = f"spec.prerequisites[{index}]"
        other = served.get(one.flag)
        if other is None:
            yield FlagProblem(f"{path}.flag", _absent(one.flag, known), "UnknownPrerequisite")
            continue
        for place, variant in enumerate(one.variants):
            if variant not in other.variants:
                text = f"{variant!r} is no variant of {one.flag}: {', '.join(other.variants)}"
                yield FlagProblem(f"{path}.variants[{place}]", text, "UnknownVariant")


def _absent(key: str, known: Container[str]) -> str:
    if key in known:
        return f"{key} is not served itself; look at its conditions"
    return f"no FeatureFlag of this namespace has the key {key!r}"


def cycle_problems(spec: FeatureFlagSpec, key: str, others: Specs) -> Iterator[FlagProblem]:
    """Prerequisites that need this flag themselves, and too many of them."""
    graph = {name: [one.flag for one in other.prerequisites] for name, other in others.items() if name != key}
    for index, one in enumerate(spec.prerequisites):
        if one.flag != key and reaches(graph, [one.flag], key):
            yield in_cycle(one.flag, index)
    own = {**graph, key: [one.flag for one in spec.prerequisites]}
    if len(needed(own, ordered(own))[key]) > MOST:
        yield too_many()


def in_cycle(needed_key: str, index: int = 0) -> FlagProblem:
    """The flag needs itself."""
    text = f"{needed_key} needs this flag in turn, directly or through others; take one of them out"
    return FlagProblem(f"spec.prerequisites[{index}].flag", text, "PrerequisiteCycle")


def too_many() -> FlagProblem:
    """The flag needs more than can be evaluated each time."""
    text = f"the flag needs more than {MOST} others, theirs included; flatten the prerequisites"
    return FlagProblem("spec.prerequisites", text, "TooManyPrerequisites")
