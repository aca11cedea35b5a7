"""HTTP to the query API: one session, one try, one deadline; credentials never leave this file."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

import certifi
import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from truststream.api.configuration import PrometheusConfiguration, Tls
from truststream.canary.observation import Outcome
from truststream.errors import ConfigurationError
from truststream.metrics.answers import NoAnswerError

_CHUNK: Final = 1 << 13


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the configuration's Secrets hold, read by the caller; `ca` is PEM text."""

    bearer: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)

    def auth(self) -> AuthBase | None:
        """How a request proves who sends it."""
        if self.bearer:
            return _Bearer(self.bearer.strip())
        if self.username:
            return HTTPBasicAuth(self.username.encode(), self.password.encode())
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, and by how many seconds its sender's clock is at least ahead of ours."""

    status: int
    body: bytes
    skew: float = 0.0


def _skew(headers: Mapping[str, str], sent: float, received: float) -> float:
    """From the header Date: whole seconds, written at some moment between sending and receiving."""
    try:
        theirs = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except ValueError:
        return 0.0
    if "Age" in headers:  # out of a cache
        return 0.0
    return max(0.0, theirs - received) - max(0.0, sent - (theirs + 1))


class _Bearer(AuthBase):
    """An auth object and no header: nothing in the environment can replace it, and no library prints it."""

    def __init__(self, token: str) -> None:
        # requests would quote a bad header, and with it the token, in its error.
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigurationError("prometheus.bearerTokenSecret: the token has blanks or control characters")
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Adapter(HTTPAdapter):
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


class Connection:
    """Blocking; made for threads."""

    def __init__(self, config: PrometheusConfiguration, credentials: Credentials) -> None:
        self.where = f"Prometheus at {config.address}"
        self._timeout = config.timeout
        self._session = requests.Session()
        # Only the configuration counts: no proxy, CA bundle or .netrc out of the environment.
        self._session.trust_env = False
        self._session.verify = not config.tls.insecure_skip_verify
        self._client = PrometheusConnect(
            url=config.address,
            headers=dict(config.headers) or None,
            auth=credentials.auth(),
            session=self._session,
            retry=urllib3.Retry(0),
        )
        # After the client, which mounts an adapter of its own.
        self._session.mount(config.address, _Adapter(_context(config.tls, credentials.ca), config.tls.server_name))
        if config.tls.insecure_skip_verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def query(self, form: Mapping[str, str]) -> Reply:
        """The reply; the client's own `custom_query` drops result type, warnings and infos.

        Raises:
            NoAnswerError: nothing came in time.
        """
        deadline, sent = time.monotonic() + self._timeout, time.time()
        try:
            with self._session.post(
                f"{self._client.url}/api/v1/query",
                data={**form, "timeout": f"{self._timeout:g}s"},
                headers=self._client.headers,
                auth=self._client.auth,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                skew = _skew(response.headers, sent, time.time())
                return Reply(response.status_code, self._body(response, deadline), skew)
        except requests.RequestException as error:
            raise NoAnswerError(Outcome.SOURCE_DOWN, f"{self.where} {self._why(error)}") from None

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """A timeout of requests is one between two bytes; this one is for all of them."""
        parts: list[bytes] = []
        for part in response.iter_content(_CHUNK):
            parts.append(part)
            if time.monotonic() > deadline:
                raise requests.Timeout
        return b"".join(parts)

    def _why(self, error: requests.RequestException) -> str:
        """In words of ours: an exception's own text may quote headers."""
        if isinstance(error, requests.exceptions.SSLError):
            return f"shows a certificate that we do not trust{_root(error)}: check prometheus.tls"
        if isinstance(error, requests.Timeout):
            return f"does not answer within {self._timeout:g}s"
        return f"cannot be reached{_root(error)}"

    def close(self) -> None:
        """Release the sockets."""
        self._session.close()


def _context(tls: Tls, ca: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context(cafile=certifi.where())
    except ssl.SSLError as error:
        raise ConfigurationError("prometheus.tls.caSecret: the key holds no certificate in PEM") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _root(error: BaseException) -> str:
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
