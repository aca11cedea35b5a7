"""python -m tests.bench: what a look of the judge costs; the answer is build/bench/analysis.json."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.bench.analysis import costs

ROOT = Path(__file__).parents[2]
ANSWER = ROOT / "build" / "bench" / "analysis.json"


def main() -> int:
    """0 when the goals are met, 1 when one is missed."""
    found = costs()
    ANSWER.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(cost) | {"ratio": cost.ratio, "met": cost.seconds <= cost.goal} for cost in found]
    ANSWER.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for cost in found:
        word = "ok    " if cost.seconds <= cost.goal else "MISSED"
        print(
            f"{word} {cost.name}: {1000 * cost.seconds:.2f} ms of CPU, goal {1000 * cost.goal:g} ms; "
            f"{cost.ratio:.0f} times plain numpy on the same counts"
        )
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
