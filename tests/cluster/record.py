"""What is remembered about a cluster between two commands."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import build, paths
from .errors import HarnessError

SIZES = ("control-plane", "node")
EXTRAS = ("contour", "prometheus")
STARTING, READY = "starting", "ready"


@dataclass
class Record:
    """The content of cluster.json."""

    name: str
    size: str
    maker: str
    extras: tuple[str, ...] = ()
    state: str = STARTING
    server: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    gateway: str | None = None
    prometheus: str | None = None

    @property
    def directory(self) -> Path:
        return paths.cluster_directory(self.name)

    def save(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        unfinished = self.directory / ".cluster.json"
        unfinished.write_text(json.dumps(asdict(self), indent=2))
        unfinished.replace(_file(self.name))


def _file(name: str) -> Path:
    return paths.cluster_directory(name) / "cluster.json"


def load(name: str) -> Record | None:
    try:
        values = json.loads(_file(name).read_text())
    except FileNotFoundError:
        return None
    return Record(**{**values, "extras": tuple(values["extras"])})


def require(name: str) -> Record:
    record = load(name)
    if record is None:
        known = ", ".join(names()) or "none"
        raise HarnessError(
            f"No cluster {name!r} (known: {known}). Start it: python -m tests.cluster up --size node --name {name}"
        )
    return record


def names() -> list[str]:
    root = paths.clusters_root()
    found = root.iterdir() if root.exists() else ()
    return sorted(path.name for path in found if path.is_dir() and paths.is_cluster_name(path.name))


def others(name: str) -> Iterator[Record]:
    for other in names():
        found = load(other) if other != name else None
        if found:
            yield found


def other_nodes(name: str) -> bool:
    """Whether another cluster has a kubelet on this machine."""
    return any(other.size == "node" and other.maker == "local" for other in others(name))


def validated_extras(size: str, extras: tuple[str, ...]) -> tuple[str, ...]:
    for extra in extras:
        if extra not in EXTRAS:
            raise HarnessError(f"Unknown extra {extra!r}; known: {', '.join(EXTRAS)}.")
    if size not in SIZES:
        raise HarnessError(f"Unknown size {size!r}; known: {', '.join(SIZES)}.")
    return EXTRAS if size == "node" else tuple(sorted(set(extras)))


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One up or down of a cluster at a time."""
    file = paths.cluster_directory(name).with_suffix(".lock")
    held: AbstractContextManager[None] = build.lock(file, f"another run that is at work on cluster {name}")
    with held:
        yield
