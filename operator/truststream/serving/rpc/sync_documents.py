"""flagd's JSON of a flag set, made once a version however many clients hold it, and watched for its size."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.struct_pb2 import Struct

from truststream.flags.flagset import FlagSet
from truststream.serving.base import Scope
from truststream.serving.protocol.sync_pb2 import SyncFlagsResponse
from truststream.serving.rpc.latest import Latest

LARGE: Final = 3_500_000
"""Bytes. gRPC clients refuse messages of more than 4 MB unless told otherwise, and then have no flags at all."""

Render = Callable[[FlagSet], str]
_CONTEXT: Final = "truststream"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Document:
    """One version; `sync` is a whole SyncFlagsResponse, serialised."""

    configuration: str
    sync: bytes


@dataclass(slots=True)
class Documents:
    """Of all scopes that clients hold."""

    render: Render
    oversized: dict[Scope, int] = field(default_factory=dict)
    _latest: Latest[Document] = field(default_factory=Latest)

    def of(self, scope: Scope, flags: FlagSet, who: str) -> Document:
        """The document of this version; `who` asked for it, for the warning."""
        return self._latest.get(scope, flags.version, lambda: self._make(scope, flags, who))

    def _make(self, scope: Scope, flags: FlagSet, who: str) -> Document:
        configuration = self.render(flags)
        message = SyncFlagsResponse(flag_configuration=configuration, sync_context=context_of(scope))
        document = Document(configuration, message.SerializeToString())
        self._weigh(scope, len(document.sync), who)
        return document

    def _weigh(self, scope: Scope, size: int, who: str) -> None:
        if size <= LARGE:
            self.oversized.pop(scope, None)
            return
        if scope not in self.oversized:
            _log.warning(
                "namespace %s: its flags take %.1f MB in a sync and gRPC clients refuse more than 4 MB; spread the "
                "FeatureFlags over several namespaces, each is a flag set of its own (asked for by %s)",
                scope.namespace,
                size / 1e6,
                who or "a client without a name",
            )
        self.oversized[scope] = size


def context_of(scope: Scope) -> Struct:
    """What in-process clients add to every context.

    One field, named so that no flag asks for it by chance: `environment` here would hide the application's own.
    """
    message = Struct()
    message.update({_CONTEXT: {"flagSetId": scope.namespace, "environment": scope.environment}})
    return message
