"""flagd's Python core on the same typical flag and the same contexts, beside our own evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bench.flags.flags import context, typical
from tests.cluster.command import run
from tests.environments import python_environment
from truststream.flags.build import build
from truststream.flags.flagd import document
from truststream.flags.source import source_of

_HERE = Path(__file__).parent
_CORE = _HERE.parents[1] / "contract" / "flags" / "core-v2.txt"
_NOW = 1_780_000_000.0
_CONTEXTS = 500


def measure(ours: float) -> dict[str, Any]:
    """Evaluations a second of CPU, and how many times as many are ours; both gave the same variants."""
    flags = build([source_of(typical("typical"))], {}, namespace="bench", environment="", now=_NOW)
    contexts = [context(number) for number in range(_CONTEXTS)]
    asked = {"key": "typical", "flags": json.loads(document(flags)), "contexts": contexts}
    answer = run([str(python_environment(_CORE)), str(_HERE / "core.py")], stdin=json.dumps(asked))
    found = json.loads(answer.stdout)
    same = [flags.evaluate("typical", one, _NOW).variant for one in contexts] == found["variants"]
    if not same:
        raise RuntimeError("flagd's core gives other variants: the two do not do the same work")
    return {"corePerSecond": round(found["perSecond"]), "timesTheCore": round(ours / found["perSecond"], 1)}
