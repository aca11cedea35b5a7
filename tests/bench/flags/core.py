"""Runs in an environment of its own: how many evaluations a second flagd's Python core makes; JSON in, JSON out."""

import json
import logging
import sys
import time

from openfeature.contrib.tools.flagd.core import FlagdCore  # type: ignore[import-not-found]
from openfeature.evaluation_context import EvaluationContext  # type: ignore[import-not-found]

ROUNDS, SECONDS = 3, 0.5


def main() -> None:
    logging.disable(logging.CRITICAL)
    asked = json.load(sys.stdin)
    core = FlagdCore()
    core.set_flags(asked["flags"])
    contexts = [
        EvaluationContext(one["targetingKey"], {name: value for name, value in one.items() if name != "targetingKey"})
        for one in asked["contexts"]
    ]
    variants = [core.resolve_boolean_value(asked["key"], False, one).variant for one in contexts]
    rates = []
    for _ in range(ROUNDS):
        done, start = 0, time.process_time()
        while time.process_time() - start < SECONDS:
            for one in contexts:
                core.resolve_boolean_value(asked["key"], False, one)
            done += len(contexts)
        rates.append(done / (time.process_time() - start))
    print(json.dumps({"perSecond": max(rates), "variants": variants}))


if __name__ == "__main__":
    main()
