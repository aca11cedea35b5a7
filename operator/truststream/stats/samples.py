"""Raw data as they come: any number of finite values, also none."""

from __future__ import annotations

import math
from collections.abc import Iterable

from truststream.errors import InputError
from truststream.stats.guards import count


def all_finite(field: str, values: Iterable[float]) -> tuple[float, ...]:
    """Every value is finite; the first that is not is named by its place."""
    numbers = tuple(float(value) for value in values)
    for index, value in enumerate(numbers):
        if not math.isfinite(value):
            raise InputError(f"{field}[{index}]", f"is {value}; drop the value or mend its source")
    return numbers


def whole(field: str, value: float) -> int:
    """A count of zero or more as an integer, also when it comes as a float."""
    return int(count(field, value))
