"""FeatureFlags that must be refused: here by `examine_flag`, in tests/integration/crd by a real API server.

One table for both, as in `bad_specs`. `by` says who refuses: the CRD, or the admission policy for what it cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

GOOD: dict[str, Any] = {
    "type": "Boolean",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
}


class By(Enum):
    """Who refuses it in a cluster."""

    CRD = "crd"
    POLICY = "policy"


@dataclass(frozen=True)
class BadFlag:
    """A change of the good flag, the field blamed, and the sentence; `server` where the API server words it its way."""

    id: str
    change: dict[str, Any]
    path: str
    said: str
    server: str = ""
    by: By = By.CRD

    @property
    def manifest(self) -> dict[str, Any]:
        """The whole object."""
        return flag({**GOOD, **self.change}, self.id)


def flag(spec: dict[str, Any], name: str = "good") -> dict[str, Any]:
    """A FeatureFlag with this spec."""
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "FeatureFlag",
        "metadata": {"name": name},
        "spec": spec,
    }


def condition(operator: str, **fields: Any) -> dict[str, Any]:
    """A flag's rules with one condition."""
    return {"rules": [{"name": "one", "variant": "on", "conditions": [{"operator": operator, **fields}]}]}


def _rule(**fields: Any) -> dict[str, Any]:
    return {"rules": [{"name": "one", **fields}]}


def _valued(id_: str, operator: str, value: Any, said: str) -> BadFlag:
    change = condition(operator, field="user.age", value=value)
    return BadFlag(id_, change, "spec.rules[0].conditions[0].value", said, by=By.POLICY)


def _shares(*weights: float) -> list[dict[str, Any]]:
    return [{"variant": variant, "weight": weight} for variant, weight in zip(("on", "off"), weights, strict=True)]


_WEIGHTS = "spec.rules[0].distribution"
_TEXT, _TEXTS = "must be a text", "must be a text or a list of texts"
_UNKNOWN = "is not one of variants"

BAD_FLAGS = [
    # by the CRD
    BadFlag("no-type", {"type": "Integer"}, "spec.type", "must be 'Boolean', 'String', 'Number'", "Unsupported value"),
    BadFlag("no-variants", {"variants": {}}, "spec.variants", "at least 1", "at least 1 properties"),
    BadFlag("bad-key", {"key": "-a"}, "spec.key", "should match"),
    BadFlag("bad-default", {"defaultVariant": "o n"}, "spec.defaultVariant", "should match"),
    BadFlag(
        "percent",
        {"rolloutPercentage": 101, "rolloutVariant": "on"},
        "spec.rolloutPercentage",
        "less than or equal to 100",
    ),
    BadFlag(
        "too-fine",
        {"rolloutPercentage": 0.0001, "rolloutVariant": "on"},
        "spec.rolloutPercentage",
        "takes at most three digits",
    ),
    BadFlag("no-rollout-variant", {"rolloutPercentage": 5}, "spec.rolloutPercentage", "needs rolloutVariant"),
    BadFlag("id-without-type", {"targetId": "42"}, "spec.targetId", "needs targetType"),
    BadFlag("neither", _rule(), "spec.rules[0]", "needs either a variant or a distribution"),
    BadFlag(
        "both",
        _rule(variant="on", distribution=_shares(40, 60)),
        "spec.rules[0]",
        "needs either a variant or a distribution",
    ),
    BadFlag(
        "share", _rule(distribution=_shares(33.3333, 66.6667)), f"{_WEIGHTS}[0].weight", "takes at most three digits"
    ),
    BadFlag(
        "rule-twice",
        {"rules": [{"name": "one", "variant": "on"}, {"name": "one", "variant": "off"}]},
        "spec.rules[1]",
        "Duplicate value",
    ),
    BadFlag("nameless", {"rules": [{"variant": "on"}]}, "spec.rules[0].name", "is missing", "Required value"),
    BadFlag(
        "operator",
        condition("Like", field="a", value="b"),
        "spec.rules[0].conditions[0].operator",
        "must be",
        "Unsupported value",
    ),
    BadFlag("field", condition("Equals", field="a..b", value="b"), "spec.rules[0].conditions[0].field", "should match"),
    BadFlag(
        "heir", {"environments": {"prod": {"inherits": "stage"}}}, "spec.environments", "inherits must name another one"
    ),
    BadFlag(
        "own-heir",
        {"environments": {"prod": {"inherits": "prod"}}},
        "spec.environments",
        "inherits must name another one",
    ),
    BadFlag(
        "part-rollout",
        {"environments": {"prod": {"rolloutPercentage": 5}}},
        "spec.environments",
        "rolloutPercentage needs rolloutVariant",
    ),
    BadFlag(
        "part-rule",
        {"environments": {"prod": {"rules": [{"name": "one"}]}}},
        "spec.environments.prod.rules[0]",
        "needs either a variant or a distribution",
        "spec.environments[prod].rules[0]",
    ),
    BadFlag(
        "no-moment",
        {"schedule": [{"at": "tomorrow", "enabled": False}]},
        "spec.schedule[0].at",
        "must be a time",
        "date-time",
    ),
    BadFlag(
        "local", {"schedule": [{"at": "2026-12-01T09:00:00"}]}, "spec.schedule[0].at", "must be a time", "date-time"
    ),
    BadFlag("no-expiry", {"expiresAt": "2026-12-01"}, "spec.expiresAt", "must be a time", "date-time"),
    BadFlag(
        "backwards",
        {"schedule": [{"at": "2026-12-02T00:00:00Z", "until": "2026-12-02T01:00:00+02:00", "enabled": False}]},
        "spec.schedule[0].until",
        "must be later than at",
    ),
    BadFlag(
        "scheduled-rollout",
        {"schedule": [{"at": "2026-12-02T00:00:00Z", "rolloutPercentage": 50}]},
        "spec.schedule",
        "rolloutPercentage needs rolloutVariant",
    ),
    BadFlag(
        "self",
        {"prerequisites": [{"flag": "self", "variants": ["on"]}]},
        "spec.prerequisites",
        "a prerequisite of itself",
    ),
    BadFlag(
        "self-by-key",
        {"key": "mine", "prerequisites": [{"flag": "mine", "variants": ["on"]}]},
        "spec.prerequisites",
        "a prerequisite of itself",
    ),
    BadFlag(
        "prerequisite-twice",
        {"prerequisites": [{"flag": "a", "variants": ["on"]}, {"flag": "a", "variants": ["off"]}]},
        "spec.prerequisites[1]",
        "Duplicate value",
    ),
    BadFlag("stale", {"staleAfter": "30d"}, "spec.staleAfter", "must be a duration"),
    BadFlag(
        "nobody", {"approval": {"required": 0, "groups": ["a"]}}, "spec.approval.required", "greater than or equal to 1"
    ),
    BadFlag("no-group", {"approval": {"required": 1, "groups": []}}, "spec.approval.groups", "at least 1 item"),
    # by the policy: the variants
    BadFlag(
        "no-boolean", {"variants": {"on": 1, "off": False}}, "spec.variants.on", "must be true or false", by=By.POLICY
    ),
    BadFlag(
        "no-text", {"type": "String", "variants": {"on": "a", "off": True}}, "spec.variants.off", _TEXT, by=By.POLICY
    ),
    BadFlag(
        "no-number",
        {"type": "Number", "variants": {"on": "1", "off": 0}},
        "spec.variants.on",
        "must be a number",
        by=By.POLICY,
    ),
    BadFlag(
        "huge",
        {"type": "Number", "variants": {"on": 2**53, "off": 0}},
        "spec.variants.on",
        "must be a number",
        by=By.POLICY,
    ),
    BadFlag(
        "no-object",
        {"type": "Object", "variants": {"on": {}, "off": []}},
        "spec.variants.off",
        "must be an object",
        by=By.POLICY,
    ),
    BadFlag(
        "null", {"variants": {"on": None, "off": False}}, "spec.variants.on", "must be true or false", by=By.POLICY
    ),
    BadFlag(
        "variant-name",
        {"variants": {"o n": True, "off": False}},
        "spec.variants.o n",
        "should match",
        "a name has at most 63 characters",
        By.POLICY,
    ),
    BadFlag(
        "environment-name",
        {"environments": {"Prod": {}}},
        "spec.environments.Prod",
        "should match",
        "a name has at most 63 characters",
        By.POLICY,
    ),
    BadFlag("default", {"defaultVariant": "of"}, "spec.defaultVariant", _UNKNOWN, by=By.POLICY),
    BadFlag("rollout", {"rolloutPercentage": 5, "rolloutVariant": "o"}, "spec.rolloutVariant", _UNKNOWN, by=By.POLICY),
    BadFlag("rule", _rule(variant="o"), "spec.rules[0].variant", _UNKNOWN, by=By.POLICY),
    BadFlag(
        "part-default",
        {"environments": {"prod": {"defaultVariant": "o"}}},
        "spec.environments.prod.defaultVariant",
        _UNKNOWN,
        by=By.POLICY,
    ),
    BadFlag(
        "part-of-part",
        {"environments": {"prod": {"rules": [{"name": "one", "variant": "o"}]}}},
        "spec.environments.prod.rules[0].variant",
        _UNKNOWN,
        by=By.POLICY,
    ),
    BadFlag(
        "scheduled",
        {"schedule": [{"at": "2026-12-02T00:00:00Z", "defaultVariant": "o"}]},
        "spec.schedule[0].defaultVariant",
        _UNKNOWN,
        by=By.POLICY,
    ),
    BadFlag(
        "share-of-none",
        _rule(distribution=[{"variant": "o", "weight": 100}]),
        _WEIGHTS,
        "names what is not one",
        by=By.POLICY,
    ),
    BadFlag(
        "share-twice",
        _rule(distribution=[{"variant": "on", "weight": 40}, {"variant": "on", "weight": 60}]),
        _WEIGHTS,
        "names a variant twice",
        by=By.POLICY,
    ),
    BadFlag("sum", _rule(distribution=_shares(33.333, 66.666)), _WEIGHTS, "must be 100 in sum", by=By.POLICY),
    # by the policy: the conditions
    BadFlag(
        "no-field", condition("Equals", value="a"), "spec.rules[0].conditions[0].field", "is missing", by=By.POLICY
    ),
    BadFlag(
        "segment-field",
        condition("InSegment", field="a", value="b"),
        "spec.rules[0].conditions[0].field",
        "is not for segments",
        by=By.POLICY,
    ),
    BadFlag("no-value", condition("In", field="a"), "spec.rules[0].conditions[0].value", "is missing", by=By.POLICY),
    BadFlag(
        "zone",
        condition("Equals", field="a", value="b", timeZone="UTC"),
        "spec.rules[0].conditions[0].timeZone",
        "is only for TimeOfDay",
        by=By.POLICY,
    ),
    _valued("equal-list", "Equals", [1], "must be a text, a number, true, false or null"),
    _valued("more-than-text", "GreaterThan", "5", "must be a number"),
    _valued("less-than-true", "LessOrEqual", True, "must be a number"),
    _valued("in-text", "In", "a", "must be a list"),
    _valued("in-nothing", "NotIn", [], "must be a list"),
    _valued("in-lists", "In", [["a"]], "must be a list"),
    _valued("contains-object", "Contains", {"a": 1}, "or a list of them"),
    _valued("starts-with-1", "StartsWith", 1, _TEXTS),
    _valued("ends-with-none", "EndsWith", [], _TEXTS),
    _valued("matches-list", "Matches", ["a"], _TEXT),
    _valued("version", "SemVer", 1.2, _TEXT),
    _valued("network", "Cidr", [10], _TEXTS),
    _valued("exists-yes", "Exists", "yes", "must be true or false"),
    _valued("hours", "TimeOfDay", [9, 17], _TEXT),
    _valued("days", "Weekday", 1, _TEXTS),
    _valued("before-a-number", "Before", 1790000000, _TEXT),
    _valued("too-much", "Percentage", 100.5, "must be a number from 0 to 100"),
    _valued("share-as-text", "Percentage", "5", "must be a number from 0 to 100"),
    _valued("too-fine-a-share", "Percentage", 0.0005, "takes at most three digits"),
    BadFlag(
        "segment-number", condition("NotInSegment", value=1), "spec.rules[0].conditions[0].value", _TEXTS, by=By.POLICY
    ),
]

GOOD_CONDITIONS = [
    condition("Equals", field="a.0.b", value=None),
    condition("NotEquals", field="a", value=1.5),
    condition("In", field="a", value=["x", 1, True, None]),
    condition("Contains", field="a", value="x"),
    condition("NotContains", field="a", value=["x", 2]),
    condition("EndsWith", field="a", value=["x"]),
    condition("Exists", field="a"),
    condition("Exists", field="a", value=False),
    condition("SemVer", field="a", value=">=1.2"),
    condition("Cidr", field="a", value="10.0.0.0/8"),
    condition("TimeOfDay", value="09:00-17:00", timeZone="Europe/Berlin"),
    condition("Weekday", field="at", value=["Mon"]),
    condition("After", value="2026-12-01T09:00", timeZone="Europe/Berlin"),
    condition("Percentage", value=0.001),
    condition("Percentage", field="company", value=50),
    condition("InSegment", value=["staff", "beta"]),
]

# Every kind of field at once, all of it right.
WHOLE: dict[str, Any] = {
    "key": "checkout/new.flow",
    "description": "The new checkout.",
    "type": "Number",
    "variants": {"slow": 1, "fast": 2.5, "max": 2**53 - 1},
    "defaultVariant": "slow",
    "targetType": "user",
    "targetId": "42",
    "rules": [
        {"name": "some", "priority": 5, "rolloutPercentage": 12.345, "variant": "fast"},
        {
            "name": "split",
            "distribution": [
                {"variant": "slow", "weight": 33.333},
                {"variant": "fast", "weight": 33.333},
                {"variant": "max", "weight": 33.334},
            ],
        },
    ],
    "rolloutPercentage": 0.001,
    "rolloutVariant": "max",
    "environments": {
        "stage": {"rolloutPercentage": 50, "rules": []},
        "prod": {"inherits": "stage", "enabled": False, "rules": [{"name": "some", "variant": "max"}]},
    },
    "schedule": [
        {"at": "2026-12-01T09:00:00Z", "until": "2026-12-01T11:00:00.5+01:00", "defaultVariant": "fast"},
        {"at": "2026-12-02T00:00:00Z", "rolloutPercentage": 100},
    ],
    "prerequisites": [{"flag": "other", "variants": ["on"]}, {"flag": "third", "variants": ["a", "b"]}],
    "bucketing": {"version": "FlagdV3", "by": "company.id", "salt": "autumn"},
    "owner": "checkout",
    "expiresAt": "2027-01-01T00:00:00Z",
    "staleAfter": "240h",
    "tags": ["checkout"],
    "approval": {"required": 2, "groups": ["sres"]},
    "recordExposures": True,
    "exposureWindow": "1h",
}
