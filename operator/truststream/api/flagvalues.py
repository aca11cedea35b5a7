"""Rules of a FeatureFlag about values of any type and over all its rules: once in CEL and in Python.

The CRD's CEL sees no field without a type and may not walk every condition of every environment. An admission policy
(`flagpolicy`) may do both, and gets the CEL from here; `it` is the model that the rule is about. Of a condition's value
only the shape is looked at: whether an expression or a version can be read is known once it is compiled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.base import ApiModel
from truststream.api.featureflag import (
    ENVIRONMENT,
    THOUSANDTHS,
    VARIANT,
    FeatureFlagSpec,
    FlagCondition,
    FlagEnvironment,
    FlagRule,
    FlagType,
    Operator,
    ScheduledChange,
)
from truststream.api.validate import Problem, models

SAFE_INTEGER: Final = 2**53 - 1
"""Beyond it languages disagree about a number."""


@dataclass(frozen=True, slots=True)
class ValueRule:
    """One rule about a model of a spec; `field` is blamed. `operators`: of a condition, whose rule it is."""

    field: str
    message: str
    cel: str
    holds: Callable[[Any, FeatureFlagSpec], bool]
    operators: tuple[str, ...] = ()


def misfits(spec: FeatureFlagSpec, rules: Mapping[type[ApiModel], tuple[ValueRule, ...]]) -> Iterator[Problem]:
    """Every rule that does not hold, parents first."""
    yield from _variants(spec)
    for path, model in models(spec, "spec"):
        for rule in rules.get(type(model), ()):
            if not rule.holds(model, spec):
                yield Problem(f"{path}.{rule.field}", rule.message)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool)) or _finite(value)


def _finite(value: Any) -> bool:
    return _is_number(value) and abs(value) < math.inf  # integers of any length, too


_OF_TYPE: Final[Mapping[FlagType, Callable[[Any], bool]]] = {
    FlagType.BOOLEAN: lambda v: isinstance(v, bool),
    FlagType.STRING: lambda v: isinstance(v, str),
    FlagType.NUMBER: lambda v: _finite(v) and (isinstance(v, float) or abs(v) <= SAFE_INTEGER),
    FlagType.OBJECT: lambda v: isinstance(v, dict),
}
TYPE_MESSAGES: Final[Mapping[FlagType, str]] = {
    FlagType.BOOLEAN: "must be true or false, as type is Boolean",
    FlagType.STRING: "must be a text, as type is String; quote what YAML reads as something else",
    FlagType.NUMBER: "must be a number, as type is Number; integers up to 9007199254740991",
    FlagType.OBJECT: "must be an object, as type is Object",
}
_SCALAR: Final = "({0} == null || type({0}) == string || type({0}) == bool || type({0}) == int || type({0}) == double)"
_NUMBER: Final = "(type({0}) == int || type({0}) == double)"
TYPES_CEL: Final[Mapping[FlagType, str]] = {
    FlagType.BOOLEAN: "type({0}) == bool",
    FlagType.STRING: "type({0}) == string",
    FlagType.NUMBER: f"type({{0}}) == double || (type({{0}}) == int && {{0}} <= {SAFE_INTEGER} "
    f"&& {{0}} >= -{SAFE_INTEGER})",
    FlagType.OBJECT: "type({0}) == map",
}


def _variants(spec: FeatureFlagSpec) -> Iterator[Problem]:
    for name, value in spec.variants.items():
        if not _OF_TYPE[spec.type](value):
            yield Problem(f"spec.variants.{name}", TYPE_MESSAGES[spec.type])


_UNKNOWN: Final = "is not one of variants (unquoted, YAML reads on, off, yes and no as true and false)"


def _one_of_variants(attribute: str, field: str) -> ValueRule:
    return ValueRule(
        field,
        _UNKNOWN,
        f"!has(it.{field}) || it.{field} in variables.variants",
        lambda m, s: getattr(m, attribute) is None or getattr(m, attribute) in s.variants,
    )


_OVERRIDES: Final = (
    _one_of_variants("default_variant", "defaultVariant"),
    _one_of_variants("rollout_variant", "rolloutVariant"),
)

_RULE: Final = (
    _one_of_variants("variant", "variant"),
    ValueRule(
        "distribution",
        "names what is not one of variants",
        "!has(it.distribution) || it.distribution.all(d, d.variant in variables.variants)",
        lambda r, s: all(one.variant in s.variants for one in r.distribution or ()),
    ),
    ValueRule(
        "distribution",
        "names a variant twice",
        "!has(it.distribution) || it.distribution.all(d, it.distribution.exists_one(e, e.variant == d.variant))",
        lambda r, _s: len({one.variant for one in r.distribution or ()}) == len(r.distribution or ()),
    ),
    ValueRule(
        "distribution",
        "weights must be 100 in sum",
        "!has(it.distribution) || it.distribution.map(d, int(double(d.weight) * 1000.0 + 0.5)).sum() == 100000",
        lambda r, _s: r.distribution is None or sum(int(d.weight * 1000 + 0.5) for d in r.distribution) == 100_000,
    ),
)

_O: Final = Operator
_OF_FIELD: Final = frozenset(Operator) - {
    *(_O.TIME_OF_DAY, _O.WEEKDAY, _O.BEFORE, _O.AFTER),
    *(_O.PERCENTAGE, _O.IN_SEGMENT, _O.NOT_IN_SEGMENT),
}
_OF_TIME: Final = frozenset({_O.TIME_OF_DAY, _O.WEEKDAY, _O.BEFORE, _O.AFTER})
_OF_SEGMENTS: Final = frozenset({_O.IN_SEGMENT, _O.NOT_IN_SEGMENT})


def _for(operators: frozenset[Operator], field: str, message: str, cel: str, holds: Callable[[Any], bool]) -> ValueRule:
    """A rule for the conditions with one of the operators."""
    names = sorted(operator.value for operator in operators)
    return ValueRule(
        field,
        message,
        f"!(it.operator in {names}) || {cel}",
        lambda c, _s: c.operator not in operators or holds(c),
        tuple(names),
    )


def _value(message: str, cel: str, fits: Callable[[Any], bool], *operators: Operator) -> ValueRule:
    """A rule about the value that is there; `{v}` in the CEL."""

    def holds(condition: FlagCondition) -> bool:
        return "value" not in condition.model_fields_set or fits(condition.value)

    there = f"(!has(it.value) || {cel.replace('{v}', 'it.value')})"
    return _for(frozenset(operators), "value", message, there, holds)


def _texts(value: Any) -> bool:
    listed = value if isinstance(value, list) else [value]
    return bool(listed) and all(isinstance(item, str) for item in listed)


def _scalars(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_scalar, value))


_ALL_SCALARS: Final = f"type({{v}}) == list && size({{v}}) > 0 && {{v}}.all(x, {_SCALAR.format('x')})"
_ALL_TEXTS: Final = "type({v}) == string || (type({v}) == list && size({v}) > 0 && {v}.all(x, type(x) == string))"

_CONDITION: Final = (
    _for(
        _OF_FIELD,
        "field",
        "is missing; the operator compares a field of the context",
        "has(it.field)",
        lambda c: c.field is not None,
    ),
    _for(
        _OF_SEGMENTS,
        "field",
        "is not for segments; they look at the whole context",
        "!has(it.field)",
        lambda c: c.field is None,
    ),
    _for(
        frozenset(Operator) - _OF_TIME,
        "timeZone",
        "is only for TimeOfDay, Weekday, Before and After",
        "!has(it.timeZone)",
        lambda c: c.time_zone is None,
    ),
    _for(
        frozenset(Operator) - {_O.EXISTS},
        "value",
        "is missing",
        "has(it.value)",
        lambda c: "value" in c.model_fields_set,
    ),
    _value(
        "must be a text, a number, true, false or null",
        _SCALAR.format("{v}"),
        _is_scalar,
        *(_O.EQUALS, _O.NOT_EQUALS),
    ),
    _value(
        "must be a number",
        _NUMBER.format("{v}"),
        _finite,
        *(_O.GREATER_THAN, _O.GREATER_OR_EQUAL, _O.LESS_THAN, _O.LESS_OR_EQUAL),
    ),
    _value(
        "must be a list of texts, numbers, true, false or null, with at least one",
        _ALL_SCALARS,
        _scalars,
        *(_O.IN, _O.NOT_IN),
    ),
    _value(
        "must be a text, a number, true, false or null, or a list of them with at least one",
        f"({_SCALAR.format('{v}')} || ({_ALL_SCALARS}))",
        lambda v: _is_scalar(v) or _scalars(v),
        *(_O.CONTAINS, _O.NOT_CONTAINS),
    ),
    _value(
        "must be a text or a list of texts, with at least one",
        f"({_ALL_TEXTS})",
        _texts,
        *(_O.STARTS_WITH, _O.ENDS_WITH, _O.CIDR, _O.WEEKDAY, _O.IN_SEGMENT, _O.NOT_IN_SEGMENT),
    ),
    _value(
        "must be a text",
        "type({v}) == string",
        lambda v: isinstance(v, str),
        *(_O.MATCHES, _O.SEM_VER, _O.TIME_OF_DAY, _O.BEFORE, _O.AFTER),
    ),
    _value(
        "must be true or false; left out it means true",
        "(type({v}) == bool || {v} == null)",
        lambda v: v is None or isinstance(v, bool),
        _O.EXISTS,
    ),
    _value(
        "must be a number from 0 to 100",
        f"({_NUMBER.format('{v}')} && {{v}} >= 0.0 && {{v}} <= 100.0)",
        lambda v: _finite(v) and 0 <= v <= 100,
        _O.PERCENTAGE,
    ),
    _value(
        THOUSANDTHS,
        f"(!({_NUMBER.format('{v}')}) || {{v}} < 0.0 || {{v}} > 100.0 || int(double({{v}}) * 1e6 + 0.5) % 1000 == 0)",
        lambda v: not _finite(v) or not 0 <= v <= 100 or int(v * 1e6 + 0.5) % 1000 == 0,
        _O.PERCENTAGE,
    ),
)

VALUES: Final[Mapping[type[ApiModel], tuple[ValueRule, ...]]] = {
    FeatureFlagSpec: _OVERRIDES,
    FlagEnvironment: _OVERRIDES,
    ScheduledChange: _OVERRIDES,
    FlagRule: _RULE,
    FlagCondition: _CONDITION,
}

NAMES: Final = {"variants": VARIANT, "environments": ENVIRONMENT}
"""Maps of the spec whose keys must match; a structural schema knows no pattern for keys."""
