"""JSONLogic's conditions as ours, as far as both mean the same; what holds for other types too is told as stricter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any, Final

from truststream.flags.conditions.versions import COMPARISONS, version_of
from truststream.flags.imports.base import Effect, Report, Unsupported
from truststream.flags.imports.boolean import ALWAYS, NEVER, Every, Expression, Is, Not, Some, condition

_TIMESTAMP: Final = "$flagd.timestamp"
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ORDERS: Final = {"<": "LessThan", ">": "GreaterThan", "<=": "LessOrEqual", ">=": "GreaterOrEqual"}
_HOLDS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_FALSY: Final = [None, False, 0, ""]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads conditions of one flag and tells what is stricter."""

    report: Report

    def read(self, logic: Any, path: str) -> Expression:
        """When the expression is truthy.

        Raises:
            Unsupported: we have nothing like it.
        """
        if not isinstance(logic, dict):
            return ALWAYS if logic else NEVER
        name, arguments = operation(logic, path)
        if name not in _READERS:
            raise Unsupported(f"{path}.{name}", f"{name} is no condition that a FeatureFlag has")
        return _READERS[name](self, arguments, f"{path}.{name}")

    def stricter(self, path: str, reason: str) -> None:
        """A context whose fields have other types may get something else."""
        self.report.add(path, Effect.STRICTER, reason)

    def every(self, arguments: list[Any], path: str) -> Expression:
        """and"""
        return Every(tuple(self.read(one, f"{path}[{index}]") for index, one in enumerate(arguments)))

    def some(self, arguments: list[Any], path: str) -> Expression:
        """or"""
        return Some(tuple(self.read(one, f"{path}[{index}]") for index, one in enumerate(arguments)))

    def negated(self, arguments: list[Any], path: str) -> Expression:
        """!"""
        return Not(self.truth(arguments, path))

    def truth(self, arguments: list[Any], path: str) -> Expression:
        """!!"""
        return self.read(arguments[0], f"{path}[0]") if arguments else NEVER

    def ternary(self, arguments: list[Any], path: str) -> Expression:
        """if"""
        if not arguments:
            return NEVER
        if len(arguments) == 1:
            return self.read(arguments[0], path)
        test, then = (self.read(one, f"{path}[{index}]") for index, one in enumerate(arguments[:2]))
        rest = self.ternary(arguments[2:], path)
        return Some((Every((test, then)), Every((Not(test), rest))))

    def field(self, arguments: list[Any], path: str) -> Expression:
        """var, as a condition of its own"""
        name = field_of({"var": arguments}, path)
        self.stricter(path, f"an empty list in {name} counts as something, and NaN")
        return condition(name, "NotIn", _FALSY)

    def equal(self, arguments: list[Any], path: str) -> Expression:
        """==; of different types it converts, ours does not"""
        name, value = _field_and_constant(arguments, path)
        self.stricter(path, f"{name} is compared without conversion: 5 is not the text 5")
        if not isinstance(value, str) and value is not None and value == 0:
            said = f"a missing {name} equals {value} for flagd's evaluator for Python, not for others and not here"
            self.report.add(path, Effect.CHANGED, said)
        return self._same(name, value)

    def identical(self, arguments: list[Any], path: str) -> Expression:
        """==="""
        name, value = _field_and_constant(arguments, path)
        if isinstance(value, bool) or value in (0, 1):
            self.stricter(path, f"true is not 1 in {name}, as flagd's evaluator for Python has it")
        return self._same(name, value)

    @staticmethod
    def _same(name: str, value: Any) -> Expression:
        return condition(name, "Exists", False) if value is None else condition(name, "Equals", value)

    def order(self, operator: str, arguments: list[Any], path: str) -> Expression:
        """<, >, <= and >=, with two or three operands"""
        if len(arguments) == 3:
            first = self.order(operator, arguments[:2], path)
            return Every((first, self.order(operator, arguments[1:], path)))
        if len(arguments) == 2 and isinstance(arguments[1], dict) and not isinstance(arguments[0], dict):
            return self.order(_MIRRORED[operator], arguments[::-1], path)
        name, value = _field_and_constant(arguments, path, own=True)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Unsupported(path, f"{name} is compared with {value!r}; only numbers have an order")
        if name == _TIMESTAMP:
            return _clock(operator, value, path)
        self.stricter(path, f"only numbers in {name} have an order: a text or true is converted there")
        found = condition(name, _ORDERS[operator], value)
        missing_is_nought = _HOLDS[operator](0, value)
        return Some((found, condition(name, "Exists", False))) if missing_is_nought else found

    def within(self, arguments: list[Any], path: str) -> Expression:
        """in: one of a list, a part of a text, or a member of a list"""
        if len(arguments) != 2:
            raise Unsupported(path, "in takes two operands")
        needle, haystack = arguments
        if isinstance(needle, dict) and isinstance(haystack, list):
            return self._listed(field_of(needle, path), haystack, path)
        if isinstance(haystack, dict) and not isinstance(needle, (dict, list)):
            name = field_of(haystack, path)
            if not isinstance(needle, str):
                self.stricter(path, f"{needle!r} is looked for in lists only, not in the text of {name}")
            return condition(name, "Contains", needle)
        raise Unsupported(path, "in compares a field with a list, or looks for a constant in a field")

    def _listed(self, name: str, values: list[Any], path: str) -> Expression:
        if any(isinstance(one, (dict, list)) for one in values):
            raise Unsupported(path, "the list has entries that are no constants")
        if any(not isinstance(one, str) for one in values):
            self.stricter(path, f"true is not 1 in {name}, as flagd's evaluator for Python has it")
        return condition(name, "In", values) if values else NEVER

    def prefix(self, operator: str, arguments: list[Any], path: str) -> Expression:
        """starts_with and ends_with"""
        name, value = _field_and_constant(arguments, path, mirrored=False)
        return condition(name, operator, value) if isinstance(value, str) else NEVER

    def sem_ver(self, arguments: list[Any], path: str) -> Expression:
        """sem_ver; what is no version never compares"""
        if len(arguments) != 3 or arguments[1] not in COMPARISONS or version_of(arguments[2]) is None:
            raise Unsupported(path, "sem_ver takes a field, one of = != < <= > >= ^ ~ and a version")
        return condition(field_of(arguments[0], path), "SemVer", f"{arguments[1]}{version_of(arguments[2])}")


def operation(logic: Mapping[str, Any], path: str) -> tuple[str, list[Any]]:
    """Operator and operands.

    Raises:
        Unsupported: it is no operation.
    """
    if len(logic) != 1:
        raise Unsupported(path, "an object with one operator is expected")
    name, arguments = next(iter(logic.items()))
    return name, arguments if isinstance(arguments, list) else [arguments]


def field_of(logic: Any, path: str, *, own: bool = False) -> str:
    """The field that a `var` reads; `own`: flagd's timestamp is one.

    Raises:
        Unsupported: it is no plain field of the context.
    """
    if not isinstance(logic, dict) or list(logic) != ["var"]:
        raise Unsupported(path, "compares something that is no field of the context")
    arguments = operation(logic, path)[1]
    name = str(arguments[0]) if arguments and isinstance(arguments[0], (str, int)) else ""
    if not name or any(not part for part in name.split(".")) or (len(arguments) > 1 and arguments[1] is not None):
        raise Unsupported(path, f"{arguments!r} is no plain field of the context")
    if name.startswith("$flagd.") and not (own and name == _TIMESTAMP):
        raise Unsupported(path, f"{name} is flagd's own")
    if "length" in name.split(".")[1:]:
        raise Unsupported(path, f"{name} reads the length of a list")
    return name


def _field_and_constant(
    arguments: list[Any], path: str, *, mirrored: bool = True, own: bool = False
) -> tuple[str, Any]:
    if len(arguments) != 2:
        raise Unsupported(path, "takes two operands")
    logic, value = arguments
    if mirrored and isinstance(value, dict) and not isinstance(logic, dict):
        logic, value = value, logic
    if isinstance(value, (dict, list)):
        raise Unsupported(path, "compares with something that is no constant")
    return field_of(logic, path, own=own), value


def _clock(operator: str, value: float, path: str) -> Expression:
    """flagd's clock has whole seconds."""
    later = operator in (">", ">=")
    whole = ceil(value) if operator in (">=", "<") else floor(value) + 1
    try:
        text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise Unsupported(path, f"{value} is no moment") from None
    return Is({"operator": "After" if later else "Before", "value": text})


_READERS: Final[dict[str, Callable[[Reader, list[Any], str], Expression]]] = {
    "and": Reader.every,
    "or": Reader.some,
    "!": Reader.negated,
    "!!": Reader.truth,
    "if": Reader.ternary,
    "?:": Reader.ternary,
    "var": Reader.field,
    "==": Reader.equal,
    "!=": lambda reader, arguments, path: Not(reader.equal(arguments, path)),
    "===": Reader.identical,
    "!==": lambda reader, arguments, path: Not(reader.identical(arguments, path)),
    "in": Reader.within,
    "starts_with": lambda reader, arguments, path: reader.prefix("StartsWith", arguments, path),
    "ends_with": lambda reader, arguments, path: reader.prefix("EndsWith", arguments, path),
    "sem_ver": Reader.sem_ver,
    "<": lambda reader, arguments, path: reader.order("<", arguments, path),
    ">": lambda reader, arguments, path: reader.order(">", arguments, path),
    "<=": lambda reader, arguments, path: reader.order("<=", arguments, path),
    ">=": lambda reader, arguments, path: reader.order(">=", arguments, path),
}
