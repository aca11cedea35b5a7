"""API keys: a directory, usually a mounted Secret, a file `<namespace>.<name>` each; read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from truststream.errors import ConfigurationError

log = logging.getLogger(__name__)

_LOOK: Final = 2.0
_SHORT: Final = 16  # characters; a shorter one is found by trying
_FILE: Final = re.compile(r"([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)[.]([^.].*)")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Whose key it is; the key itself is not kept."""

    namespace: str
    name: str
    digest: bytes


class ApiKeys:
    """Looked up by a keyed hash and compared in constant time: how long an answer takes tells nothing of a key."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._salt = secrets.token_bytes(32)
        self._looked_at = clock()
        self._mark = self._marked()
        self._keys = self._read()

    def find(self, key: str) -> ApiKey | None:
        """Whose key this is."""
        self._refresh()
        digest = self._digest(key)
        found = self._keys.get(digest)
        return found if found is not None and hmac.compare_digest(found.digest, digest) else None

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._looked_at < _LOOK:
            return
        self._looked_at = now
        try:
            if (mark := self._marked()) != self._mark:
                self._keys, self._mark = self._read(), mark
                log.info("API keys read again: %d", len(self._keys))
        except ConfigurationError as error:
            log.error("the API keys cannot be read now, the old ones hold: %s", error)

    def _marked(self) -> Mapping[str, int]:
        """A Secret's volume swaps the directory behind each name: the times are those of the files themselves."""
        try:
            return {path.name: path.stat().st_mtime_ns for path in self._directory.iterdir() if path.is_file()}
        except OSError as error:
            raise self._unreadable(error) from error

    def _read(self) -> dict[bytes, ApiKey]:
        keys: dict[bytes, ApiKey] = {}
        try:
            for path in sorted(self._directory.iterdir()):
                if path.is_file() and not path.name.startswith("."):
                    self._take(path, keys)
        except OSError as error:
            raise self._unreadable(error) from error
        return keys

    def _take(self, path: Path, keys: dict[bytes, ApiKey]) -> None:
        named, text = _FILE.fullmatch(path.name), path.read_text(encoding="utf-8", errors="replace").strip()
        if named is None:
            log.error("API key %s is left out: name the file <namespace>.<name>", path.name)
        elif not text or not text.isascii() or not text.isprintable():
            log.error("API key %s is left out: the file must hold a key, one line of ASCII", path.name)
        elif (digest := self._digest(text)) in keys:
            log.error("API key %s is left out: %s is the same key", path.name, keys[digest].name)
        else:
            keys[digest] = ApiKey(named[1], path.name, digest)
            if len(text) < _SHORT:
                log.warning("API key %s has %d characters and can be guessed: use 32 random ones", path.name, len(text))

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), key=self._salt, digest_size=32).digest()

    def _unreadable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(f"server.apiKeys: {self._directory}: {error.strerror}; mount the Secret there")
