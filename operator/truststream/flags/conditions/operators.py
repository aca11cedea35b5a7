"""The operators: what each needs, and how a condition becomes a test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

from truststream.api.featureflag import FlagCondition, Operator
from truststream.flags.conditions import networks, scalars, texts, times, versions
from truststream.flags.conditions.base import Predicate, Surroundings, Test, Unfit, getter, is_number
from truststream.flags.conditions.base import texts as names_in
from truststream.flags.evaluation import Context

OF_FIELD: Final[dict[Operator, Callable[[Any], Predicate]]] = {
    Operator.EQUALS: scalars.equals,
    Operator.GREATER_THAN: scalars.greater_than,
    Operator.GREATER_OR_EQUAL: scalars.greater_or_equal,
    Operator.LESS_THAN: scalars.less_than,
    Operator.LESS_OR_EQUAL: scalars.less_or_equal,
    Operator.IN: scalars.is_in,
    Operator.CONTAINS: texts.contains,
    Operator.STARTS_WITH: texts.starts_with,
    Operator.ENDS_WITH: texts.ends_with,
    Operator.MATCHES: texts.matches,
    Operator.SEM_VER: versions.sem_ver,
    Operator.CIDR: networks.cidr,
    Operator.EXISTS: scalars.exists,
}
NEGATIONS: Final[dict[Operator, Callable[[Any], Predicate]]] = {
    Operator.NOT_EQUALS: scalars.equals,
    Operator.NOT_IN: scalars.is_in,
    Operator.NOT_CONTAINS: texts.contains,
}
OF_TIME: Final[dict[Operator, Callable[[str | None, Any, tzinfo], Test]]] = {
    Operator.TIME_OF_DAY: times.time_of_day,
    Operator.WEEKDAY: times.weekday,
    Operator.BEFORE: times.before,
    Operator.AFTER: times.after,
}
OF_SEGMENTS: Final = frozenset({Operator.IN_SEGMENT, Operator.NOT_IN_SEGMENT})


def compile_condition(condition: FlagCondition, around: Surroundings) -> Test:
    """The condition as a test that never raises.

    Raises:
        Unfit: field, value or zone do not fit the operator, or a segment is not known.
    """
    operator, value = condition.operator, condition.value
    _expect(condition)
    if operator in OF_TIME:
        return OF_TIME[operator](condition.field, value, times.zone_of(condition.time_zone))
    if operator in OF_SEGMENTS:
        return _segments(value, around, wanted=operator is Operator.IN_SEGMENT)
    if operator is Operator.PERCENTAGE:
        return _percentage(condition.field, value, around)
    negated = operator in NEGATIONS
    predicate = (NEGATIONS if negated else OF_FIELD)[operator](value)
    return _of_field(condition.field or "", predicate, negated=negated)


def _expect(condition: FlagCondition) -> None:
    operator = condition.operator
    if operator in OF_SEGMENTS and condition.field is not None:
        raise Unfit("field", f"{operator} looks at the whole context; leave the field out")
    if condition.field is None and (operator in OF_FIELD or operator in NEGATIONS):
        raise Unfit("field", f"is missing; {operator} compares a field of the context")
    if condition.time_zone is not None and operator not in OF_TIME:
        raise Unfit("timeZone", f"is only for {', '.join(OF_TIME)}")
    if operator is not Operator.EXISTS and "value" not in condition.model_fields_set:
        raise Unfit("value", "is missing")


def _of_field(path: str, predicate: Predicate, *, negated: bool) -> Test:
    get = getter(path)
    if negated:
        return lambda context, _now: not predicate(get(context))
    if "." in path:
        return lambda context, _now: predicate(get(context))
    return lambda context, _now: predicate(context.get(path))


def percentage(value: Any) -> float:
    """0 to 100, to 0.001.

    Raises:
        Unfit: anything else.
    """
    if not is_number(value) or not 0 <= value <= 100:
        raise Unfit("value", "must be a number from 0 to 100")
    if abs(value * 1000 - round(value * 1000)) > 1e-6:
        raise Unfit("value", "takes at most three digits after the point: 0.001 is the smallest share")
    return float(value)


def _percentage(field: str | None, value: Any, around: Surroundings) -> Test:
    included = around.share(percentage(value), field)
    return lambda context, _now: included(context)


def _segments(value: Any, around: Surroundings, *, wanted: bool) -> Test:
    names = names_in(value)
    if unknown := [name for name in names if name not in around.segments]:
        raise Unfit("value", f"there is no segment {unknown[0]!r} in this namespace", reason="UnknownSegment")
    tests = tuple(around.segments[name] for name in names)

    def test(context: Context, now: float) -> bool | None:
        answers = [test(context, now) for test in tests]
        if any(answers):
            return wanted
        return None if wanted and None in answers else not wanted

    return test
