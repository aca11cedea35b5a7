"""gRPC's server certificate, read again when its files change."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from truststream.api.serverconfiguration import ServerTls
from truststream.errors import ConfigurationError

_log = logging.getLogger(__name__)
_Pair = tuple[bytes, bytes]


def credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """For `add_secure_port`.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    files = _Files(Path(tls.certificate_file), Path(tls.key_file))
    try:
        pair = files.read()
    except OSError as error:
        raise ConfigurationError(f"server.tls: {error.filename} cannot be read: {error.strerror}") from error
    return grpc.dynamic_ssl_server_credentials(_configuration(pair), files.current)


def _configuration(pair: _Pair) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pair[1], pair[0])])


@dataclass(slots=True)
class _Files:
    certificate: Path
    key: Path
    pair: _Pair = field(default=(b"", b""))

    def read(self) -> _Pair:
        """Certificate and key; remembered."""
        self.pair = (self.certificate.read_bytes(), self.key.read_bytes())
        return self.pair

    def current(self) -> grpc.ServerCertificateConfiguration:
        """Asked by gRPC at every handshake. Files that cannot be read leave the certificate as it is."""
        try:
            return _configuration(self.read())
        except OSError as error:
            _log.warning("server.tls: %s cannot be read: %s; the certificate stays", error.filename, error.strerror)
            return _configuration(self.pair)
