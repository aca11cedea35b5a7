"""From a reference case to the product: method name -> function of the case's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tests.stats import adapter_fixed, adapter_sequential

Method = Callable[[dict[str, Any]], dict[str, Any]]

_TWICE = adapter_fixed.METHODS.keys() & adapter_sequential.METHODS.keys()
if _TWICE:
    raise RuntimeError(f"two adapters answer for the same methods: {', '.join(sorted(_TWICE))}")

METHODS: Mapping[str, Method] = MappingProxyType({**adapter_fixed.METHODS, **adapter_sequential.METHODS})


def compute(method: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """All outputs of a method for a case's inputs."""
    if method not in METHODS:
        known = ", ".join(sorted(METHODS))
        raise LookupError(f"method {method!r}: no adapter computes it; known are {known}")
    return METHODS[method](inputs)
