"""Runs in an environment of its own: flagd's Python core, fed lines of JSON.

Each line is {"flags": document, "ask": [[key, type, context, now], ...]}; the answer is a line with a list of
[variant, value, error] in the same order.
"""

import json
import logging
import sys
from typing import Any

from openfeature.contrib.tools.flagd.core import FlagdCore  # type: ignore[import-not-found]
from openfeature.evaluation_context import EvaluationContext  # type: ignore[import-not-found]
from openfeature.exception import OpenFeatureError  # type: ignore[import-not-found]

FALLBACK = {"boolean": False, "string": "", "integer": 0, "float": 0.0, "object": {}}


class Clock:
    """Stands where the core's module `time` is."""

    now = 0.0

    def time(self) -> float:
        return self.now


def main() -> None:
    logging.disable(logging.CRITICAL)
    clock = Clock()
    sys.modules[f"{FlagdCore.__module__.rpartition('.')[0]}.targeting.targeting"].time = clock  # type: ignore[attr-defined]
    for line in sys.stdin:
        question = json.loads(line)
        core = FlagdCore()
        core.set_flags(question["flags"])
        answers = []
        for key, kind, context, now in question["ask"]:
            clock.now = now
            answers.append(ask(core, key, kind, context))
        print(json.dumps(answers), flush=True)


def ask(core: FlagdCore, key: str, kind: str, context: dict[str, Any]) -> list[Any]:
    attributes = {name: value for name, value in context.items() if name != "targetingKey"}
    resolve = getattr(core, f"resolve_{kind}_value")
    try:
        details = resolve(key, FALLBACK[kind], EvaluationContext(context.get("targetingKey"), attributes))
    except OpenFeatureError as error:
        return [None, None, str(error)]
    return [details.variant, details.value, None]


if __name__ == "__main__":
    main()
