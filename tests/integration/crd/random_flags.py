"""FeatureFlags put together at random, from fields of which some are good and some are not."""

from __future__ import annotations

import random
from typing import Any

from tests.unit.api.bad_flags import GOOD
from truststream.api.featureflag import Operator

SEED = 20260202
SPECS = 400

_VARIANTS = ["on", "off", "on", "off", "nothing"]
_VALUES: list[Any] = [
    "x",
    "",
    5,
    -1,
    0.0005,
    50.5,
    1e300,
    True,
    None,
    [],
    ["x"],
    ["x", 1],
    [None],
    [["x"]],
    {},
    {"a": 1},
]
_CHOICES: dict[str, list[Any]] = {
    "key": ["checkout/new", "-x", "a.b", ""],
    "type": ["Boolean", "String", "Number", "Object", "boolean"],
    "variants": [
        {"on": True, "off": False},
        {"on": True, "off": 0},
        {"on": "a", "off": "b"},
        {"on": None, "off": None},
        {"on": True, "off": False, "a b": True},
        {"on": True, "off": False, "x" * 64: True},
    ],
    "defaultVariant": _VARIANTS,
    "enabled": [True, False, "no"],
    "targetType": ["user", ""],
    "targetId": ["42", 42],
    "rolloutPercentage": [0, 0.001, 33.333, 33.3333, 100, 100.001, "5"],
    "rolloutVariant": _VARIANTS,
    "environments": [
        {"prod": {"defaultVariant": "on"}},
        {"prod": {"defaultVariant": "nothing"}},
        {"prod": {"inherits": "stage"}, "stage": {"rolloutPercentage": 5}},
        {"prod": {"inherits": "prod"}},
        {"prod": {"rules": []}, "Stage": {}},
        {"prod": {"rules": [{"name": "one", "variant": "on"}, {"name": "one", "variant": "on"}]}},
        {},
    ],
    "schedule": [
        [{"at": "2026-12-01T09:00:00Z"}],
        [{"at": "2026-12-01T09:00:00Z", "until": "2026-12-01T09:00:00Z"}],
        [{"at": "2026-12-01T09:00:00+01:00", "until": "2026-12-01T08:30:00Z", "defaultVariant": "on"}],
        [{"at": "2026-13-01T09:00:00Z"}],
        [{"at": "2026-12-01T09:00:00Z", "rolloutPercentage": 5}],
        [{"until": "2026-12-01T09:00:00Z"}],
    ],
    "prerequisites": [
        [{"flag": "other", "variants": ["on"]}],
        [{"flag": "other", "variants": []}],
        [{"flag": "a", "variants": ["on"]}, {"flag": "a", "variants": ["on"]}],
    ],
    "bucketing": [{"version": "FlagdV3"}, {"version": "V1"}, {"by": "a..b"}, {"salt": ""}, {}],
    "expiresAt": ["2027-01-01T00:00:00Z", "2027-01-01", "2027-02-30T00:00:00Z", "2027-01-01T00:00:00.123456789z"],
    "staleAfter": ["240h", "0s", "10d"],
    "tags": [["a"], [""], "a"],
    "approval": [{"required": 1, "groups": ["a"]}, {"required": 11, "groups": ["a"]}, {"groups": ["a"]}],
    "recordExposures": [True, 1],
}


def _condition(dice: random.Random) -> dict[str, Any]:
    condition: dict[str, Any] = {"operator": dice.choice([*Operator, "Like"])}
    if dice.random() < 0.8:
        condition["value"] = dice.choice(_VALUES)
    if dice.random() < 0.8:
        condition["field"] = dice.choice(["a", "a.b.0", "a.b.0", ".a"])
    if dice.random() < 0.1:
        condition["timeZone"] = dice.choice(["UTC", ""])
    return condition


def _rule(dice: random.Random) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": dice.choice(["one", "two", "three", "three", "fo ur"])}
    if dice.random() < 0.8:
        rule["variant"] = dice.choice(_VARIANTS)
    if dice.random() < 0.3:
        weights = dice.choice([(50, 50), (33.333, 66.667), (99.999, 0.001), (50, 49), (100, 0.0001)])
        names = (dice.choice(["on", "on", "nothing"]), dice.choice(["off", "off", "on"]))
        rule["distribution"] = [{"variant": n, "weight": w} for n, w in zip(names, weights, strict=True)]
    if dice.random() < 0.6:
        rule["conditions"] = [_condition(dice) for _ in range(dice.choice([1, 1, 2]))]
    return rule


def specs() -> list[dict[str, Any]]:
    """Few fields each, so that many are good and most bad ones are bad for one reason."""
    dice = random.Random(SEED)
    made = []
    for _ in range(SPECS):
        fields = dice.sample(sorted(_CHOICES), k=dice.randint(0, 2))
        spec = GOOD | {field: dice.choice(_CHOICES[field]) for field in fields}
        if dice.random() < 0.5:
            spec["rules"] = [_rule(dice) for _ in range(dice.choice([1, 1, 1, 2]))]
        made.append(spec)
    return made
