"""Exposures and what experiments need of them: a spool on disk, and behind it SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from truststream.api.serverconfiguration import StoreConfiguration
from truststream.store.base import Intake, Store
from truststream.store.database import DatabaseStore
from truststream.store.engines import engine_for
from truststream.store.intake import SpooledIntake, address_of
from truststream.store.spool import Spool
from truststream.store.telemetry import StoreTelemetry


def open_store(url: str) -> Store:
    """The database of a URL; it is connected to when it is first asked.

    Raises:
        ConfigurationError: the URL is none, or of a database that is not supported.
    """
    return DatabaseStore(engine_for(url))


def open_sink(configuration: StoreConfiguration, registry: CollectorRegistry | None = None) -> Intake:
    """The spool and the database behind it; nothing is touched before `start()`.

    Args:
        registry: where its metrics are shown; None: nowhere.

    Raises:
        ConfigurationError: the URL, or the file that should hold it, cannot be used.
    """
    return SpooledIntake(
        Spool(Path(configuration.spool_directory), configuration.spool_bytes),
        address_of(configuration.url, configuration.url_file),
        open_store,
        retention=configuration.retention,
        telemetry=StoreTelemetry(registry or CollectorRegistry()),
    )
