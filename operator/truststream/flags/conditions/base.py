"""What conditions are made of: tests, fields of a context, and the refusal of a value that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from truststream.errors import SpecError
from truststream.flags.evaluation import Context

Test = Callable[[Context, float], bool | None]
"""Whether the condition holds for a context at a time (epoch seconds); None: it does not, for want of a unit."""

Getter = Callable[[Context], Any]
"""The value of a field; None where there is none, as for null."""

Predicate = Callable[[Any], bool]
"""Of a field's value, whatever that is; never raises."""

Included = Callable[[Context], bool | None]
"""Whether a context's unit is in a share; None: it has no unit."""


class Unfit(SpecError):
    """A condition cannot be carried out; `part` is which of its fields is wrong: field, value or timeZone."""

    def __init__(self, part: str, message: str, *, reason: str = "InvalidSpec") -> None:
        super().__init__(message, reason=reason)
        self.part = part


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a condition needs of the flag around it.

    `share(percent, field)` makes the test of a percentage of the units named by the field, or by the flag's own one.
    `segments` are tests by name.
    """

    share: Callable[[float, str | None], Included]
    segments: Mapping[str, Test] = field(default_factory=dict)


def getter(path: str) -> Getter:
    """Reads `user.groups.0`: names go into objects, numbers into lists; anything else on the way is missing."""
    first, *rest = path.split(".")
    if not rest:
        return lambda context: context.get(first)
    steps = [(name, _index(name)) for name in rest]

    def get(context: Context) -> Any:
        value = context.get(first)
        for name, index in steps:
            if isinstance(value, Mapping):
                value = value.get(name)
            elif isinstance(value, list) and 0 <= index < len(value):
                value = value[index]
            else:
                return None
        return value

    return get


def _index(name: str) -> int:
    """A place in a list, written as JSON writes it; -1 for anything else."""
    plain = name.isascii() and name.isdigit() and len(name) < 10 and (name == "0" or name[0] != "0")
    return int(name) if plain else -1


def is_number(value: Any) -> bool:
    """A JSON number: true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def texts(value: Any) -> list[str]:
    """A text or a list of texts, as a list.

    Raises:
        Unfit: neither.
    """
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str) for item in listed):
        raise Unfit("value", "must be a text or a list of texts, with at least one")
    return listed
