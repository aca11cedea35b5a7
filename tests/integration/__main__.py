"""`make test-integration`: what needs no operator first, then the suites that run one, beside each other."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.integration.sharing import shared

_WORKERS = "3"
_HERE = "tests/integration"
# Each runs an operator on a cluster that no other suite uses at that time: an operator would act on others' objects.
# Scenarios play all at the same time in one process, on a cluster of their own.
_WITH_OPERATOR = ((f"{_HERE}/controller", f"{_HERE}/flags"), (f"{_HERE}/scenarios",))
_NOTHING_SELECTED = 5  # pytest's exit code when the arguments leave no test


def main() -> int:
    """Further arguments go to pytest; 0 when all passed."""
    name = os.environ.setdefault("TRUSTSTREAM_TEST_CLUSTER", "integration")
    with shared(name, ("contour",)):
        alone = _pytest("-n", _WORKERS, _HERE, *(f"--ignore={suite}" for suites in _WITH_OPERATOR for suite in suites))
        together = _beside_each_other()
        return alone or together


def _beside_each_other() -> int:
    with ThreadPoolExecutor() as pool:
        codes = list(pool.map(lambda suites: _pytest(*suites), _WITH_OPERATOR))
    return next((code for code in codes if code), 0)


def _pytest(*arguments: str) -> int:
    command = (sys.executable, "-m", "pytest", "-v", "--tb=short", *arguments, *sys.argv[1:])
    code = subprocess.run(command, check=False).returncode
    return 0 if code == _NOTHING_SELECTED else code


if __name__ == "__main__":
    sys.exit(main())
