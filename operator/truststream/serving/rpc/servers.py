"""The gRPC side of the server: flagd.evaluation.v1 and v2 on one port, flagd.sync.v1 on another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from truststream.api.serverconfiguration import ServerLimits, ServerTls
from truststream.errors import ConfigurationError
from truststream.flags.flagd import document
from truststream.serving.base import Catalog, Gate, Recorder, Scope
from truststream.serving.protocol import evaluation_v1_pb2, evaluation_v2_pb2, sync_pb2
from truststream.serving.rpc.access import Door
from truststream.serving.rpc.evaluation import Resolver
from truststream.serving.rpc.events import KEEP_ALIVE, Events
from truststream.serving.rpc.service import Methods, service
from truststream.serving.rpc.streams import Streams
from truststream.serving.rpc.sync import Sync
from truststream.serving.rpc.sync_documents import Documents
from truststream.serving.rpc.tls import credentials

EVALUATION: Final = 8013
SYNC: Final = 8015


@dataclass(frozen=True, slots=True)
class RpcPorts:
    """Where to listen; port 0 takes a free one."""

    host: str = "[::]"
    evaluation: int = EVALUATION
    sync: int = SYNC


@dataclass(frozen=True, slots=True)
class RpcOptions:
    """How to listen.

    Args:
        limits: `body` and `headers` in bytes, `streams` and `concurrentRequests` in all of the process.
        stream_deadline: seconds after which a stream ends and its client connects again; None: never.
        keep_alive: seconds between two keep_alive events.
    """

    limits: ServerLimits
    tls: ServerTls | None = None
    stream_deadline: float | None = None
    keep_alive: float = KEEP_ALIVE


@dataclass(frozen=True, slots=True)
class Servers:
    """Both, listening."""

    evaluation_port: int
    sync_port: int
    streams: Streams
    documents: Documents
    _servers: Sequence[grpc.aio.Server]

    @property
    def oversized(self) -> Mapping[Scope, int]:
        """Flag sets near or beyond what gRPC clients accept in one message: bytes by scope."""
        return self.documents.oversized

    def health(self) -> str:
        """Empty, or which namespaces' clients may have no flags for the size of them."""
        return ", ".join(
            f"namespace {scope.namespace}: {size / 1e6:.1f} MB in one message, clients take 4"
            for scope, size in sorted(self.oversized.items(), key=lambda one: one[0].namespace)
        )

    async def stop(self, grace: float) -> None:
        """No new calls; streams end with UNAVAILABLE, running calls have `grace` seconds to end."""
        self.streams.stop()
        await asyncio.gather(*(server.stop(grace) for server in self._servers))


async def start(catalog: Catalog, gate: Gate, recorder: Recorder, ports: RpcPorts, options: RpcOptions) -> Servers:
    """Listen.

    Raises:
        ConfigurationError: a port is taken, or the certificate cannot be read.
    """
    streams = Streams(options.limits.streams, options.stream_deadline)
    door, documents = Door(gate, catalog), Documents(document)
    events = Events(catalog, door, streams, options.keep_alive)
    resolving: Methods = {**Resolver(catalog, door, recorder, events).methods(), "EventStream": events.stream}
    syncing = Sync(catalog, door, recorder, streams, documents)
    evaluation = _server(options.limits)
    evaluation.add_generic_rpc_handlers(
        [service(module.DESCRIPTOR.services_by_name["Service"], resolving) for module in _EVALUATION]
    )
    sync = _server(options.limits)
    sync.add_generic_rpc_handlers([_sync_service(syncing)])
    bound = [
        _listen(evaluation, ports.host, ports.evaluation, options.tls),
        _listen(sync, ports.host, ports.sync, options.tls),
    ]
    await asyncio.gather(evaluation.start(), sync.start())
    return Servers(bound[0], bound[1], streams, documents, (evaluation, sync))


_EVALUATION: Final = (evaluation_v1_pb2, evaluation_v2_pb2)


def _sync_service(sync: Sync) -> grpc.GenericRpcHandler:
    methods: Methods = {
        "SyncFlags": sync.sync_flags,
        "FetchAllFlags": sync.fetch_all_flags,
        "GetMetadata": sync.get_metadata,
    }
    return service(sync_pb2.DESCRIPTOR.services_by_name["FlagSyncService"], methods)


def _server(limits: ServerLimits) -> grpc.aio.Server:
    """Clients may ping twice a minute without a call; who vanished without a word is noticed in about a minute."""
    return grpc.aio.server(
        maximum_concurrent_rpcs=limits.concurrent_requests + limits.streams,
        options=[
            ("grpc.so_reuseport", 0),  # else two processes would share a port in silence
            ("grpc.max_receive_message_length", limits.body),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", limits.headers),
            ("grpc.absolute_max_metadata_size", limits.headers),
            ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.max_pings_without_data", 0),  # a sync stream is silent for days
        ],
    )


def _listen(server: grpc.aio.Server, host: str, port: int, tls: ServerTls | None) -> int:
    address = f"{host}:{port}"
    try:
        return server.add_secure_port(address, credentials(tls)) if tls else server.add_insecure_port(address)
    except RuntimeError as error:
        raise ConfigurationError(f"gRPC cannot listen on {address}: {error}; is the port taken?") from error
