"""Random flags and contexts that have much to do with each other: fields, values and units come from small pools."""

import random
from typing import Any

FIELDS = ["plan", "age", "beta", "country", "version", "tags", "user.plan", "user.tags.0", "user.groups.1.name", "nick"]
TEXTS = [
    "gold",
    "silver",
    "",
    "é",
    "日本",
    "a b",
    "GOLD",
    "go",
    "1",
    "true",
    "null",
    "0",
    "[object Object]",
    "True",
    "🙂",
    "e",
]
NUMBERS: list[int | float] = [
    0,
    1,
    -1,
    2,
    17,
    18,
    18.5,
    0.0,
    1.0,
    1e9,
    999999999,
    1_000_000_001,
    -3.25,
    1e15,
    2**53,
    4e20,
]
OTHERS: list[Any] = [True, False, None]
VERSIONS = ["1.2.3", "1.2", "2", "v1.2.3", "1.2.3-beta.1", "1.3.0", "10.0.0", "2.0.0+build", "V3.1"]
NONSENSE: list[Any] = [
    [],
    {},
    [[]],
    [{}],
    {"a": 1},
    ["gold", 1],
    [True],
    [1],
    [0],
    [None],
    ["x", ["y"]],
    "1.2.3.4",
    "v",
]
SEGMENTS: dict[str, Any] = {
    "testers": {"conditions": [{"field": "plan", "operator": "Equals", "value": "gold"}], "excluded": ["unit-3"]},
    "friends": {"included": ["unit-1", "unit-2", ""]},
    "adults": {
        "conditions": [
            {"field": "age", "operator": "GreaterOrEqual", "value": 18},
            {"operator": "Percentage", "value": 50},
        ],
        "included": ["unit-3", "unit-4"],
        "excluded": ["unit-5"],
    },
    "nobody": {},
}
VALUES: dict[str, list[Any]] = {
    "Boolean": [True, False],
    "String": ["a", "b", "ü", ""],
    "Number": [1, 2.5, 10.0, -7],
    "Object": [{"a": 1}, {}, {"b": [1, {"c": None}]}],
}
KINDS = {"Boolean": "boolean", "String": "string", "Number": "float", "Object": "object"}
NOW = 1_795_985_600  # 2026-11-29T20:53:20Z, a Sunday


class Maker:
    """All that is random comes from one seed.

    `plain`: units are short and ASCII, and salts are. Node hashes other characters in its own way, and has no numbers
    that are not exact.
    """

    def __init__(self, seed: int, *, plain: bool = False) -> None:
        self.random = random.Random(seed)
        self.plain = plain

    def flag(self, key: str, version: str | None, others: list[str]) -> dict[str, Any]:
        """A spec that has no problems; `others` may be its prerequisites. Without a version it deals no units."""
        pick = self.random
        kind = pick.choice(sorted(VALUES))
        variants = {f"v{index}": value for index, value in enumerate(VALUES[kind])}
        names = sorted(variants)
        spec: dict[str, Any] = {"key": key, "type": kind, "variants": variants, "defaultVariant": pick.choice(names)}
        spec["rules"] = [self.rule(f"r{index}", names, version) for index in range(pick.choice([0, 1, 1, 2, 4]))]
        if version:
            spec |= self.dealing(names, version)
        if pick.random() < 0.1:
            spec["enabled"] = False
        if pick.random() < 0.15:
            spec["targetType"] = "user"
            if pick.random() < 0.5:
                spec["targetId"] = "unit-1"
        if pick.random() < 0.3:
            spec["schedule"] = [self.change(names, version) for _ in range(pick.choice([1, 2, 4]))]
        if others and pick.random() < 0.2:
            chosen = pick.sample(others, k=min(len(others), 2))
            spec["prerequisites"] = [{"flag": one, "variants": pick.sample(["v0", "v1"], k=1)} for one in chosen]
        return spec

    def dealing(self, variants: list[str], version: str) -> dict[str, Any]:
        pick = self.random
        bucketing = {"version": version, "by": pick.choice(["targetingKey", "targetingKey", "company.id"])}
        if pick.random() < 0.3:
            bucketing["salt"] = pick.choice(["shared", "x/", "sältz" if version == "FlagdV3" else "s"])
        if pick.random() < 0.5:
            return {"bucketing": bucketing}
        return {"bucketing": bucketing, "rolloutPercentage": self.percent(), "rolloutVariant": pick.choice(variants)}

    def percent(self) -> float:
        return self.random.choice([0, 0.001, 12.5, 33.333, 50, 50, 99.999, 100])

    def rule(self, name: str, variants: list[str], version: str | None) -> dict[str, Any]:
        pick = self.random
        conditions = [self.condition(version) for _ in range(pick.choice([0, 1, 1, 1, 2, 3]))]
        rule: dict[str, Any] = {"name": name, "priority": pick.choice([1, 100, 100]), "conditions": conditions}
        if version and pick.random() < 0.5:
            rule["rolloutPercentage"] = self.percent()
        if version and pick.random() < 0.3:
            rule["distribution"] = [
                {"variant": variants[0], "weight": 33.333},
                {"variant": variants[1], "weight": 66.667},
            ]
        else:
            rule["variant"] = pick.choice(variants)
        return rule

    def change(self, variants: list[str], version: str | None) -> dict[str, Any]:
        pick = self.random
        minute = pick.randrange(58)
        change: dict[str, Any] = {"at": f"2026-11-29T20:{minute:02}:00Z"}
        if pick.random() < 0.5:
            change["until"] = f"2026-11-29T20:{pick.randrange(minute + 1, 60):02}:59+00:00"
        if pick.random() < 0.5:
            change["enabled"] = pick.random() < 0.5
        if pick.random() < 0.5:
            change["defaultVariant"] = pick.choice(variants)
        if version and pick.random() < 0.5:
            change |= {"rolloutPercentage": self.percent(), "rolloutVariant": pick.choice(variants)}
        return change

    def condition(self, version: str | None) -> dict[str, Any]:
        pick = self.random
        if version and pick.random() < 0.15:
            return {"operator": "Percentage", "value": self.percent()} | (
                {"field": "company.id"} if pick.random() < 0.3 else {}
            )
        if pick.random() < 0.2:
            return self.of_time()
        if pick.random() < 0.15:
            names = ["testers", "friends", "nobody"] + (["adults"] if version else [])
            chosen = pick.choice([pick.choice(names), pick.sample(names, k=2)])
            return {"operator": pick.choice(["InSegment", "NotInSegment"]), "value": chosen}
        operator = pick.choice(sorted(OPERATORS))
        return {"field": pick.choice(FIELDS), "operator": operator, **OPERATORS[operator](self)}

    def of_time(self) -> dict[str, Any]:
        pick = self.random
        zone = pick.choice([{}, {"timeZone": "UTC"}, {"timeZone": "Etc/GMT-5"}, {"timeZone": "Etc/GMT+11"}])
        return zone | pick.choice(
            [
                {"operator": "TimeOfDay", "value": pick.choice(["20:00-20:54", "22:30-21:00", "00:00-24:00"])},
                {"operator": "Weekday", "value": pick.choice([["Sun"], ["Mon", "Tue"], "Sun"])},
                {"operator": "Before", "value": pick.choice(["2026-11-29T20:53:20Z", "2026-11-29T21:53"])},
                {"operator": "After", "value": pick.choice(["2026-11-29T20:53:21Z", "2026-11-29T20:30"])},
            ]
        )

    def scalar(self) -> Any:
        return self.random.choice([*TEXTS, *NUMBERS[:13], *OTHERS])

    def text(self) -> str:
        return self.random.choice(TEXTS)

    def scalars(self) -> list[Any]:
        return [self.scalar() for _ in range(self.random.choice([1, 2, 3, 6]))]

    def context(self) -> dict[str, Any]:
        pick = self.random
        context: dict[str, Any] = {}
        if pick.random() < 0.85:
            context["targetingKey"] = pick.choice(
                [f"unit-{pick.randrange(8)}", f"u{pick.randrange(10**6)}", "", *self.odd()]
            )
        for name in ("plan", "age", "beta", "country", "version", "tags", "nick"):
            if pick.random() < 0.8:
                context[name] = self.anything()
        context["user"] = pick.choice(
            [
                {"plan": self.anything(), "tags": pick.choice([self.scalars(), "gold", {"0": "gold"}, []])},
                {"groups": [1, {"name": self.anything()}]},
                {"groups": [{"name": "gold"}], "plan": "gold"},
                self.anything(),
            ]
        )
        if pick.random() < 0.5:
            ids = [
                *([] if self.plain else [10**18, 1e18]),
                pick.randrange(10**6),
                f"c{pick.randrange(100)}",
                5.0,
                5.5,
                True,
                None,
                [],
                {},
                -4,
                "",
                *self.odd(),
            ]
            context["company"] = pick.choice([{"id": pick.choice(ids)}, 5])
        if pick.random() < 0.5:
            context |= {
                "targetType": pick.choice(["user", "user", "device", 1]),
                "targetId": pick.choice(["unit-1", 1]),
            }
        return context

    def anything(self) -> Any:
        pick = self.random
        pools: list[list[Any]] = [TEXTS, TEXTS, NUMBERS, NUMBERS, OTHERS, VERSIONS, NONSENSE, [self.scalars()]]
        return pick.choice(pick.choice(pools))

    def odd(self) -> list[Any]:
        return [] if self.plain else ["ünit 🙂"]

    def now(self) -> float:
        return NOW + self.random.choice([0.0, 0.25, 0.999, -86_400.0, 3 * 86_400.0, self.random.uniform(-4000, 4000)])


OPERATORS: dict[str, Any] = {
    "Equals": lambda maker: {"value": maker.scalar()},
    "NotEquals": lambda maker: {"value": maker.scalar()},
    "In": lambda maker: {"value": maker.scalars()},
    "NotIn": lambda maker: {"value": maker.scalars()},
    "Contains": lambda maker: {"value": maker.random.choice([maker.scalar(), maker.scalars()])},
    "NotContains": lambda maker: {"value": maker.random.choice([maker.scalar(), maker.scalars()])},
    "GreaterThan": lambda maker: {"value": maker.random.choice(NUMBERS[:13])},
    "GreaterOrEqual": lambda maker: {"value": maker.random.choice(NUMBERS[:13])},
    "LessThan": lambda maker: {"value": maker.random.choice(NUMBERS[:13])},
    "LessOrEqual": lambda maker: {"value": maker.random.choice(NUMBERS[:13])},
    "StartsWith": lambda maker: {"value": maker.random.choice([maker.text(), [maker.text(), "go"]])},
    "EndsWith": lambda maker: {"value": maker.random.choice([maker.text(), [maker.text(), "ld"]])},
    "SemVer": lambda maker: {
        "value": maker.random.choice(["=", "!=", "<", "<=", ">", ">=", "^", "~"]) + maker.random.choice(VERSIONS)
    },
    "Exists": lambda maker: {"value": maker.random.choice([True, False])},
}
