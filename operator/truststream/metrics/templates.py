"""Placeholders in the query language of any source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def used(text: str) -> frozenset[str]:
    """The placeholders in a text."""
    return frozenset(_PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with the values in place of the placeholders."""
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


def unknown(text: str, known: Iterable[str]) -> str:
    """Why the placeholders of a text cannot be filled; empty when they can."""
    wrong = sorted(used(text) - set(known))
    if not wrong:
        return ""
    listed = ", ".join(f"{{{{{name}}}}}" for name in known)
    return f"unknown placeholder {{{{{wrong[0]}}}}} in {text!r}; known: {listed}"
