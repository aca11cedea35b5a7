"""Random flag definitions as people write them for flagd, and contexts whose fields always have one type."""

import random
from typing import Any

WORDS = ["gold", "silver", "bronze", "", "go"]
MAILS = ["a@x.example", "b@y.example", "c@x.example"]
VARIANTS = {"red": "#f00", "green": "#0f0", "blue": "#00f"}


class Writer:
    """All that is random comes from one seed. `strict`: only what converts no types, whatever the contexts are."""

    def __init__(self, seed: int, *, strict: bool) -> None:
        self.random = random.Random(seed)
        self.strict = strict

    def flag(self) -> dict[str, Any]:
        default = self.random.choice(sorted(VARIANTS))
        flag: dict[str, Any] = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": default}
        if self.random.random() < 0.9:
            flag["targeting"] = self.branch(3)
        return flag

    def branch(self, depth: int) -> dict[str, Any]:
        arguments: list[Any] = []
        for _ in range(self.random.choice([1, 1, 2, 3])):
            arguments += [self.test(2), self.outcome(depth - 1)]
        if self.random.random() < 0.7:
            arguments.append(self.outcome(depth - 1))
        return {"if": arguments}

    def outcome(self, depth: int) -> Any:
        pick = self.random
        if depth > 0 and pick.random() < 0.3:
            return self.branch(depth)
        if pick.random() < 0.3:
            return self.fractional()
        return pick.choice([*sorted(VARIANTS), None])

    def fractional(self) -> dict[str, Any]:
        pick = self.random
        weights = pick.choice([[50, 50], [10, 90], [1, 1, 2], [0, 100], [25, 25, 50], [99999, 1], [7, 0, 93]])
        shares: list[Any] = [[variant, weight] for variant, weight in zip(sorted(VARIANTS), weights, strict=False)]
        if pick.random() < 0.2:
            shares = [["red"], ["green"]]
        return {"fractional": shares}

    def test(self, depth: int) -> Any:
        pick = self.random
        if depth > 0 and pick.random() < 0.5:
            name = pick.choice(["and", "or", "!", "!!", "if"])
            if name in ("!", "!!"):
                return {name: [self.test(depth - 1)]}
            return {name: [self.test(depth - 1) for _ in range(3 if name == "if" else pick.choice([1, 2, 3]))]}
        return self.exact() if self.strict else pick.choice([self.exact, self.loose])()

    def exact(self) -> Any:
        pick = self.random
        plan, mail, tags = {"var": "plan"}, {"var": "user.mail"}, {"var": ["tags"]}
        return pick.choice(
            [
                {"===": [plan, pick.choice(WORDS)]},
                {"!==": [pick.choice(WORDS), plan]},
                {"===": [mail, None]},
                {"in": [plan, pick.sample(WORDS, k=2)]},
                {"in": [pick.choice(WORDS), tags]},
                {"in": ["@x.", mail]},
                {"starts_with": [mail, "a"]},
                {"ends_with": [mail, pick.choice(["y.example", "x.example"])]},
                {"sem_ver": [{"var": "version"}, pick.choice(["<", ">=", "=", "^", "~", "!="]), "1.2"]},
                {"<": [{"var": "$flagd.timestamp"}, pick.choice([1_796_000_000, 1_796_000_000.5, 1_700_000_000])]},
                {">": [1_796_000_000, {"var": "$flagd.timestamp"}]},
                True,
            ]
        )

    def loose(self) -> Any:
        pick = self.random
        age, plan = {"var": "age"}, {"var": "plan"}
        order = pick.choice(["<", "<=", ">", ">="])
        return pick.choice(
            [
                {"==": [plan, pick.choice(WORDS)]},
                {"!=": [plan, pick.choice(WORDS[:3])]},
                {order: [age, pick.choice([-1, 0, 17, 18.5])]},
                {order: [18, age]},
                {"<": [1, age, 18]},
                {"==": [{"var": "beta"}, True]},
                {"===": [age, pick.choice([0, 17])]},
                {"in": [age, [0, 17, 18]]},
                {"var": "beta"},
                {"!": {"var": "plan"}},
            ]
        )

    def context(self) -> dict[str, Any]:
        """Every field has its type, or is not there."""
        pick = self.random
        context: dict[str, Any] = {"targetingKey": f"user-{pick.randrange(10**6)}"} if pick.random() < 0.9 else {}
        pools: dict[str, list[Any]] = {
            "plan": WORDS,
            "age": [-1, 0, 5, 17, 18, 18.5, 30],
            "beta": [True, False],
            "tags": [WORDS[:2], [], ["go", ""]],
            "version": ["1.1.9", "1.2.0", "1.3", "2.0.0", "none"],
        }
        context |= {name: pick.choice(pool) for name, pool in pools.items() if pick.random() < 0.8}
        return context | ({"user": {"mail": pick.choice(MAILS)}} if pick.random() < 0.8 else {})

    def now(self) -> float:
        return self.random.choice([1_796_000_000.0, 1_796_000_001.0, 1_795_999_999.0, 1_650_000_000.0])
