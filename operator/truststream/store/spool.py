"""Records wait on disk until the database has them: a directory for each process, and one bound for all.

One thread appends, another reads; the lock guards the list of segments, never a write or a read of a file. A record may
reach the database twice (when a process dies between the two), so what takes records must know those it has.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from truststream.errors import ConfigurationError
from truststream.store.frames import Record
from truststream.store.owners import Owned, Owners
from truststream.store.segments import SUFFIX, Segment

_LOG: Final = logging.getLogger(__name__)
_SEGMENT_BYTES: Final = 4 << 20
_LEAST_SEGMENTS: Final = 8
_ROLL: Final = 65_536
"""From this many bytes on, a segment of which nothing waits is not appended to any more."""
DAMAGED: Final = ".damaged"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one segment, and the offset after them."""

    segment: Segment
    records: list[Record]
    end: int


class Spool:
    """Files under `directory` that hold at most `limit` bytes."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._owners = Owners(directory)
        self._directory = directory
        self._limit = limit
        self._segment_bytes = min(_SEGMENT_BYTES, limit // _LEAST_SEGMENTS)
        self._lock = threading.Lock()
        self._appending = threading.Lock()
        self._segments = list[Segment]()  # to be read in this order; the last of ours may be open
        self._own: Owned | None = None
        self._active: Segment | None = None
        self._number = 0
        self._held = 0

    def open(self) -> None:
        """Take a directory of our own.

        Raises:
            ConfigurationError: the directory cannot be made or written.
        """
        try:
            self._own = self._owners.take()
        except OSError as error:
            raise ConfigurationError(
                f"server.store.spoolDirectory: {self._directory} cannot be used: {error.strerror}"
            ) from error

    @property
    def held(self) -> int:
        """Bytes on disk."""
        return self._held

    @property
    def limit(self) -> int:
        """What the files may hold together."""
        return self._limit

    @property
    def waiting(self) -> int:
        """Records that are not in the database."""
        with self._lock:
            return sum(segment.records for segment in self._segments)

    def append(self, data: bytes, records: int) -> None:
        """Add whole frames; durable when it returns.

        Raises:
            OSError: the disk is full, or worse; nothing of it was taken.
        """
        with self._appending:
            self._open_segment(len(data)).append(data, records)
        with self._lock:
            self._count()

    def read(self, most: int) -> Batch | None:
        """The oldest records that wait; None when none do."""
        while segment := self._oldest():
            records = segment.read(most)
            if records:
                return Batch(segment, records, records[-1].end)
            self._set_aside(segment)
        return None

    def done(self, batch: Batch) -> None:
        """They are in the database: a segment of which nothing waits goes."""
        with self._lock:
            batch.segment.take(batch.end, len(batch.records))
            self._drop_consumed()

    def adopt(self) -> int:
        """Take over what dead processes left in the same directory; the records that came so.

        Raises:
            OSError: the directory cannot be searched.
        """
        self._owners.release_empty()
        found = list[Segment]()
        for owned in self._owners.orphans():
            paths = sorted(owned.directory.glob(f"*{SUFFIX}"))
            found += [segment for path in paths for segment in _found(path, last=path == paths[-1])]
        with self._lock:
            self._segments[:0] = found
            self._drop_consumed()
        return sum(segment.records for segment in found)

    def close(self) -> None:
        """Stop writing; what still waits is for another process."""
        with self._lock:
            if self._active is not None:
                self._active.seal()
                self._active = None
            self._drop_consumed()
            self._owners.release_all()

    def _open_segment(self, more: int) -> Segment:
        """The one that is appended to; a new one when it would grow too long, or all of it is in the database."""
        active = self._active
        if active is not None and not self._ends(active, more):
            return active
        with self._lock:
            if active is not None:
                active.seal()
            self._active = None
            self._drop_consumed()
        return self._new_segment()

    def _ends(self, active: Segment, more: int) -> bool:
        done = active.consumed and active.size >= _ROLL
        return active.sealed or done or active.size + more > self._segment_bytes

    def _new_segment(self) -> Segment:
        assert self._own is not None, "open() comes first"
        self._number += 1
        segment = Segment.create(self._own.directory / f"{self._number:016d}{SUFFIX}")
        with self._lock:
            self._segments.append(segment)
            self._active = segment
        return segment

    def _oldest(self) -> Segment | None:
        with self._lock:
            return next((segment for segment in self._segments if not segment.consumed), None)

    def _drop_consumed(self) -> None:
        gone = [segment for segment in self._segments if segment.sealed and segment.consumed]
        for segment in gone:
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)
        self._count()

    def _count(self) -> None:
        self._held = sum(segment.size for segment in self._segments)

    def _set_aside(self, segment: Segment) -> None:
        """A person may want to look; it is never read again."""
        aside = self._directory / f"{segment.path.parent.name}-{segment.path.stem}{DAMAGED}"
        _LOG.error("%s is damaged after %d bytes: it is kept as %s", segment.path, segment.taken, aside)
        with self._appending, self._lock:
            segment.seal()
            segment.path.rename(aside)
            self._segments.remove(segment)
            self._count()


def _found(path: Path, *, last: bool) -> list[Segment]:
    try:
        return [Segment.found(path, last=last)]
    except OSError as error:
        _LOG.error("%s cannot be read and stays as it is: %s", path, error.strerror)
        return []
