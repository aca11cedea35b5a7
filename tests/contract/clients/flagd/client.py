"""flagd's Python provider, as an application uses it: one JSON object a line in, one a line out.

Runs in an environment of its own, which has the provider and nothing of ours.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
from openfeature import api  # type: ignore[import-not-found]
from openfeature.contrib.provider.flagd import FlagdProvider  # type: ignore[import-not-found]
from openfeature.contrib.provider.flagd.config import ResolverType  # type: ignore[import-not-found]
from openfeature.evaluation_context import EvaluationContext  # type: ignore[import-not-found]
from openfeature.event import EventDetails, ProviderEvent  # type: ignore[import-not-found]

EVENTS: list[str] = []
NEWS = threading.Condition()


def heard(event: ProviderEvent) -> Any:
    def note(_details: EventDetails) -> None:
        with NEWS:
            EVENTS.append(event.value)
            NEWS.notify_all()

    return note


def credentials(command: dict[str, Any]) -> Any:
    """TLS with the server's authority, and a token with every call."""
    if "token" not in command:
        return None
    trust = grpc.ssl_channel_credentials(Path(command["authority"]).read_bytes())
    return grpc.composite_channel_credentials(trust, grpc.access_token_call_credentials(command["token"]))


def begin(command: dict[str, Any]) -> dict[str, Any]:
    secure = credentials(command)
    provider = FlagdProvider(
        host="localhost" if secure else "127.0.0.1",
        port=command["port"],
        selector=command["selector"],
        resolver_type=ResolverType(command["resolver"]),
        deadline_ms=20_000,
        retry_backoff_ms=100,
        retry_backoff_max_ms=200,
        **({"channel_credentials": secure} if secure else {}),
    )
    api.set_provider_and_wait(provider)
    for event in ProviderEvent:
        api.add_handler(event, heard(event))
    return {"ready": True}


def evaluate(command: dict[str, Any]) -> dict[str, Any]:
    client = api.get_client()
    resolve = getattr(client, f"get_{command['type']}_details")
    attributes = dict(command.get("context") or {})
    context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    told = resolve(command["flag"], command["default"], context)
    return {
        "value": told.value,
        "variant": told.variant,
        "reason": told.reason,
        "error": told.error_code.value if told.error_code else None,
        "metadata": dict(told.flag_metadata),
    }


def variants(command: dict[str, Any]) -> dict[str, Any]:
    client = api.get_client()
    units = (EvaluationContext(f"user-{number}") for number in range(command["units"]))
    return {"variants": [client.get_string_details(command["flag"], "none", unit).variant for unit in units]}


def wait(command: dict[str, Any]) -> dict[str, Any]:
    """Until an event of this name came since the last `wait`."""
    with NEWS:
        came = NEWS.wait_for(lambda: command["event"] in EVENTS, timeout=30)
        told = list(EVENTS)
        EVENTS.clear()
    return {"came": came, "events": told}


COMMANDS = {"begin": begin, "evaluate": evaluate, "variants": variants, "wait": wait}

for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(COMMANDS[asked["do"]](asked)), flush=True)
api.shutdown()
