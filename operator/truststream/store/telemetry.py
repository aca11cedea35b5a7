"""What the intake says of itself to Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from truststream.store.spool import Spool


class StoreTelemetry:
    """Counters of records by what became of them, and what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = Counter(
            "truststream_store_records",
            "Records by outcome: stored, duplicate, dropped (the spool was full) or refused (unfit for any database).",
            ("outcome",),
            registry=registry,
        )
        self._waiting = Gauge(
            "truststream_store_waiting_records", "On disk, not yet in the database.", registry=registry
        )
        self._bytes = Gauge("truststream_store_spool_bytes", "What the spool holds on disk.", registry=registry)
        for outcome in ("stored", "duplicate", "dropped", "refused"):
            self._records.labels(outcome)

    def counted(self, outcome: str, records: int) -> None:
        """Something became of records."""
        self._records.labels(outcome).inc(records)

    def watch(self, spool: Spool) -> None:
        """Show this spool."""
        self._waiting.set_function(lambda: spool.waiting)
        self._bytes.set_function(lambda: spool.held)
