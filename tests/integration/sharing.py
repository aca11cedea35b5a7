"""One cluster for every test process that asks for it: the last one to leave ends it."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import Cluster, HarnessError, attach, command, paths, removal


def _file(name: str, kind: str) -> Path:
    root = paths.clusters_root()
    root.mkdir(parents=True, exist_ok=True)
    return root / f"{name}.{kind}"


def _is_up(name: str) -> bool:
    try:
        attach(name)
    except HarnessError:
        return False
    return True


def _up(name: str, extras: tuple[str, ...]) -> None:
    """By a process of its own: the cluster's processes outlive the one that started them."""
    argv = ["-m", "tests.cluster", "up", "--size", "control-plane", "--name", name, "--with", ",".join(extras)]
    command.run([sys.executable, *argv], cwd=paths.SOURCES.parents[1])


@contextmanager
def shared(name: str, extras: tuple[str, ...]) -> Iterator[Cluster]:
    """The cluster of that name. One that was up before stays up, and KEEP=1 keeps any."""
    made_by_tests = _file(name, "made-by-tests")
    with _file(name, "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        if not _is_up(name):
            made_by_tests.touch()
        try:
            _up(name, extras)
            yield attach(name)
        finally:
            _leave(name, users.fileno(), made_by_tests)


def _leave(name: str, users: int, made_by_tests: Path) -> None:
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # someone else still works with it, and will be the last
    if made_by_tests.exists() and os.environ.get("KEEP") != "1":
        made_by_tests.unlink()
        removal.down(name)


@contextmanager
def alone(name: str, task: str) -> Iterator[None]:
    """One process at a time, for what is done to the whole cluster."""
    with _file(name, task).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
