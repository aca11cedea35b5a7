"""Where the harness keeps its files: nothing of it lies in the work tree."""

import hashlib
import os
import re
from pathlib import Path

from .errors import HarnessError

SOURCES = Path(__file__).resolve().parent
GO_SOURCES = SOURCES / "go"
MANIFESTS = SOURCES / "manifests"
RUN_DIRECTORY = Path("/run/truststream")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


def cache_root() -> Path:
    """TRUSTSTREAM_CACHE, or `truststream` in the user's cache directory."""
    chosen = os.environ.get("TRUSTSTREAM_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).resolve() / "truststream"


def binaries_root() -> Path:
    return cache_root() / "bin"


def images_root() -> Path:
    return cache_root() / "images"


def clusters_root() -> Path:
    return cache_root() / "clusters"


def is_cluster_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def cluster_directory(name: str) -> Path:
    if not is_cluster_name(name):
        raise HarnessError(
            f"{name!r} cannot name a cluster: use 1 to 40 lower-case letters, digits and dashes, "
            "not a dash at either end."
        )
    return clusters_root() / name


def system_id(name: str) -> str:
    """Names of system-wide things (network namespace, cgroups): two caches may hold clusters of one name."""
    digest = hashlib.sha256(str(cluster_directory(name)).encode()).hexdigest()[:6]
    return f"ts-{name}-{digest}"


def run_directory(name: str) -> Path:
    """Unix sockets go here: their paths must stay under 108 bytes, a cache directory's may not."""
    return RUN_DIRECTORY / system_id(name)
