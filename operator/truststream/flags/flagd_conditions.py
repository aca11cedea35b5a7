"""A condition of a rule or a segment in JSONLogic, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from truststream.api.featureflag import TARGETING_KEY, FlagCondition, Operator, Segment
from truststream.flags import flagd_logic as logic
from truststream.flags.bucketing import FULL, thousandths
from truststream.flags.conditions import times, versions
from truststream.flags.flagd_logic import Inexpressible, Logic
from truststream.flags.moments import is_fixed

_DAY: Final = 86_400
_INSIDE: Final = "in"
_OUTSIDE: Final = "out"


@dataclass(frozen=True, slots=True)
class Deal:
    """Where a condition's percentages come from: the text before the unit, and the field that names it."""

    prefix: str
    by: str
    segments: Mapping[str, Segment] = field(default_factory=dict)

    def share(self, percent: float, path: str | None = None) -> Logic:
        """Whether the unit is in so many percent; 0 and 100 ask for none."""
        weight, by = thousandths(percent), path or self.by
        if weight in (0, FULL):
            return weight == FULL
        dealt = logic.fractional(self.prefix, by, [(_INSIDE, weight), (_OUTSIDE, FULL - weight)])
        return logic.both(logic.has_unit(by), logic.same(dealt, _INSIDE))


def express_condition(condition: FlagCondition, deal: Deal) -> Logic:
    """The condition as true or false.

    Raises:
        Inexpressible: flagd has nothing like it.
    """
    operator, value = condition.operator, condition.value
    if operator in _REFUSED:
        raise Inexpressible(_REFUSED[operator])
    if operator in _OF_TIME:
        return _of_time(condition)
    if operator in (Operator.IN_SEGMENT, Operator.NOT_IN_SEGMENT):
        inside = logic.either(*(express_segment(name, deal) for name in _listed(value)))
        return inside if operator is Operator.IN_SEGMENT else logic.negated(inside)
    if operator is Operator.PERCENTAGE:
        return deal.share(value, condition.field)
    return _OF_FIELD[operator](logic.var(condition.field or ""), value)


def express_segment(name: str, deal: Deal) -> Logic:
    """Whether a context belongs to a segment.

    Raises:
        Inexpressible: one of its conditions is.
    """
    segment = deal.segments[name]
    own = Deal(f"{name}/", TARGETING_KEY)
    try:
        held = [express_condition(condition, own) for condition in segment.conditions]
    except Inexpressible as error:
        raise Inexpressible(f"segment {name}: {error}") from error
    key = logic.var(TARGETING_KEY)
    inside = logic.either(_key_in(key, segment.included), logic.both(*held) if held else False)
    return logic.both(logic.negated(_key_in(key, segment.excluded)), inside)


def _key_in(key: Logic, keys: Sequence[str]) -> Logic:
    return logic.one_of(key, keys)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _sem_ver(value: Logic, wanted: Any) -> Logic:
    operator, version = versions.parse(wanted)
    return logic.sem_ver(value, operator, str(version))


def _exists(value: Logic, wanted: Any) -> Logic:
    return logic.same(value, None) if wanted is False else {"!==": [value, None]}


_OF_FIELD: Final[dict[Operator, Callable[[Logic, Any], Logic]]] = {
    Operator.EQUALS: logic.equals,
    Operator.NOT_EQUALS: lambda x, value: logic.negated(logic.equals(x, value)),
    Operator.GREATER_THAN: lambda x, value: logic.compares(x, ">", value),
    Operator.GREATER_OR_EQUAL: lambda x, value: logic.compares(x, ">=", value),
    Operator.LESS_THAN: lambda x, value: logic.compares(x, "<", value),
    Operator.LESS_OR_EQUAL: lambda x, value: logic.compares(x, "<=", value),
    Operator.IN: logic.one_of,
    Operator.NOT_IN: lambda x, value: logic.negated(logic.one_of(x, value)),
    Operator.CONTAINS: lambda x, value: logic.contains(x, _listed(value)),
    Operator.NOT_CONTAINS: lambda x, value: logic.negated(logic.contains(x, _listed(value))),
    Operator.STARTS_WITH: lambda x, value: logic.starts_with(x, _listed(value)),
    Operator.ENDS_WITH: lambda x, value: logic.ends_with(x, _listed(value)),
    Operator.SEM_VER: _sem_ver,
    Operator.EXISTS: _exists,
}
_REFUSED: Final = {
    Operator.MATCHES: "Matches is a regular expression, and flagd has none",
    Operator.CIDR: "Cidr knows networks, and flagd does not",
}


def _of_time(condition: FlagCondition) -> Logic:
    if condition.field is not None:
        raise Inexpressible(f"{condition.operator} reads a moment from {condition.field}, and flagd cannot")
    return _OF_TIME[condition.operator](condition.value, condition.time_zone or "UTC")


def _offset(name: str) -> int:
    """Seconds east of Greenwich."""
    if not is_fixed(name):
        raise Inexpressible(f"the clock of {name} is set twice a year or may be, and flagd knows UTC only")
    offset = datetime(2000, 1, 1, tzinfo=UTC).astimezone(times.zone_of(name)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _later(seconds: int) -> Logic:
    return {"+": [logic.NOW, seconds]} if seconds else logic.NOW


def _within(value: Logic, start: int, end: int) -> Logic:
    return {"and": [{">=": [value, start]}, {"<": [value, end]}]}


def _time_of_day(value: Any, zone: str) -> Logic:
    start, end = times.hours(value)
    second = {"%": [_later(_offset(zone) % _DAY), _DAY]}
    if start < end:
        return _within(second, start, end)
    return {"or": [{">=": [second, start]}, {"<": [second, end]}]}


def _weekday(value: Any, zone: str) -> Logic:
    thursday = 3 * _DAY  # the epoch's day; weeks begin on Monday
    second = {"%": [_later(_offset(zone) + thursday), 7 * _DAY]}
    return logic.either(*(_within(second, day * _DAY, (day + 1) * _DAY) for day in sorted(times.weekdays(value))))


def _moment(value: Any, zone: str) -> int:
    at = times.point(value, times.zone_of(zone))
    if at != int(at):
        raise Inexpressible(f"{value} has fractions of a second, and flagd's clock whole ones")
    return int(at)


_OF_TIME: Final[dict[Operator, Callable[[Any, str], Logic]]] = {
    Operator.TIME_OF_DAY: _time_of_day,
    Operator.WEEKDAY: _weekday,
    Operator.BEFORE: lambda value, zone: {"<": [logic.NOW, _moment(value, zone)]},
    Operator.AFTER: lambda value, zone: {">=": [logic.NOW, _moment(value, zone)]},
}
