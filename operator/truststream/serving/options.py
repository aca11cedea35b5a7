"""What `truststream server` was asked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from truststream.api.serverconfiguration import ServerConfiguration
from truststream.errors import ConfigurationError

_SHORTEST_KEY: Final = 16


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; 0 takes a free one, and no health port is None."""

    http: int = 8016
    evaluation: int = 8013
    sync: int = 8015
    health: int | None = 8080


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Without `flags` the FeatureFlags are those of the cluster.

    Args:
        flags: a directory of manifests.
        namespaces: only theirs; empty: all.
        host: address to listen on; empty: all.
        stream_key: file with the key that signs the URLs of event streams; replicas share it.
        drain: seconds in which clients are sent to other replicas before this one ends.
        grace: seconds that requests under way have then.
    """

    configuration: ServerConfiguration
    flags: Path | None = None
    kubeconfig: str | None = None
    user: str | None = None
    namespaces: tuple[str, ...] = ()
    host: str = ""
    ports: Ports = field(default_factory=Ports)
    stream_key: Path | None = None
    drain: float = 5.0
    grace: float = 10.0

    def signing_key(self) -> bytes:
        """The key of event streams' URLs; without a file one that this process makes up.

        Raises:
            ConfigurationError: the file cannot be read or holds too little.
        """
        if self.stream_key is None:
            return secrets.token_bytes(32)
        try:
            key = self.stream_key.read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(f"--stream-key {self.stream_key}: {error.strerror}") from error
        if len(key) < _SHORTEST_KEY:
            raise ConfigurationError(f"--stream-key {self.stream_key}: must hold at least {_SHORTEST_KEY} bytes")
        return key
