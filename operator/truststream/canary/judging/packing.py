"""Arrays in status: exact, in one line each."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import numpy.typing as npt

from truststream.errors import StateError

Floats = npt.NDArray[np.float64]


def pack(array: Floats) -> str:
    """Little-endian doubles in base64: every bit comes back, also of -inf, which JSON does not know."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode("ascii")


def unpack(text: Any, *shape: int) -> Floats:
    """The array.

    Raises:
        StateError: it is none of this shape.
    """
    try:
        flat = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8")
        return flat.reshape(shape).astype(np.float64)
    except (TypeError, ValueError, binascii.Error) as error:
        raise StateError(
            "status.release.evidence cannot be read; remove it with `kubectl edit --subresource=status`: "
            "the evidence of this release then begins anew"
        ) from error
