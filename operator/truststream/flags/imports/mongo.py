"""GrowthBook's conditions, which are written as MongoDB's queries are, as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from truststream.flags.conditions.versions import version_of
from truststream.flags.imports.base import Effect, Report, Unsupported
from truststream.flags.imports.boolean import Every, Expression, Not, Some, condition

_ORDERS: Final = {"$gt": "GreaterThan", "$gte": "GreaterOrEqual", "$lt": "LessThan", "$lte": "LessOrEqual"}
_VERSIONS: Final = {"$veq": "=", "$vne": "!=", "$vgt": ">", "$vgte": ">=", "$vlt": "<", "$vlte": "<="}


@dataclass(frozen=True, slots=True)
class Query:
    """Reads conditions of one flag; `field` turns GrowthBook's attributes into fields of the context."""

    report: Report
    field: Callable[[str], str]

    def read(self, query: Any, path: str) -> Expression:
        """All entries must hold.

        Raises:
            Unsupported: we have nothing like it.
        """
        if not isinstance(query, Mapping):
            raise Unsupported(path, "a condition is an object")
        return Every(tuple(self._entry(name, value, f"{path}.{name}") for name, value in query.items()))

    def _entry(self, name: str, value: Any, path: str) -> Expression:
        if name in ("$and", "$or", "$nor"):
            if not isinstance(value, list):
                raise Unsupported(path, f"{name} takes a list")
            parts = tuple(self.read(one, f"{path}[{index}]") for index, one in enumerate(value))
            if name == "$and" or not parts:
                return Every(parts)
            return Some(parts) if name == "$or" else Not(Some(parts))
        if name == "$not":
            return Not(self.read(value, path))
        if name.startswith("$"):
            raise Unsupported(path, f"{name} is nothing that a FeatureFlag has")
        return self._attribute(self.field(name), value, path)

    def _attribute(self, name: str, value: Any, path: str) -> Expression:
        if isinstance(value, Mapping) and value and all(key.startswith("$") for key in value):
            parts = (self._operator(name, operator, one, f"{path}.{operator}") for operator, one in value.items())
            return Every(tuple(parts))
        return self._equals(name, value, path)

    def _equals(self, name: str, value: Any, path: str) -> Expression:
        if isinstance(value, (Mapping, list)):
            raise Unsupported(path, f"{name} is compared with a list or an object; ours are compared with constants")
        if value is None:
            return condition(name, "Exists", False)
        self._stricter(path, f"{name} is compared without conversion")
        return condition(name, "Equals", value)

    def _operator(self, name: str, operator: str, value: Any, path: str) -> Expression:
        if operator in _ORDERS:
            return self._order(name, operator, value, path)
        if operator in _VERSIONS:
            return self._version(name, operator, value, path)
        if operator not in _OPERATORS:
            raise Unsupported(path, f"{operator} is nothing that a FeatureFlag has")
        return _OPERATORS[operator](self, name, value, path)

    def _order(self, name: str, operator: str, value: Any, path: str) -> Expression:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Unsupported(path, f"{operator} compares {name} with {value!r}; here only numbers have an order")
        self._stricter(path, f"only numbers in {name} have an order; where it is missing the condition does not hold")
        return condition(name, _ORDERS[operator], value)

    def _version(self, name: str, operator: str, value: Any, path: str) -> Expression:
        if version_of(value) is None:
            raise Unsupported(path, f"{value!r} is no version")
        self._stricter(path, f"what is no semantic version in {name} never compares")
        return condition(name, "SemVer", f"{_VERSIONS[operator]}{version_of(value)}")

    def listed(self, name: str, value: Any, path: str) -> Expression:
        """$in; of a list any member counts."""
        if not isinstance(value, list) or any(isinstance(one, (list, Mapping)) for one in value):
            raise Unsupported(path, "takes a list of constants")
        self._stricter(path, f"{name} is compared without conversion, and as a whole where it is a list")
        return condition(name, "In", value) if value else Some()

    def exists(self, name: str, value: Any, _path: str) -> Expression:
        """$exists"""
        return condition(name, "Exists", bool(value))

    def matches(self, name: str, value: Any, path: str) -> Expression:
        """$regex"""
        said = "is read as RE2, which knows no look-around and no back references; where both take it they agree"
        self.report.add(path, Effect.NOTE, said)
        return condition(name, "Matches", value)

    def member(self, name: str, value: Any, path: str) -> Expression:
        """$elemMatch and $all with constants"""
        values = value if isinstance(value, list) else [value.get("$eq")] if isinstance(value, Mapping) else []
        if not values or any(isinstance(one, (list, Mapping)) for one in values) or _more_than(value, "$eq"):
            raise Unsupported(path, "looks for something else than constants in a list")
        self._stricter(path, f"{name} may be a text too, of which the constant is a part")
        return Every(tuple(condition(name, "Contains", one) for one in values))

    def _stricter(self, path: str, reason: str) -> None:
        self.report.add(path, Effect.STRICTER, reason)


def _more_than(value: Any, name: str) -> bool:
    return isinstance(value, Mapping) and list(value) != [name]


_OPERATORS: Final[dict[str, Callable[[Query, str, Any, str], Expression]]] = {
    "$eq": Query._equals,
    "$ne": lambda query, name, value, path: Not(query._equals(name, value, path)),
    "$in": Query.listed,
    "$nin": lambda query, name, value, path: Not(query.listed(name, value, path)),
    "$exists": Query.exists,
    "$regex": Query.matches,
    "$elemMatch": Query.member,
    "$all": Query.member,
    "$not": lambda query, name, value, path: Not(query._attribute(name, value, path)),
}
