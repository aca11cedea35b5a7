"""python -m tests.e2e [pytest arguments]: one node cluster, the chart, scenarios in parallel namespaces, then the rest.

Scenarios of `alone/` stop the operator or Prometheus, or uninstall the chart: they run one after another at the end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tests.cluster import Cluster, HarnessError, attach, ensure
from tests.product import install

from . import database

ROOT = Path(__file__).resolve().parents[2]
HERE = Path("tests/e2e")
NAME = "e2e"
_SERVER = ("server.replicas=3", "server.store.type=postgresql", f"server.store.postgresql.secretName={database.SECRET}")
WORKERS = "4"
_NOTHING_CHOSEN = 5  # pytest's code for a run without tests


def _pytest(cluster: Cluster, *arguments: str) -> int:
    argv = [*cluster.prefix(), sys.executable, "-m", "pytest", "-v", "--durations=0", "--durations-min=1", *arguments]
    environment = {**os.environ, **cluster.environment()}
    return subprocess.run(argv, cwd=ROOT, env=environment, check=False).returncode


def _run(cluster: Cluster, given: Sequence[str]) -> int:
    """pytest's code: of the parallel part, else of the part alone. Paths given choose the tests, and then the way."""
    paths = [one for one in given if one.startswith(str(HERE))]
    if paths:
        workers = [] if any("alone" in one for one in paths) else ["-n", WORKERS]
        return _pytest(cluster, *workers, *given)
    alone = str(HERE / "alone")
    codes = [
        _pytest(cluster, "-n", WORKERS, str(HERE), f"--ignore={alone}", *given),
        _pytest(cluster, alone, *given),
    ]
    ran = [code for code in codes if code != _NOTHING_CHOSEN]
    return max(ran) if ran else _NOTHING_CHOSEN


def _is_up() -> bool:
    try:
        attach(NAME)
    except HarnessError:
        return False
    return True


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends like Ctrl-C, through every `finally`."""
    raise KeyboardInterrupt


def main() -> int:
    """A cluster that was up before stays up, and KEEP=1 keeps any."""
    signal.signal(signal.SIGTERM, _interrupt)
    keep = os.environ.get("KEEP") == "1" or _is_up()
    try:
        cluster = ensure("node", NAME)
        try:
            database.install(cluster)
            install(cluster, *_SERVER)
            return _run(cluster, sys.argv[1:])
        finally:
            if not keep:
                cluster.down()
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
