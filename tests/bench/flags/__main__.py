"""python -m tests.bench.flags [part ...]: what flags cost; the answers are in build/bench/flags.json.

Parts: evaluate, ofrep, many, applied; all of them when none is named.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.flags import peer

ANSWER = Path(__file__).parents[3] / "build" / "bench" / "flags.json"
PARTS = ("evaluate", "ofrep", "many", "applied")

Figures = Mapping[str, Any]


def goals(found: Mapping[str, Figures]) -> list[tuple[str, bool]]:
    """Each as a sentence with its figure, and whether it is met."""
    rows: list[tuple[str, bool]] = []
    if "evaluate" in found:
        rate = found["evaluate"]["typicalPerSecond"]
        times = found["evaluate"]["timesTheCore"]
        text = f"a typical flag in process: {rate:,.0f} evaluations a second, goal 200,000; {times} times flagd's core"
        rows.append((text, rate > 200_000))
    if "ofrep" in found:
        paced = found["ofrep"]["singleAt2000"]
        text = f"OFREP at 2,000 requests a second on one core: p99 {paced['p99Milliseconds']} ms, goal 5 ms"
        rows.append((text, paced["p99Milliseconds"] < 5 and not paced["failed"]))
    if "many" in found:
        rows.append(("10,000 flags in ten sets: each sync message is below gRPC's limit", found["many"]["tenSetsFit"]))
        rows.append(("10,000 flags in one set: warned about", found["many"]["oneSetIsWarnedAbout"]))
    if "applied" in found:
        took = found["applied"]["maxMilliseconds"]
        rows.append((f"kubectl apply to the first evaluation: at most {took} ms, goal 1,000 ms", took < 1000))
    return rows


def main() -> int:
    """0 when the goals are met, 1 when one is missed."""
    chosen = sys.argv[1:] or PARTS
    found: dict[str, dict[str, Any]] = {}
    for part in chosen:
        found[part] = dict(importlib.import_module(f"tests.bench.flags.{part}").measure())
    if "evaluate" in found:
        found["evaluate"] |= peer.measure(found["evaluate"]["typicalPerSecond"])
    ANSWER.parent.mkdir(parents=True, exist_ok=True)
    ANSWER.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    rows = goals(found)
    for text, met in rows:
        print(f"{'ok    ' if met else 'MISSED'} {text}")
    return 0 if all(met for _, met in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
