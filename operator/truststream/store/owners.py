"""Whose directory is whose, when several processes spool on one volume: who holds its lock has it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOCK: Final = "lock"
_NAME: Final = re.compile("[0-9a-f]{32}")
"""Of a process' directory; a volume may hold others, as lost+found."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A directory that is ours as long as the descriptor is open."""

    directory: Path
    descriptor: int


class Owners:
    """The directories of one process under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._own: Owned | None = None
        self._adopted = list[Owned]()

    def take(self) -> Owned:
        """A new directory of our own.

        Raises:
            OSError: it cannot be made.
        """
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():
            directory = self._root / uuid.uuid4().hex
            directory.mkdir(mode=0o700)
            descriptor = _locked(directory / _LOCK)
            assert descriptor is not None, "nobody else knows the name"
            self._own = Owned(directory, descriptor)
        return self._own

    def orphans(self) -> list[Owned]:
        """Directories of which the process is gone; they are ours now.

        Raises:
            OSError: the volume cannot be read.
        """
        mine = {owned.directory for owned in self._all()}
        found = list[Owned]()
        with self._alone():
            for directory in sorted(path for path in self._root.iterdir() if _NAME.fullmatch(path.name)):
                if directory in mine:
                    continue
                descriptor = _locked(directory / _LOCK)
                if descriptor is not None:
                    found.append(Owned(directory, descriptor))
        self._adopted += found
        return found

    def release_empty(self) -> None:
        """Remove adopted directories that hold nothing more."""
        with self._alone():
            for owned in [one for one in self._adopted if _empty(one.directory)]:
                self._remove(owned)
                self._adopted.remove(owned)

    def release_all(self) -> None:
        """Let everything go; what holds nothing is removed, the rest is for others."""
        with self._alone():
            for owned in self._all():
                if _empty(owned.directory):
                    self._remove(owned)
                else:
                    os.close(owned.descriptor)
        self._own, self._adopted = None, []

    def _all(self) -> list[Owned]:
        return [*([self._own] if self._own else []), *self._adopted]

    def _remove(self, owned: Owned) -> None:
        shutil.rmtree(owned.directory, ignore_errors=True)
        os.close(owned.descriptor)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No two processes make, take over or remove directories at once; held for moments."""
        descriptor = os.open(self._root / f".{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _locked(path: Path) -> int | None:
    """The descriptor that holds the lock; None while another process does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _empty(directory: Path) -> bool:
    return all(path.name == _LOCK for path in directory.iterdir())
