"""gRPC's server certificate, read again when its files change."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import grpc

from truststream.api.serverconfiguration import ServerTls
from truststream.errors import ConfigurationError

_log = logging.getLogger(__name__)
_Mark = tuple[tuple[int, int], ...]


def credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """For `add_secure_port`.

    Raises:
        ConfigurationError: the files are no certificate with its key.
    """
    files = _Files(Path(tls.certificate_file), Path(tls.key_file))
    return grpc.dynamic_ssl_server_credentials(files.current(), files.current)


class _Files:
    """The pair in use."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self._seen = self._mark()
        self._pair = self._read()

    def current(self) -> grpc.ServerCertificateConfiguration:
        """Asked by gRPC at every handshake; a pair that does not fit together is said once and the old one kept."""
        mark = self._mark()
        if mark != self._seen:
            self._seen = mark
            try:
                self._pair = self._read()
            except ConfigurationError as error:
                _log.error("the certificate cannot be used, the old one holds: %s", error)
        return grpc.ssl_server_certificate_configuration([self._pair])

    def _read(self) -> tuple[bytes, bytes]:
        """Key and chain."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key)
            return self._key.read_bytes(), self._certificate.read_bytes()
        except (OSError, ssl.SSLError) as error:
            pair = f"{self._certificate} and {self._key}"
            raise ConfigurationError(f"server.tls: {pair} are no certificate with its key: {error}") from error

    def _mark(self) -> _Mark:
        """A Secret's volume changes by a symlink; time and inode of both files tell."""
        try:
            found = [path.stat() for path in (self._certificate, self._key)]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_ino) for one in found)
