"""How close is close enough: what a case promises against what was computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

INTERVALS = ("ci", "cs", "log_ratio_cs")
_WORDS = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "Infinity": math.inf, "-Infinity": -math.inf}


def _is_interval(key: str) -> bool:
    return key in INTERVALS or key.endswith(("_ci", "_cs"))


def _number(value: Any) -> Any:
    return _WORDS.get(value, value) if isinstance(value, str) else value


def _close(want: float, got: float, tolerance: Mapping[str, float], key: str) -> bool:
    if math.isnan(want) or math.isnan(got):
        return math.isnan(want) and math.isnan(got)
    if math.isinf(want) or math.isinf(got):
        return want == got
    absolute = tolerance.get("abs", 0.0)
    if _is_interval(key):
        absolute = tolerance.get("abs_cs", absolute)
    return abs(got - want) <= max(absolute, tolerance.get("rel", 0.0) * abs(want))


def differences(key: str, want: Any, got: Any, tolerance: Mapping[str, float]) -> list[str]:
    """Every place where `got` is not `want` within the tolerance, in words; empty when all is well."""
    want, got = _number(want), _number(got)
    if isinstance(want, Sequence) and not isinstance(want, str):
        return _of_lists(key, want, got, tolerance)
    if isinstance(want, Mapping):
        pairs = [(f"{key}.{name}", name) for name in want]
        return [text for path, name in pairs for text in differences(path, want[name], got[name], tolerance)]
    if want is None or got is None or isinstance(want, bool | str):
        return [] if want == got else [f"{key}: expected {want!r}, got {got!r}"]
    if _close(float(want), float(got), tolerance, key.partition("[")[0]):
        return []
    return [f"{key}: expected {want!r}, got {got!r}, off by {abs(got - want):.3g}, allowed {dict(tolerance)}"]


def _of_lists(key: str, want: Sequence[Any], got: Any, tolerance: Mapping[str, float]) -> list[str]:
    if not isinstance(got, Sequence) or isinstance(got, str) or len(got) < len(want):
        return [f"{key}: expected {len(want)} elements, got {got!r}"]
    # a published table may print only the first elements of a sorted list; an interval has its two ends
    if len(got) > len(want) and not key.endswith("_sorted"):
        return [f"{key}: expected {len(want)} elements, got {len(got)}: {got!r}"]
    parts = [differences(f"{key}[{i}]", w, got[i], tolerance) for i, w in enumerate(want)]
    return [text for part in parts for text in part]
