"""Label matchers outside of Prometheus: what a selector asks for, several as one, and which series it matches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import promql_parser

Shape = tuple[frozenset[str], frozenset[tuple[str, str, str]]]
"""What selectors must have in common to be one: the names of labels with values, and the negative matchers."""

_OPERATORS: Final = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}
# What RE2 and Python's re read alike, and what cannot run for long: literals, classes, repetition of one character,
# and groups that are not repeated.
_CLASS: Final = r"\[\^?[\w.:/@%+*?$ -]+\]"
_TOKEN: Final = rf"(?:[\w:/@%=,;<>~!&'\"# -]|\\[^\w\s]|\\[dw]|\.|{_CLASS})(?:[*+?]\??|\{{\d+(?:,\d*)?\}})?"
_SAFE: Final = re.compile(rf"(?:{_TOKEN}|\((?:\?:)?|\)(?![*+?{{])|\||\^|\$)*", re.ASCII)
_NEWLINES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


@dataclass(frozen=True, slots=True)
class Selection:
    """A plain selector with a range of `width` seconds."""

    width: float
    exact: Mapping[str, str]  # label -> value; the metric's name is __name__
    patterns: Mapping[str, str]  # label -> regular expression
    negative: frozenset[tuple[str, str, str]]  # (label, operator, value)
    tests: tuple[tuple[str, bool, re.Pattern[str]], ...]  # (label, whether it has to match, what)

    @property
    def shape(self) -> Shape:
        """See `Shape`. The name counts as a negative matcher does: other metrics are another question."""
        names = frozenset((*self.exact, *self.patterns))
        own = ("__name__", "=", self.exact["__name__"]) if "__name__" in self.exact else None
        return names, self.negative | ({own} if own else frozenset())

    def matches(self, labels: Mapping[str, str]) -> bool:
        """As Prometheus would; a label that is not there is empty."""
        return all(labels.get(name, "") == value for name, value in self.exact.items()) and all(
            (pattern.fullmatch(labels.get(name, "")) is not None) is wanted for name, wanted, pattern in self.tests
        )


def parsed(promql: str) -> Selection | None:
    """The selection in a query; None for one that has to be asked as it stands."""
    try:
        expression = promql_parser.parse(promql)
    except ValueError:
        return None
    if not isinstance(expression, promql_parser.MatrixSelector):
        return None
    selector = expression.vector_selector
    if selector.offset is not None or selector.at is not None or selector.matchers.or_matchers:
        return None
    matchers = [(one.name, _OPERATORS[str(one.op)], one.value) for one in selector.matchers.matchers]
    if selector.name:
        matchers.append(("__name__", "=", selector.name))
    return _selection(tuple(matchers), expression.range.total_seconds())


@lru_cache(4096)
def _selection(matchers: tuple[tuple[str, str, str], ...], width: float) -> Selection | None:
    exact = {name: value for name, operator, value in matchers if operator == "="}
    patterns = {name: value for name, operator, value in matchers if operator == "=~"}
    negative = frozenset(one for one in matchers if one[1].startswith("!"))
    if len(exact) + len(patterns) + len(negative) != len(matchers) or exact.keys() & patterns.keys():
        return None  # two about one label: both have to hold, an alternation would take either
    tests = []
    for name, operator, value in matchers:
        if operator == "=":
            continue
        pattern = _compiled(re.escape(value) if operator == "!=" else value)
        if pattern is None:
            return None
        tests.append((name, operator == "=~", pattern))
    return Selection(width, exact, patterns, negative, tuple(tests))


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """As Prometheus reads it: the dot matches everything, classes are ASCII. None: Python may read it otherwise."""
    if not _SAFE.fullmatch(pattern) or "--" in pattern:
        return None
    try:
        return re.compile(pattern, re.ASCII | re.DOTALL)
    except re.error:
        return None


def union(selections: Sequence[Selection]) -> str:
    """A selector for all that the selections ask for, and perhaps more. They are of one shape."""
    names, fixed = selections[0].shape
    own = {label: value for label, _, value in fixed if label == "__name__"}
    parts = [f"{name}{_any(selections, name)}" for name in sorted(names - own.keys())]
    parts += [f"{label}{operator}{_quoted(value)}" for label, operator, value in sorted(fixed) if label not in own]
    return f"{{{','.join([*(f'__name__={_quoted(value)}' for value in own.values()), *parts])}}}"


def _any(selections: Iterable[Selection], name: str) -> str:
    literals = {one.exact[name] for one in selections if name in one.exact}
    patterns = {one.patterns[name] for one in selections if name in one.patterns}
    if len(literals) == 1 and not patterns:
        return f"={_quoted(literals.pop())}"
    if not literals and len(patterns) == 1:
        return f"=~{_quoted(patterns.pop())}"
    # Prometheus anchors the whole; a group of its own keeps an alternative's own alternation inside.
    choices = [*(re.escape(value) for value in sorted(literals)), *(f"(?:{value})" for value in sorted(patterns))]
    return f"=~{_quoted('|'.join(choices))}"


def _quoted(value: str) -> str:
    return f'"{"".join(_NEWLINES.get(letter, letter) for letter in value)}"'
