"""Contains, StartsWith, EndsWith and Matches."""

from __future__ import annotations

from typing import Any, Final

import re2  # type: ignore[import-untyped]

from truststream.flags.conditions.base import Predicate, Unfit, texts
from truststream.flags.conditions.scalars import one_of, scalar, scalars

PROGRAM_BYTES: Final = 1 << 18
"""Memory of a compiled expression: about ten thousand instructions, so that a text costs a bounded time."""
LONGEST_TEXT: Final = 65_536
"""Characters; no expression matches a longer text."""


def contains(value: Any) -> Predicate:
    """A part of a text, or a member of a list; of several values any.

    Raises:
        Unfit: no scalar and no list of scalars.
    """
    listed = scalars(value) if isinstance(value, list) else [scalar(value)]
    parts, member = tuple(item for item in listed if isinstance(item, str)), one_of(listed)

    def holds(x: Any) -> bool:
        if isinstance(x, str):
            return any(part in x for part in parts)
        return isinstance(x, list) and any(member(item) for item in x)

    return holds


def starts_with(value: Any) -> Predicate:
    """A text that begins with one of these."""
    starts = tuple(texts(value))
    return lambda x: isinstance(x, str) and x.startswith(starts)


def ends_with(value: Any) -> Predicate:
    """A text that ends with one of these."""
    ends = tuple(texts(value))
    return lambda x: isinstance(x, str) and x.endswith(ends)


def matches(value: Any) -> Predicate:
    """A text of which the RE2 expression matches some part, in time linear in the text.

    Raises:
        Unfit: no expression, or one that RE2 does not take; with RE2's own words.
    """
    if not isinstance(value, str):
        raise Unfit("value", "must be a regular expression of RE2")
    search = _expression(value).search

    def holds(x: Any) -> bool:
        if not isinstance(x, str) or len(x) > LONGEST_TEXT:
            return False
        try:
            return search(x.encode()) is not None
        except UnicodeEncodeError:  # half a surrogate pair: JSON can carry it, UTF-8 cannot
            return False

    return holds


def _expression(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors, options.never_capture = PROGRAM_BYTES, False, True
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise Unfit("value", f"is no regular expression of RE2: {reason}") from error
