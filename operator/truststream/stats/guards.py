"""What a statistical method accepts: every refusal is an InputError that names the field."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from truststream.errors import InputError

FloatArray = NDArray[np.float64]


def finite(field: str, value: float) -> float:
    """A number, neither NaN nor infinite."""
    if not math.isfinite(value):
        raise InputError(field, f"{value} is not a finite number; give one")
    return float(value)


def positive(field: str, value: float) -> float:
    """A finite number above zero."""
    if finite(field, value) <= 0:
        raise InputError(field, f"{value} is not above zero")
    return float(value)


def non_negative(field: str, value: float) -> float:
    """A finite number, zero or above."""
    if finite(field, value) < 0:
        raise InputError(field, f"{value} is negative")
    return float(value)


def open_unit(field: str, value: float) -> float:
    """A number strictly between 0 and 1: a level, a quantile, a probability that is neither impossible nor certain."""
    if not 0 < finite(field, value) < 1:
        raise InputError(field, f"{value} is not between 0 and 1, both excluded")
    return float(value)


def closed_unit(field: str, value: float) -> float:
    """A number from 0 to 1."""
    if not 0 <= finite(field, value) <= 1:
        raise InputError(field, f"{value} is not between 0 and 1")
    return float(value)


def count(field: str, value: float) -> float:
    """A whole number, zero or above, kept as a float: counts beyond 2**53 are not exact anyway."""
    if non_negative(field, value) != math.floor(value):
        raise InputError(field, f"{value} is not a whole number")
    return float(value)


def series(field: str, values: Sequence[float] | FloatArray) -> FloatArray:
    """A row of finite numbers, at least one."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(field, "is not a row of at least one number")
    if not np.isfinite(array).all():
        raise InputError(field, f"element {int(np.flatnonzero(~np.isfinite(array))[0])} is not a finite number")
    return array


def unit_series(field: str, values: Sequence[float] | FloatArray) -> FloatArray:
    """A row of numbers from 0 to 1."""
    array = series(field, values)
    outside = np.flatnonzero((array < 0) | (array > 1))
    if outside.size:
        raise InputError(field, f"element {int(outside[0])}, {array[outside[0]]}, is not between 0 and 1")
    return array


def counts(field: str, values: Sequence[float] | FloatArray) -> FloatArray:
    """A row of whole numbers, zero or above."""
    array = series(field, values)
    wrong = np.flatnonzero((array < 0) | (array != np.floor(array)))
    if wrong.size:
        raise InputError(field, f"element {int(wrong[0])}, {array[wrong[0]]}, is not a count")
    return array


def simplex(field: str, values: Sequence[float] | FloatArray) -> FloatArray:
    """Probabilities of at least two groups: all above zero, their sum 1."""
    array = series(field, values)
    if array.size < 2 or (array <= 0).any() or abs(float(array.sum()) - 1.0) > 1e-9:
        raise InputError(field, "is not a row of two or more probabilities above zero that sum to 1")
    return array
