"""Digests: SHA-256 over canonical JSON, keys sorted and no spaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest(value: Any) -> str:
    """Hexadecimal; 1 and 1.0 differ, as variants do. All that is nested without end has one digest."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    except RecursionError:  # never served, so that nothing hangs on it
        text = "nested without end"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: Any, other: Any) -> bool:
    """Whether JSON writes both alike; Python's == takes 1 for 1.0, and true for 1."""
    return one is other or digest(one) == digest(other)


def spec_digest(raw: Mapping[str, Any]) -> str:
    """Of a raw spec; `enabled` counts as true where it is left out."""
    return digest({"enabled": True, **raw})
