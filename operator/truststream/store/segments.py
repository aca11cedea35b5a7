"""One file of the spool: appended to by one thread, read by another, deleted once all of it is in the database."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from truststream.store.frames import MAGIC, MAX_PAYLOAD, Record, unframe

SUFFIX: Final = ".seg"
_CHUNK: Final = 2 * MAX_PAYLOAD


@dataclass(slots=True)
class Segment:
    """`size` bytes with `written` records are durable; of them `taken` bytes with `stored` records are in the database.

    The first two are changed by the thread that appends, the other two by the one that reads.
    """

    path: Path
    size: int = len(MAGIC)
    taken: int = len(MAGIC)
    written: int = 0
    stored: int = 0
    sealed: bool = False
    _descriptor: int | None = field(default=None, repr=False)

    @property
    def consumed(self) -> bool:
        """Whether nothing of it waits."""
        return self.taken >= self.size

    @property
    def records(self) -> int:
        """How many wait."""
        return self.written - self.stored

    @classmethod
    def create(cls, path: Path) -> Segment:
        """An empty one, durable with its name.

        Raises:
            OSError: the file cannot be made.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        segment = cls(path, _descriptor=descriptor)
        try:
            _write(descriptor, MAGIC)
            sync_directory(path.parent)
        except OSError:
            segment.seal()
            path.unlink()
            raise
        return segment

    @classmethod
    def found(cls, path: Path, *, last: bool) -> Segment:
        """One that another process left; of its last one what was torn is cut off.

        Raises:
            OSError: it cannot be read.
        """
        data = path.read_bytes()
        if not data.startswith(MAGIC):
            torn = MAGIC.startswith(data)  # else it is not ours, and reading it will tell
            return cls(path, size=0 if torn else len(data), taken=0, sealed=True)
        records = list(unframe(data[len(MAGIC) :], len(MAGIC)))
        whole_size = records[-1].end if records else len(MAGIC)
        if last:
            os.truncate(path, whole_size)
        return cls(path, size=whole_size if last else len(data), written=len(records), sealed=True)

    def append(self, data: bytes, records: int) -> None:
        """Durable when it returns; when it raises, nothing of it was taken and the segment is sealed.

        Raises:
            OSError: no space, or worse.
        """
        assert self._descriptor is not None, "a sealed segment takes nothing"
        try:
            _write(self._descriptor, data)
        except OSError:
            self._cut()
            self.seal()
            raise
        self.size += len(data)
        self.written += records

    def seal(self) -> None:
        """Nothing more is appended."""
        self.sealed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self, most: int) -> list[Record]:
        """The next records that are not yet taken, up to `most`; none although some wait: the file is damaged."""
        size, start = self.size, self.taken
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(min(size - start, _CHUNK))
        found = list[Record]()
        for record in unframe(data, start):
            found.append(record)
            if len(found) == most:
                break
        return found

    def take(self, end: int, records: int) -> None:
        """Everything up to the offset `end` is in the database."""
        self.taken = end
        self.stored += records

    def _cut(self) -> None:
        try:
            os.truncate(self.path, self.size)
        except OSError:  # then its tail is found to be torn when it is read: it was never acknowledged
            return


def sync_directory(path: Path) -> None:
    """Make names in a directory durable.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fdatasync(descriptor)
