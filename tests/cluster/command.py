"""Running a command with its failure told in full."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import HarnessError


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs argv with captured output; `environment` is added to ours."""
    merged = {**os.environ, **environment} if environment else None
    done = subprocess.run(
        list(argv),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        cwd=cwd,
        env=merged,
        text=True,
        capture_output=True,
        check=False,
        timeout=timeout,
    )
    if check and done.returncode != 0:
        output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise HarnessError(f"{shlex.join(list(argv))} ended with {done.returncode}:\n{output}")
    return done
