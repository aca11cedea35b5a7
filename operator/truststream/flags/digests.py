"""Digests: SHA-256 over canonical JSON, keys sorted and no spaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest(value: Any) -> str:
    """Hexadecimal; of anything that JSON can say. 1 and 1.0 differ, as variants do."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def spec_digest(raw: Mapping[str, Any]) -> str:
    """Of a raw spec; `enabled` counts as true where it is left out."""
    return digest({"enabled": True, **raw})
