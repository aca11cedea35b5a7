"""Segments: checked, and compiled once for all flags of a namespace.

A percentage in a segment deals the same units for every flag of one bucketing version: its text is the segment's name
and the targeting key (or the condition's own field), without any flag's salt.
"""

from __future__ import annotations

from collections.abc import Iterator

from truststream.api.featureflag import TARGETING_KEY, BucketingVersion, Segment
from truststream.flags.bucketing import included, place_of, unit_of
from truststream.flags.conditions.base import Included, Surroundings, Test, Unfit
from truststream.flags.conditions.operators import OF_SEGMENTS, compile_condition
from truststream.flags.digests import same
from truststream.flags.evaluation import Context
from truststream.flags.source import FlagProblem


def problems_of_segment(name: str, segment: Segment) -> Iterator[FlagProblem]:
    """What a schema cannot say of a segment; paths begin with ``conditions``."""
    around = surroundings(name, BucketingVersion.FLAGD_V2)
    for index, condition in enumerate(segment.conditions):
        path = f"conditions[{index}]"
        if condition.operator in OF_SEGMENTS:
            yield FlagProblem(f"{path}.operator", "segments cannot be nested")
            continue
        try:
            compile_condition(condition, around)
        except Unfit as error:
            yield FlagProblem(f"{path}.{error.part}", str(error), error.reason)


def same_segment(one: Segment, other: Segment) -> bool:
    """Whether JSON writes both alike."""
    return one is other or same(one.model_dump(mode="json"), other.model_dump(mode="json"))


def surroundings(name: str, version: BucketingVersion) -> Surroundings:
    """What conditions of a segment see: its own deal, and no other segments."""
    place = place_of(version)

    def share(percent: float, path: str | None) -> Included:
        return included(percent, f"{name}/", unit_of(path or TARGETING_KEY), place)

    return Surroundings(share)


def compile_segment(name: str, segment: Segment, version: BucketingVersion) -> Test:
    """Whether a context belongs to it: never when excluded, always when included, else when all conditions hold.

    Without conditions only those included belong to it.

    Raises:
        Unfit: a condition cannot be carried out.
    """
    around = surroundings(name, version)
    conditions = tuple(compile_condition(condition, around) for condition in segment.conditions)
    inside, outside = frozenset(segment.included), frozenset(segment.excluded)

    def test(context: Context, now: float) -> bool | None:
        key = context.get(TARGETING_KEY)
        if isinstance(key, str):
            if key in outside:
                return False
            if key in inside:
                return True
        for condition in conditions:
            if not (held := condition(context, now)):
                return held
        return bool(conditions)

    return test
