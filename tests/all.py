"""`make test`: every suite in order, each with its time; all are run, and one that failed fails the whole."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PURE = ("tests/unit", "tests/contract", "tests/stats", "tests/bench")


@dataclass(frozen=True, slots=True)
class Suite:
    """A command of the repository and what it is for."""

    name: str
    argv: Sequence[str]


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def suites() -> list[Suite]:
    """In the order in which a failure is cheapest."""
    return [
        Suite("format", (str(BIN / "ruff"), "format", "--check", "--quiet", "operator", "tests")),
        Suite("lint", (str(BIN / "ruff"), "check", "--quiet", "operator", "tests")),
        Suite("types", (str(BIN / "mypy"),)),
        Suite("import directions", (str(BIN / "lint-imports"),)),
        Suite("generated CRDs", (str(BIN / "truststream"), "generate", "crds", "--check")),
        Suite("generated reference", (str(BIN / "truststream"), "generate", "docs", "--check")),
        Suite("unit, contract and statistics tests", _python("pytest", "-q", "-n", "2", *PURE)),
        Suite("binaries of a cluster", _python("tests.cluster", "build", "--size", "node")),
        Suite("integration tests", _python("tests.integration")),
        Suite("end-to-end tests", _python("tests.e2e")),
    ]


def main() -> int:
    """Run them; 0 when all passed."""
    begun, failed = time.monotonic(), []
    for number, suite in enumerate(suites(), 1):
        print(f"\n=== [{number}/{len(suites())}] {suite.name}", flush=True)
        started = time.monotonic()
        code = subprocess.run(suite.argv, cwd=ROOT, check=False).returncode
        print(
            f"=== {suite.name}: {'ok' if code == 0 else f'FAILED ({code})'}, {time.monotonic() - started:.0f} s",
            flush=True,
        )
        if code:
            failed.append(suite.name)
    took = f"{time.monotonic() - begun:.0f} s"
    print(f"\nFailed: {', '.join(failed)} ({took})." if failed else f"\nAll suites passed in {took}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
