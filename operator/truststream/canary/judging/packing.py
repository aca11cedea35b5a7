"""Arrays in status: exact, in one line each."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from truststream.stats.keys.counts import Floats


def pack(array: Floats) -> str:
    """Little-endian doubles in base64: every bit comes back, also of -inf, which JSON does not know."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode("ascii")


def unpack(text: Any, *shape: int) -> Floats:
    """The array.

    Raises:
        TypeError, ValueError: it is none of this shape.
    """
    flat = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8")
    return flat.reshape(shape).astype(np.float64)
