"""Sequential methods of the case format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

METHODS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
