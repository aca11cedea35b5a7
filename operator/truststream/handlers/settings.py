"""The configuration file as it is now, and the metric sources made from it; a changed file is read again at a look."""

from __future__ import annotations

import base64
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from truststream.api.configuration import DEFAULT_SOURCE, Configuration, load
from truststream.errors import ClusterError, ConfigurationError
from truststream.metrics.base import MetricSource
from truststream.metrics.queries import check
from truststream.metrics.rest import Secrets, named_secrets
from truststream.metrics.routing import Router, make, settings_of

log = logging.getLogger(__name__)

_SECRETS_AGAIN: Final = 60.0

ReadSecret = Callable[[str], Awaitable[dict[str, str]]]
"""The data of a Secret in the operator's namespace, decoded."""


class Settings:
    """`configuration` and `source`; `reload` keeps both when the new file is wrong."""

    def __init__(self, file: Path | None, read_secret: ReadSecret) -> None:
        self._file = file
        self._read_secret = read_secret
        self._seen: tuple[str, int] | None = None
        self._retired: MetricSource | None = None
        self._doubted = False
        self._used_at = 0.0
        self._names_secrets = False
        self.configuration = Configuration()
        self.source: MetricSource | None = None

    async def start(self) -> None:
        """Read the file for the first time.

        Raises:
            ConfigurationError: it is wrong, or a Secret that it names cannot be read.
        """
        self._seen = self._mark()
        await self._use(self._read())

    async def refresh(self) -> None:
        """Read the file again if it is another one; a wrong one is said and the old one kept."""
        mark = self._mark()
        if mark == self._seen and not self._secrets_are_due():
            return
        self._seen, self._doubted = mark, False
        try:
            await self._use(self._read())
            log.info("configuration read again")
        except ConfigurationError as error:
            self._used_at = time.monotonic()
            log.error("the configuration is wrong now, the old one holds: %s", error)

    def doubt(self) -> None:
        """The source refuses us or is down: its Secrets may have been changed, which no watch tells."""
        self._doubted = True

    async def close(self) -> None:
        """Release connections."""
        for source in (self.source, self._retired):
            if source is not None:
                await source.close()

    def _secrets_are_due(self) -> bool:
        return bool(self._doubted and self._names_secrets and time.monotonic() - self._used_at > _SECRETS_AGAIN)

    def _mark(self) -> tuple[str, int] | None:
        """A ConfigMap volume changes by a symlink, a laptop's file by its time."""
        if self._file is None:
            return None
        try:
            return os.path.realpath(self._file), self._file.stat().st_mtime_ns
        except OSError:
            return None

    def _read(self) -> Configuration:
        if self._file is None:
            return Configuration()
        try:
            text = self._file.read_text()
        except OSError as error:
            raise ConfigurationError(f"{self._file}: {error.strerror}; give --config another file") from error
        configuration = load(text, str(self._file))
        check(configuration, str(self._file))
        return configuration

    async def _use(self, configuration: Configuration) -> None:
        made = await self._source(configuration)
        # A look may be under way with the old one: it is closed when the next one comes.
        closing, self._retired = self._retired, self.source
        self.source, self.configuration, self._used_at = made, configuration, time.monotonic()
        if closing is not None:
            await closing.close()

    async def _source(self, configuration: Configuration) -> MetricSource | None:
        """Whoever answers questions: one for all sources, since a metric may name the one that it is asked of."""
        settings = {name: settings_of(name, configuration, str(self._file)) for name in configuration.sources}
        if configuration.prometheus:
            settings[DEFAULT_SOURCE] = configuration.prometheus
        places = {name: name if name == DEFAULT_SOURCE else f"sources.{name}" for name in settings}
        secrets = {name: await self._secrets(places[name], config) for name, config in settings.items()}
        self._names_secrets = any(one.values for one in secrets.values())
        hint = configuration.scrape_interval
        made = {name: make(name, config, secrets[name], hint) for name, config in settings.items()}
        return Router(made) if made else None

    async def _secrets(self, place: str, config: BaseModel) -> Secrets:
        """All that the settings of one source name."""
        wanted = sorted(set(named_secrets(config)))
        held = {name: await self._held(place, name) for name in dict(wanted)}
        for name, key in wanted:
            if key not in held[name]:
                listed = ", ".join(sorted(held[name]))
                raise ConfigurationError(f"{place}: Secret {name} has no key {key}; it has {listed}")
        return Secrets({(name, key): held[name][key] for name, key in wanted})

    async def _held(self, place: str, secret: str) -> dict[str, str]:
        try:
            return await self._read_secret(secret)
        except ClusterError as error:
            raise ConfigurationError(f"{place}: Secret {secret} cannot be read: {error}") from error


def decode_secret(secret: dict[str, object]) -> dict[str, str]:
    """A Secret's data as text."""
    data = secret.get("data") or {}
    assert isinstance(data, dict)
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
