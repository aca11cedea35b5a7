"""The server's certificate, read again when its files change: new connections get the new one, old ones live on."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final

from truststream.api.serverconfiguration import ServerTls
from truststream.errors import ConfigurationError

log = logging.getLogger(__name__)

LOOK: Final = 5.0


class Certificate:
    """`context` stays the same object for the life of the process."""

    def __init__(self, tls: ServerTls) -> None:
        self._certificate, self._key = Path(tls.certificate_file), Path(tls.key_file)
        self._seen = self._mark()
        self.context = self._loaded()

    async def follow(self) -> None:
        """Look at the files now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            self.refresh()

    def refresh(self) -> bool:
        """Take a new pair; one that does not fit together is said and the old one kept. Whether it was taken."""
        mark = self._mark()
        if mark == self._seen:
            return False
        self._seen = mark
        try:
            self._loaded()  # on its own first: a pair that does not fit would spoil the context in use
            self.context.load_cert_chain(self._certificate, self._key)
        except (ConfigurationError, OSError) as error:
            log.error("the certificate cannot be used, the old one holds: %s", error)
            return False
        log.info("certificate read again")
        return True

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"server.tls: {self._certificate} and {self._key} are no certificate with its key: {error}"
            ) from error
        return context

    def _mark(self) -> tuple[int, ...]:
        """A Secret's volume changes by a symlink; both files' times and inodes tell."""
        try:
            found = [path.stat() for path in (self._certificate, self._key)]
        except OSError:
            return ()
        return tuple(number for one in found for number in (one.st_mtime_ns, one.st_ino))
