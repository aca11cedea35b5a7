"""Flags from a directory instead of a cluster: the same manifests, the same way from there on.

For laptops, tests and pipelines. Files are looked at twice a second; one that cannot be read keeps what it said last.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from truststream.api.names import SEGMENTS_LABEL
from truststream.cluster.kinds import FEATURE_FLAG, SEGMENTS, Manifest
from truststream.cluster.watch import Sink
from truststream.errors import ConfigurationError
from truststream.flags.yamltext import documents

log = logging.getLogger(__name__)

LOOK: Final = 0.5
_ENDINGS: Final = (".yaml", ".yml", ".json")
_WATCH: Final = "files"
_Mark = tuple[int, int, int]


class FlagFiles:
    """Every manifest of a FeatureFlag, and of a ConfigMap labelled as segments, below a directory.

    What names no namespace is in `namespace`; of two objects with one name the file that comes first has it.
    """

    def __init__(self, directory: Path, sink: Sink, *, namespace: str = "default") -> None:
        self._directory = directory
        self._sink = sink
        self._namespace = namespace
        self._seen: dict[Path, _Mark] = {}
        self._held: dict[Path, list[Manifest]] = {}
        self._missing = False  # the whole directory
        sink.expect(_WATCH)

    def start(self) -> None:
        """Read everything for the first time.

        Raises:
            ConfigurationError: the directory or a file in it cannot be read.
        """
        if not self._directory.is_dir():
            raise ConfigurationError(f"--flags {self._directory}: there is no such directory")
        self._seen = self._marks()
        self._held = {path: self._read(path) for path in self._seen}
        self._tell()
        self._sink.held(_WATCH)

    async def run(self) -> None:
        """Read again what changes, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            self.refresh()

    def refresh(self) -> None:
        """Look once."""
        try:
            marks = self._marks()
        except OSError as error:
            if not self._missing:
                log.error("%s: %s; what it said before holds", self._directory, error.strerror)
            self._missing = True
            return self._sink.lost(_WATCH)
        if marks == self._seen and not self._missing:
            return None
        self._missing = False
        wrong = False
        changed = [path for path, mark in marks.items() if self._seen.get(path) != mark]
        for path in changed:
            try:
                self._held[path] = self._read(path)
            except ConfigurationError as error:
                wrong = True
                log.error("%s; what it said before holds", error)
        self._held = {path: self._held[path] for path in marks if path in self._held}
        self._seen = marks
        self._tell()
        return (self._sink.lost if wrong else self._sink.held)(_WATCH)

    def _tell(self) -> None:
        for kind in (FEATURE_FLAG, SEGMENTS):
            found: dict[tuple[str, str], Manifest] = {}
            for path in sorted(self._held):
                for manifest in self._held[path]:
                    metadata = manifest["metadata"]
                    if manifest["kind"] == kind:
                        found.setdefault((metadata["namespace"], metadata["name"]), manifest)
            self._sink.replace(kind, None, list(found.values()))

    def _marks(self) -> dict[Path, _Mark]:
        return {path: mark for path in self._paths() if (mark := _mark(path)) is not None}

    def _paths(self) -> Iterable[Path]:
        """A mounted ConfigMap has each file twice, once in a hidden directory."""
        self._directory.stat()  # one that is gone is no empty one
        for path in sorted(self._directory.rglob("*")):
            below = path.relative_to(self._directory).parts
            if path.suffix in _ENDINGS and not any(part.startswith(".") for part in below):
                yield path

    def _read(self, path: Path) -> list[Manifest]:
        try:
            found = documents(path.read_text(encoding="utf-8"), aliases=True)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigurationError(f"{path}: {error}") from error
        return [self._completed(one, path) for document in found for one in _objects(document)]

    def _completed(self, manifest: Mapping[str, Any], path: Path) -> Manifest:
        """With what the API server would have added."""
        given = manifest.get("metadata")
        name = given.get("name") if isinstance(given, Mapping) else None
        if not isinstance(given, Mapping) or not name:
            raise ConfigurationError(f"{path}: a {manifest.get('kind')} without metadata.name")
        namespace = str(given.get("namespace") or self._namespace)
        uid = f"file:{manifest['kind']}/{namespace}/{name}"
        try:
            plain: Manifest = json.loads(json.dumps(manifest))
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"{path}: {name}: JSON cannot say this: {error}") from error
        for part in ("spec", "status", "data"):
            if not isinstance(plain.get(part) or {}, dict):
                raise ConfigurationError(f"{path}: {name}: {part} must be a mapping")
        plain["metadata"] = {"uid": uid, **plain["metadata"], "name": str(name), "namespace": namespace}
        return plain


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _objects(document: Any) -> Iterator[Mapping[str, Any]]:
    """FeatureFlags and segments of a document, of a List too; anything else in the files is not ours."""
    if not isinstance(document, Mapping):
        return
    if str(document.get("kind", "")).endswith("List"):
        for item in document.get("items") or ():
            yield from _objects(item)
        return
    metadata = document.get("metadata")
    labels = (metadata.get("labels") or {}) if isinstance(metadata, Mapping) else {}
    if document.get("kind") == FEATURE_FLAG or (document.get("kind") == SEGMENTS and SEGMENTS_LABEL in labels):
        yield document
