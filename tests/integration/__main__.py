"""`make test-integration`: all tests on one control-plane cluster that stays up for the whole run."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.integration.sharing import shared

_WORKERS = "3"


def main() -> int:
    """Further arguments go to pytest; 0 when all passed."""
    name = os.environ.setdefault("TRUSTSTREAM_TEST_CLUSTER", "integration")
    with shared(name, ("contour",)):
        arguments = ("-v", "--tb=short", "-n", _WORKERS, "--dist", "loadgroup", "tests/integration", *sys.argv[1:])
        return subprocess.run((sys.executable, "-m", "pytest", *arguments), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
