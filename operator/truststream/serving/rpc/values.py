"""Between Python's values and protobuf's: contexts, and numbers that every language reads alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value

from truststream.api.featureflag import FlagType

EXACT: Final = 2**53 - 1
"""The largest integer that a double, and so JavaScript, holds without loss."""


class MismatchError(ValueError):
    """The flag's value is not of the type that was asked for; the message says what it is."""


def context_of(message: Struct) -> dict[str, Any]:
    """An evaluation context as JSON would have brought it: integers are integers again.

    Raises:
        ValueError: a number is not finite; JSON has none of those.
    """
    return {name: _plain(value) for name, value in message.fields.items()}


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "struct_value":
        return context_of(value.struct_value)
    if kind == "list_value":
        return [_plain(one) for one in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError("the context holds a number that is not finite; leave the field out instead")
    return int(value) if value.is_integer() and abs(value) <= EXACT else value


def struct_of(values: Mapping[str, Any]) -> Struct:
    """The message of a JSON object.

    Raises:
        MismatchError: an integer in it would lose digits.
    """
    for value in values.values():
        _check(value)
    message = Struct()
    message.update(dict(values))
    return message


def _check(value: Any) -> None:
    if isinstance(value, Mapping):
        for one in value.values():
            _check(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _check(one)
    elif isinstance(value, int) and abs(value) > EXACT:
        raise MismatchError(f"holds the integer {value}, which gRPC's objects cannot carry without loss")


def boolean(value: Any) -> bool:
    """For ResolveBoolean."""
    return bool(_wanted(value, FlagType.BOOLEAN, isinstance(value, bool)))


def string(value: Any) -> str:
    """For ResolveString."""
    return str(_wanted(value, FlagType.STRING, isinstance(value, str)))


def integer(value: Any) -> int:
    """For ResolveInt: only what no client's integer or double would change."""
    number = _wanted(value, FlagType.NUMBER, _is_number(value))
    if number != math.floor(number):
        raise MismatchError(f"is {number}, no integer; ask for a float")
    return int(_exact(number))


def double(value: Any) -> float:
    """For ResolveFloat; integers are fine."""
    number = _wanted(value, FlagType.NUMBER, _is_number(value))
    return float(_exact(number) if isinstance(number, int) else number)


def json_object(value: Any) -> Struct:
    """For ResolveObject."""
    return struct_of(_wanted(value, FlagType.OBJECT, isinstance(value, Mapping)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _exact(number: int | float) -> int | float:
    if abs(number) > EXACT:
        raise MismatchError(f"is {number}, beyond ±{EXACT}, where clients' numbers lose digits; ask over OFREP")
    return number


def _wanted(value: Any, wanted: FlagType, fits: bool) -> Any:
    if not fits:
        raise MismatchError(f"is no {wanted.value}")
    return value


CONVERT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ResolveBoolean": boolean,
    "ResolveString": string,
    "ResolveInt": integer,
    "ResolveFloat": double,
    "ResolveObject": json_object,
}
"""What each method makes of a flag's value; all raise MismatchError."""


def any_flag(value: Any) -> dict[str, Any]:
    """The one field of AnyFlag that carries the value.

    Raises:
        MismatchError: a number would lose digits.
    """
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, Mapping):
        return {"object_value": struct_of(value)}
    return {"double_value": double(value)}
