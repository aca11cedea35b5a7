"""HTTP to the query API: one session, one try, one deadline; credentials never leave this file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.auth import AuthBase, HTTPBasicAuth

from truststream.api.configuration import PrometheusConfiguration
from truststream.canary.observation import Outcome
from truststream.errors import ConfigurationError
from truststream.metrics import transport
from truststream.metrics.answers import NoAnswerError


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
        authority = credentials.ca if credentials.ca or config.tls.ca_secret else None
        context = transport.tls_context(config.tls, authority, "prometheus")
        self._session.mount(config.address, transport.TlsAdapter(context, config.tls.server_name))
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
                return Reply(response.status_code, transport.read(response, deadline, largest=None), skew)
        except transport.FAILURES as error:
            reason = transport.why(error, self._timeout, "prometheus")
            raise NoAnswerError(Outcome.SOURCE_DOWN, f"{self.where} {reason}") from None

    def close(self) -> None:
        """Release the sockets."""
        self._session.close()
