"""OpenFeature's Python provider for OFREP, as an application uses it: one JSON object a line in, one a line out.

Runs in an environment of its own, which has the provider and nothing of ours.
"""

import json
import sys
from typing import Any

from openfeature import api  # type: ignore[import-not-found]
from openfeature.contrib.provider.ofrep import OFREPProvider  # type: ignore[import-not-found]
from openfeature.evaluation_context import EvaluationContext  # type: ignore[import-not-found]


def begin(command: dict[str, Any]) -> dict[str, Any]:
    headers = command["headers"]
    api.set_provider_and_wait(OFREPProvider(command["url"], headers_factory=lambda: headers))
    return {"ready": True}


def evaluate(command: dict[str, Any]) -> dict[str, Any]:
    resolve = getattr(api.get_client(), f"get_{command['type']}_details")
    given = command.get("context")
    attributes = dict(given or {})
    context = None if given is None else EvaluationContext(attributes.pop("targetingKey", None), attributes)
    told = resolve(command["flag"], command["default"], context)
    return {
        "value": told.value,
        "variant": told.variant,
        "reason": told.reason,
        "error": told.error_code.value if told.error_code else None,
        "message": told.error_message,
        "metadata": dict(told.flag_metadata),
    }


COMMANDS = {"begin": begin, "evaluate": evaluate}

for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(COMMANDS[asked["do"]](asked)), flush=True)
api.shutdown()
