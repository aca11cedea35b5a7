"""One cgroup a cluster, in every hierarchy of this machine: what runs in it is ours to end."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from . import processes, waiting
from .processes import Identity

_ROOT = Path("/sys/fs/cgroup")


def _trees(kind: str, mounts: str) -> list[Path]:
    rows = (line.split() for line in mounts.splitlines())
    return [Path(row[1]) for row in rows if row[2] == kind and row[1].startswith(str(_ROOT))]


def hierarchies(mounts: str) -> list[Path]:
    """Where groups are made. cgroup v1: one directory a controller. cgroup v2: the one tree. Both: v1 has the say."""
    return _trees("cgroup", mounts) or _trees("cgroup2", mounts)


def _mounts() -> str:
    return Path("/proc/mounts").read_text()


def create(identifier: str) -> tuple[Path, ...]:
    """Makes the cluster's group everywhere; returns the leaf groups for processes of the machine itself."""
    trees = hierarchies(_mounts())
    for tree in trees:
        (tree / identifier).mkdir(exist_ok=True)
        _inherit_cpuset(tree, identifier)
    home = next((tree for tree in trees if tree.name == "pids"), trees[0])
    leaf = home / identifier / "host"
    leaf.mkdir(exist_ok=True)
    return (leaf,)


def _inherit_cpuset(tree: Path, identifier: str) -> None:
    """A v1 cpuset starts empty, and nothing can run in it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        source = tree / name
        if source.exists():
            (tree / identifier / name).write_text(source.read_text())


def _groups(identifier: str) -> Iterator[Path]:
    """Deepest first, as rmdir wants them; runc makes groups in the v2 tree too, even where v1 rules."""
    for tree in (*_trees("cgroup", _mounts()), *_trees("cgroup2", _mounts())):
        top = tree / identifier
        if top.exists():
            yield from sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True)
            yield top


def members(identifier: str) -> list[Identity]:
    found: dict[int, Identity] = {}
    for group in _groups(identifier):
        with contextlib.suppress(OSError):
            for pid in (group / "cgroup.procs").read_text().split():
                identity = processes.parse_stat(Path(f"/proc/{pid}/stat").read_text())
                if identity:
                    found[identity.pid] = identity
    return list(found.values())


def delete(identifier: str) -> None:
    """Ends what still runs in the groups, then removes them."""
    processes.terminate(members(identifier), patience=0)
    # The dead stay in their group until init has collected them, which takes some inits a while.
    waiting.until(lambda: _remove(identifier), f"the control groups {identifier} to become empty", limit=60)


def _remove(identifier: str) -> bool:
    """False while a group is busy."""
    for group in _groups(identifier):
        try:
            group.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
    return not list(_groups(identifier))
