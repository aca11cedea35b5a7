"""Unleash's constraints and segments as our conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.featureflag import TARGETING_KEY
from truststream.flags.conditions.versions import version_of
from truststream.flags.imports.base import Effect, Report, Unsupported
from truststream.flags.imports.boolean import NEVER, Every, Expression, Is, Not, condition
from truststream.flags.moments import moment

_NOW: Final = "currentTime"
_ORDERS: Final = {
    "NUM_EQ": "Equals",
    "NUM_GT": "GreaterThan",
    "NUM_GTE": "GreaterOrEqual",
    "NUM_LT": "LessThan",
    "NUM_LTE": "LessOrEqual",
}
_VERSIONS: Final = {
    "SEMVER_EQ": "=",
    "SEMVER_GT": ">",
    "SEMVER_GTE": ">=",
    "SEMVER_LT": "<",
    "SEMVER_LTE": "<=",
}
_TEXTS: Final = {"STR_STARTS_WITH": "StartsWith", "STR_ENDS_WITH": "EndsWith", "STR_CONTAINS": "Contains"}
_DATES: Final = {"DATE_AFTER": "After", "DATE_BEFORE": "Before"}


@dataclass(frozen=True, slots=True)
class Constraints:
    """Reads constraints of one flag; `segments` are lists of constraints by the segment's id."""

    report: Report
    segments: Mapping[Any, Sequence[Any]]

    def every(self, listed: Any, path: str) -> Expression:
        """All of them.

        Raises:
            Unsupported: we have nothing like one of them.
        """
        return Every(tuple(self._one(one, f"{path}[{index}]") for index, one in enumerate(listed or ())))

    def in_segments(self, ids: Any, path: str) -> Expression:
        """In all segments of these ids.

        Raises:
            Unsupported: one is not in the file.
        """
        found = []
        for one in ids or ():
            if one not in self.segments:
                raise Unsupported(path, f"segment {one} is not in the file")
            found.append(self.every(self.segments[one], f"segments[id={one}].constraints"))
        return Every(tuple(found))

    def _one(self, one: Mapping[str, Any], path: str) -> Expression:
        operator, name = str(one.get("operator")), field_of(str(one.get("contextName")), path)
        if one.get("caseInsensitive"):
            raise Unsupported(path, "upper and lower case are told apart here")
        if operator not in _READERS:
            raise Unsupported(path, f"{operator} is nothing that a FeatureFlag has")
        found = _READERS[operator](self, operator, name, one, path)
        return Not(found) if one.get("inverted") else found

    def listed(self, operator: str, name: str, one: Mapping[str, Any], path: str) -> Expression:
        """IN and NOT_IN"""
        values = _values(one)
        self._stricter(path, f"{name} is compared as it is: Unleash turns numbers into texts")
        found = condition(name, "In", values) if values else NEVER
        return Not(found) if operator == "NOT_IN" else found

    def text(self, operator: str, name: str, one: Mapping[str, Any], path: str) -> Expression:
        """STR_*, of several values any"""
        values = _values(one)
        if not values:
            return NEVER
        if operator == "STR_CONTAINS":
            self._stricter(path, f"{name} may be a list too, of which the value is a member")
        return condition(name, _TEXTS[operator], values)

    def number(self, operator: str, name: str, one: Mapping[str, Any], path: str) -> Expression:
        """NUM_*"""
        self._stricter(path, f"{name} must be a number: Unleash reads texts as numbers")
        return condition(name, _ORDERS[operator], _number(one.get("value"), path))

    def date(self, operator: str, name: str, one: Mapping[str, Any], path: str) -> Expression:
        """DATE_*; at the very moment After holds here"""
        value = str(one.get("value"))
        if moment(value) is None:
            raise Unsupported(path, f"{value!r} is no moment with its offset from UTC")
        if operator == "DATE_AFTER":
            self.report.add(path, Effect.NOTE, f"at {value} itself it holds here, and there a millisecond later")
        own = {} if name == _NOW else {"field": name}
        return Is({**own, "operator": _DATES[operator], "value": value})

    def version(self, operator: str, name: str, one: Mapping[str, Any], path: str) -> Expression:
        """SEMVER_*"""
        if version_of(one.get("value")) is None:
            raise Unsupported(path, f"{one.get('value')!r} is no version")
        self._stricter(path, f"{name} may be as short as 1.2, or begin with a v")
        return condition(name, "SemVer", f"{_VERSIONS[operator]}{version_of(one['value'])}")

    def network(self, _operator: str, name: str, one: Mapping[str, Any], _path: str) -> Expression:
        """IN_CIDR"""
        values = _values(one) or ([one["value"]] if one.get("value") else [])
        return condition(name, "Cidr", values) if values else NEVER

    def expression(self, _operator: str, name: str, one: Mapping[str, Any], path: str) -> Expression:
        """REGEX"""
        self.report.add(path, Effect.NOTE, "is read as RE2, which knows no look-around and no back references")
        return condition(name, "Matches", one.get("value"))

    def _stricter(self, path: str, reason: str) -> None:
        self.report.add(path, Effect.STRICTER, reason)


def field_of(name: str, path: str) -> str:
    """The field of the context that one of Unleash's is here.

    Raises:
        Unsupported: a FeatureFlag cannot name it.
    """
    if not name or any(not part for part in name.split(".")) or any(letter.isspace() for letter in name):
        raise Unsupported(path, f"{name!r} cannot be the name of a field")
    return TARGETING_KEY if name == "userId" else name


def _values(one: Mapping[str, Any]) -> list[str]:
    return [str(value) for value in one.get("values") or ()]


def _number(value: Any, path: str) -> int | float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Unsupported(path, f"{value!r} is no number") from None
    return int(number) if number.is_integer() else number


_READERS: Final[dict[str, Callable[[Constraints, str, str, Mapping[str, Any], str], Expression]]] = {
    "IN": Constraints.listed,
    "NOT_IN": Constraints.listed,
    "IN_CIDR": Constraints.network,
    "REGEX": Constraints.expression,
    **dict.fromkeys(_TEXTS, Constraints.text),
    **dict.fromkeys(_ORDERS, Constraints.number),
    **dict.fromkeys(_VERSIONS, Constraints.version),
    **dict.fromkeys(_DATES, Constraints.date),
}
