"""Records in a file: length, checksum and kind before each, so that a torn or damaged one is seen."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAGIC: Final = b"TSSPOOL1"
"""How a file of records begins; the digit is the version of all that follows."""

MAX_PAYLOAD: Final = 1 << 20
_HEAD: Final = struct.Struct("<IIB")
_SEED: Final = 0x54535300
"""The checksum of nothing is not zero: zeros, as file systems leave them after a power cut, are no records."""


class Kind(IntEnum):
    """What a record is; numbers are never used again."""

    EXPOSURE = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One as it was written; `kind` may be of a later version. `end` is the offset after it."""

    kind: int
    payload: bytes
    end: int


def frame(kind: Kind, payload: bytes) -> bytes:
    """The record as it is written.

    Raises:
        ValueError: the payload is longer than MAX_PAYLOAD bytes.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a record of {len(payload)} bytes is longer than {MAX_PAYLOAD}")
    return _HEAD.pack(len(payload), _checksum(kind, payload), kind) + payload


def unframe(data: bytes, start: int = 0) -> Iterator[Record]:
    """The whole records of `data`, up to the first that is torn or damaged; `start` is the offset of `data`."""
    position = 0
    while position + _HEAD.size <= len(data):
        length, checksum, kind = _HEAD.unpack_from(data, position)
        end = position + _HEAD.size + length
        if length > MAX_PAYLOAD or end > len(data):
            return
        payload = data[position + _HEAD.size : end]
        if _checksum(kind, payload) != checksum:
            return
        yield Record(kind, payload, start + end)
        position = end


def _checksum(kind: int, payload: bytes) -> int:
    return zlib.crc32(payload, _SEED | kind)
