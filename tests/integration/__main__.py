"""`make test-integration`: all tests on one control-plane cluster that stays up for the whole run."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.integration.sharing import shared

_WORKERS = "3"
# They share an operator and play all at the same time in one process, on a cluster of their own.
_SCENARIOS = "tests/integration/scenarios"
_NOTHING_SELECTED = 5  # pytest's exit code when the arguments leave no test


def main() -> int:
    """Further arguments go to pytest; 0 when all passed."""
    name = os.environ.setdefault("TRUSTSTREAM_TEST_CLUSTER", "integration")
    with shared(name, ("contour",)):
        others = ("-n", _WORKERS, "tests/integration", f"--ignore={_SCENARIOS}")
        return _pytest(*others) or _pytest(_SCENARIOS)


def _pytest(*arguments: str) -> int:
    command = (sys.executable, "-m", "pytest", "-v", "--tb=short", *arguments, *sys.argv[1:])
    code = subprocess.run(command, check=False).returncode
    return 0 if code == _NOTHING_SELECTED else code


if __name__ == "__main__":
    sys.exit(main())
