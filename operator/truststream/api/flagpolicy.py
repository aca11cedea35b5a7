"""The ValidatingAdmissionPolicy that says at once what a FeatureFlag's CRD cannot see; made from `flagvalues`.

What passes it wrongly (an expression that fails, for instance by its cost, refuses nothing) is looked at again by the
operator, which makes the flag Stalled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from truststream.api.base import ApiModel
from truststream.api.featureflag import FeatureFlagSpec, FlagCondition, FlagRule, FlagType, ScheduledChange
from truststream.api.flagvalues import NAMES, TYPE_MESSAGES, TYPES_CEL, VALUES, ValueRule
from truststream.api.names import GROUP, VERSION

NAME: Final = "truststream-flag-values"
FILE_NAME: Final = f"{NAME}.yaml"

_RULES: Final = "p.of.?rules.orValue([])"
_RULE_PATH: Final = """p.path + '.rules[name="' + {0}.name + '"]'"""
_CONDITIONS: Final = "r.?conditions.orValue([])"

# By model: the paths of those that break a predicate over `it`, as a list of lists.
_BREAKERS: Final[dict[type[ApiModel], str]] = {
    FeatureFlagSpec: "[variables.parts.filter(p, [p.of].exists(it, !(CEL))).map(p, p.path)]",
    ScheduledChange: "[object.spec.?schedule.orValue([]).filter(it, !(CEL))"
    """.map(it, 'spec.schedule[at="' + it.at + '"]')]""",
    FlagRule: f"variables.parts.map(p, {_RULES}.filter(it, !(CEL)).map(it, {_RULE_PATH.format('it')}))",
    FlagCondition: f"variables.parts.map(p, {_RULES}.filter(r, {_CONDITIONS}.exists(it, !(CEL)))"
    f""".map(r, {_RULE_PATH.format("r")} + '.conditions[operator="' + """
    f"""{_CONDITIONS}.filter(it, !(CEL))[0].operator + '"]'))""",
}

_VARIABLES: Final = (
    {"name": "variants", "expression": "object.spec.variants"},
    {"name": "environments", "expression": "object.spec.?environments.orValue({})"},
    # The flag itself and its environments: what both have is looked at alike.
    {
        "name": "parts",
        "expression": "[{'path': dyn('spec'), 'of': dyn(object.spec)}] + variables.environments.map(e, "
        "{'path': dyn('spec.environments.' + e), 'of': dyn(variables.environments[e])})",
    },
)


def flag_values_policy() -> dict[str, Any]:
    """The policy; its binding is the chart's."""
    variables, validations = [dict(one) for one in _VARIABLES], [*_types(), *_names()]
    for variable, validation in _breaking():
        variables.append(variable)
        validations.append(validation)
    flags = {
        "apiGroups": [GROUP],
        "apiVersions": [VERSION],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["featureflags"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Ignore",
            "matchConstraints": {"resourceRules": [flags]},
            # What was admitted once stands in the way of no label and of no finalizer.
            "matchConditions": [
                {
                    "name": "the-spec-changes",
                    "expression": "request.operation == 'CREATE' || object.spec != oldObject.spec",
                }
            ],
            "variables": variables,
            "validations": validations,
        },
    }


_PLACES: Final[dict[type[ApiModel], str]] = {
    FeatureFlagSpec: "spec",
    ScheduledChange: "spec.schedule[]",
    FlagRule: "spec.rules[]",
    FlagCondition: "spec.rules[].conditions[]",
}


def sentences() -> list[tuple[str, str]]:
    """Field and sentence of everything that the policy refuses, for the documentation."""
    told = [("spec.variants{}", message) for message in TYPE_MESSAGES.values()]
    told += [(f"spec.{field}", f"a name has at most 63 characters and matches `{NAMES[field]}`") for field in NAMES]
    for model, place in _PLACES.items():
        told += [(f"{place}.{rule.field}{_of(rule)}", rule.message) for rule in VALUES[model]]
    return told


def _of(rule: ValueRule) -> str:
    """Whose rule it is; most operators are told apart by the few that have another one."""
    return f" of {', '.join(rule.operators)}" if 0 < len(rule.operators) < 10 else ""


def _validation(holds: str, path: str, message: str) -> dict[str, str]:
    """`path` is CEL; only looked at when it does not hold."""
    return {"expression": holds, "messageExpression": f"{path} + ': {message}'", "reason": "Invalid"}


def _types() -> Iterator[dict[str, str]]:
    for kind in FlagType:
        fits = TYPES_CEL[kind].format("variables.variants[v]")
        holds = f"object.spec.type != '{kind}' || variables.variants.all(v, {fits})"
        yield _validation(holds, f"'spec.variants.' + variables.variants.filter(v, !({fits}))[0]", TYPE_MESSAGES[kind])


def _names() -> Iterator[dict[str, str]]:
    for field, pattern in NAMES.items():
        fits = f"size(n) <= 63 && n.matches('{pattern}')"
        path = f"'spec.{field}.' + variables.{field}.filter(n, !({fits}))[0]"
        message = f"a name has at most 63 characters and matches {pattern}"
        yield _validation(f"variables.{field}.all(n, {fits})", path, message)


def _breaking() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """A variable with the paths, and the validation that there are none."""
    for model, breakers in _BREAKERS.items():
        for index, rule in enumerate(VALUES[model]):
            name = f"broken{model.__name__}{index}"
            paths = f"variables.{name}"
            first = f"{paths}.filter(x, size(x) > 0)[0][0] + '.{rule.field}'"
            yield (
                {"name": name, "expression": breakers.replace("CEL", rule.cel)},
                _validation(f"{paths}.all(x, size(x) == 0)", first, rule.message),
            )
