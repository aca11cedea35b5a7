"""PromQL with placeholders: is it well formed, and what does it read once an arm's values are in."""

from __future__ import annotations

import re
from typing import Any, Final

import promql_parser

from truststream.metrics.base import Arm

PLACEHOLDERS: Final = ("namespace", "service", "port", "pods", "target", "workload", "arm", "flag", "variant")

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PLAIN: Final = 'our own counting needs the counter itself: a plain selector like name{label="value"}'
_NO_VECTOR: Final = (promql_parser.MatrixSelector, promql_parser.SubqueryExpr, promql_parser.StringLiteral)


def render(text: str, arm: Arm) -> str:
    """The text with the arm's values; safe inside double quotes, also where a value is a regular expression."""
    return _PLACEHOLDER.sub(lambda found: _quoted(getattr(arm, found.group(1))), text).strip()


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def selector_problem(text: str) -> str:
    """Why `text` is no plain selector of counters; empty when it is one."""
    expression, problem = _parse(text)
    if problem:
        return problem
    if not isinstance(expression, promql_parser.VectorSelector):
        return f"{_what(expression)} in {text!r}: {_PLAIN}"
    if expression.offset is not None or expression.at is not None:
        return f"offset and @ move the time in {text!r}: {_PLAIN}"
    # What is sent has a range behind it: a comment would swallow that.
    ranged, problem = _parse(f"{text.strip()}[1m]")
    if problem or not isinstance(ranged, promql_parser.MatrixSelector):
        return f"leave out the comment in {text!r}: {_PLAIN}"
    return ""


def expression_problem(text: str) -> str:
    """Why `text` is no expression for one number; empty when it is one."""
    expression, problem = _parse(text)
    if problem:
        return problem
    if isinstance(expression, _NO_VECTOR):
        return (
            f"{_what(expression)} is no instant vector in {text!r}: aggregate it to one number, e.g. sum(rate(…[1m]))"
        )
    return ""


def _parse(text: str) -> tuple[Any, str]:
    unknown = sorted({name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS})
    if unknown:
        known = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        return None, f"unknown placeholder {{{{{unknown[0]}}}}} in {text!r}; known: {known}"
    # As long as the original, so that positions are those of the user's text; letters fit names, values and regexes.
    filled = _PLACEHOLDER.sub(lambda found: "x" * len(found.group()), text)
    expression, problem = _try(filled)
    if problem:
        return None, f"does not parse: {problem}, at or after column {_column(filled)} of {text!r}"
    return expression, ""


def _try(text: str) -> tuple[Any, str]:
    try:
        return promql_parser.parse(text), ""
    except ValueError as error:
        return None, str(error)


def _column(text: str) -> int:
    """Where it goes wrong: behind the longest beginning that is an expression (the parser itself does not tell)."""
    for end in range(len(text) - 1, 0, -1):
        if not _try(text[:end])[1]:
            return end + 1
    return 1


def _what(expression: Any) -> str:
    if isinstance(expression, promql_parser.Call):
        return f"{expression.func.name}()"
    if isinstance(expression, promql_parser.MatrixSelector):
        return "a range"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(expression).__name__).lower()
