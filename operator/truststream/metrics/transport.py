"""What every HTTP source shares: TLS as configured, one deadline for a whole body, and what went wrong in words."""

from __future__ import annotations

import functools
import ssl
import time
from typing import Any, Final

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from truststream.api.configuration import Tls
from truststream.errors import ConfigurationError

LARGEST: Final = 32 << 20  # bytes of one answer; numbers for two arms never need that many
FAILURES: Final = (requests.RequestException, urllib3.exceptions.HTTPError)
"""What sending a request and reading its answer may raise."""

_CHUNK: Final = 1 << 14


class TooLargeError(Exception):
    """An answer of more than `LARGEST` bytes."""


class TlsAdapter(HTTPAdapter):
    """TLS as configured, in memory (the container has no writable file system), and no hidden retries."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None) -> None:
        self._context, self._server_name = context, server_name
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """With our context, and the name that the certificate has to carry."""
        if self._server_name:
            pool_kwargs["server_hostname"] = self._server_name
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context knows whom to trust; the default would add the public CAs to a private one."""


def tls_context(tls: Tls, authority: str | None, setting: str) -> ssl.SSLContext:
    """Whom to trust; `authority` is PEM text, None for the public CAs.

    Raises:
        ConfigurationError: the Secret holds no certificate.
    """
    if tls.insecure_skip_verify:
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return trusting
    if authority is None:
        return _public()
    try:
        if authority.strip():  # without any the library would trust the public CAs
            return ssl.create_default_context(cadata=authority.strip())
    except (ssl.SSLError, ValueError):
        pass
    raise ConfigurationError(f"{setting}.tls.caSecret: the key holds no certificate in PEM")


@functools.cache
def _public() -> ssl.SSLContext:
    """Trusts the public CAs. Reading them takes longer than all the rest of a source: once for all."""
    return ssl.create_default_context(cafile=certifi.where())


def root_cause(error: BaseException) -> str:
    """What the operating system or OpenSSL said, e.g. `` (Connection refused)``."""
    seen: BaseException | None = error
    text = ""
    for _ in range(10):
        if seen is None:
            break
        if isinstance(seen, ssl.SSLCertVerificationError):
            text = seen.verify_message
        elif isinstance(seen, OSError) and seen.strerror:
            text = seen.strerror
        seen = _inner(seen)
    return f" ({text})" if text else ""


def _inner(error: BaseException) -> BaseException | None:
    """requests and urllib3 wrap by `reason`, by arguments and by cause."""
    for inner in (getattr(error, "reason", None), *error.args, error.__cause__, error.__context__):
        if isinstance(inner, BaseException):
            return inner
    return None


def read(response: requests.Response, deadline: float, largest: int | None = LARGEST) -> bytes:
    """The whole body. A timeout of requests is one between two bytes; this one is for all of them.

    So every piece is taken as it comes: `iter_content` would wait for a whole chunk.

    Raises:
        TooLargeError: there is more of it than anybody needs.
    """
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline:
            raise requests.Timeout
        if largest is not None and size > largest:
            raise TooLargeError
    return b"".join(parts)


def why(error: Exception, timeout: float, setting: str) -> str:
    """In words of ours: an exception's own text may quote headers."""
    if isinstance(error, (requests.exceptions.SSLError, urllib3.exceptions.SSLError)):
        return f"shows a certificate that we do not trust{root_cause(error)}: check {setting}.tls"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return f"does not answer within {timeout:g}s"
    return f"cannot be reached{root_cause(error)}"
