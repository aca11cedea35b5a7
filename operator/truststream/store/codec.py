"""Exposures as records of the spool."""

from __future__ import annotations

from hashlib import blake2b

import orjson

from truststream.store.base import MAX_UNIT, Exposure, Unfit
from truststream.store.frames import Kind, frame


def encode(exposure: Exposure) -> bytes:
    """Its frame.

    Raises:
        Unfit: no database could hold it: a unit that is too long, or text that is no text.
    """
    if len(exposure.unit) > MAX_UNIT or "\0" in exposure.unit:
        raise Unfit(f"an exposure of flag {exposure.flag!r} has a unit with NUL or of more than {MAX_UNIT} characters")
    fields = (
        exposure.namespace,
        exposure.flag,
        exposure.environment,
        exposure.variant,
        exposure.unit,
        exposure.at,
        exposure.window,
    )
    try:
        return frame(Kind.EXPOSURE, orjson.dumps(fields))
    except orjson.JSONEncodeError as error:
        raise Unfit(f"an exposure of flag {exposure.flag!r} cannot be written: {error}") from None


def decode(payload: bytes) -> Exposure:
    """The exposure of a record.

    Raises:
        Unfit: the payload is none.
    """
    try:
        namespace, flag, environment, variant, unit, at, window = orjson.loads(payload)
        return Exposure(namespace, flag, environment, variant, unit, float(at), int(window))
    except (ValueError, TypeError) as error:
        raise Unfit(f"a record of the spool is no exposure: {error}") from None


def identity(exposure: Exposure) -> bytes:
    """Sixteen bytes, the same for the same exposure, whenever it was told."""
    fields = (
        exposure.namespace,
        exposure.flag,
        exposure.environment,
        exposure.variant,
        exposure.unit,
        str(exposure.window),
    )
    return blake2b("\0".join(fields).encode("utf-8", "surrogatepass"), digest_size=16).digest()
