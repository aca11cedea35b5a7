"""HTTP to the sources that are no Prometheus: one try, one deadline, no redirect, nothing from the environment."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import requests
import urllib3
from pydantic import Field, model_validator

from truststream.api.base import ApiModel
from truststream.api.configuration import BasicAuthSecret, CaSecret, SecretKey, Tls
from truststream.api.quantities import Duration, PositiveDuration, format_duration
from truststream.canary.observation import Outcome
from truststream.errors import ConfigurationError
from truststream.metrics import transport
from truststream.metrics.answers import NoAnswerError

_REASON: Final = 1 << 15  # bytes of an error's body that are looked at
_QUOTED: Final = 300  # letters of what a source says that go into a message
_SHORTEST_SECRET: Final = 4  # shorter texts occur in every sentence


class RestConfiguration(ApiModel):
    """What every source of this kind is told."""

    timeout: PositiveDuration = Field(10.0, description="The longest that one query may take.")
    tls: Tls = Field(default_factory=lambda: Tls.model_validate({}), description="How its certificate is checked.")
    interval: PositiveDuration = Field(
        60.0, description="The shortest interval that counts are asked for; whole seconds."
    )
    delay: Duration = Field(60.0, description="How late numbers may come in: nothing younger is used.")

    @model_validator(mode="after")
    def _whole_seconds(self) -> Self:
        if self.interval % 1:
            raise ValueError(f"interval: {format_duration(self.interval)} is no whole number of seconds")
        return self


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the Secrets of one source hold, by the Secret's name and key."""

    values: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def header(self, secret: SecretKey | None, place: str) -> str:
        """A value that goes into a header; empty when none is named.

        Raises:
            ConfigurationError: no header can carry it. The library would quote it in its error.
        """
        if secret is None:
            return ""
        value = self.values[secret.name, secret.key].strip()
        if not value or not value.isascii() or not value.isprintable():
            raise ConfigurationError(
                f"{place}: key {secret.key} of Secret {secret.name} is empty or has control characters: "
                "store the bare value"
            )
        return value

    def basic(self, secret: BasicAuthSecret | None) -> str:
        """The value of the header Authorization for user and password; empty when none are named."""
        if secret is None:
            return ""
        pair = f"{self.values[secret.name, 'username']}:{self.values[secret.name, 'password']}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def hide(self, text: str) -> str:
        """The text without any of them: some services repeat in an error what they were sent."""
        users = {name for name, key in self.values if key == "username"}
        pairs = [self.basic(BasicAuthSecret(name=name)).removeprefix("Basic ") for name in users]
        for value in sorted((value.strip() for value in (*pairs, *self.values.values())), key=len, reverse=True):
            if len(value) >= _SHORTEST_SECRET:
                text = text.replace(value, "…")
        return text


def named_secrets(config: object) -> Iterator[tuple[str, str]]:
    """Name and key of everything that a configuration wants from Secrets."""
    if isinstance(config, (SecretKey, CaSecret)):
        yield config.name, config.key
    elif isinstance(config, BasicAuthSecret):
        yield from ((config.name, key) for key in ("username", "password"))
    elif isinstance(config, ApiModel):
        for name in type(config).model_fields:
            yield from named_secrets(getattr(config, name))
    elif isinstance(config, Mapping):
        for value in config.values():
            yield from named_secrets(value)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; its headers hold credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Who is asked, for messages: `where` names type and address, `setting` the key of the configuration."""

    where: str
    setting: str


class Http:
    """Blocking; made for threads."""

    def __init__(self, place: Place, config: RestConfiguration, secrets: Secrets) -> None:
        self.place = place
        self._timeout = config.timeout
        self._secrets = secrets
        self._session = requests.Session()
        # Only the configuration counts: no proxy, CA bundle or .netrc out of the environment.
        self._session.trust_env = False
        self._session.verify = not config.tls.insecure_skip_verify
        ca = config.tls.ca_secret
        authority = None if ca is None else secrets.values[ca.name, ca.key]
        context = transport.tls_context(config.tls, authority, place.setting)
        adapter = transport.TlsAdapter(context, config.tls.server_name)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)
        if config.tls.insecure_skip_verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def json(self, request: Request) -> Any:
        """The JSON document that was answered.

        Raises:
            NoAnswerError: nothing came in time, the source refuses, or it is no JSON.
        """
        return self.decoded(self.body(request))

    def decoded(self, body: bytes) -> Any:
        """See `json`."""
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self.strange("something that is no JSON") from None

    def body(self, request: Request) -> bytes:
        """What was answered with status 200.

        Raises:
            NoAnswerError: nothing came in time, or the source refuses.
        """
        status, body = self.send(request)
        if status != 200:
            raise self.refused(status, said(body))
        return body

    def send(self, request: Request) -> tuple[int, bytes]:
        """Status and body, whatever they are.

        Raises:
            NoAnswerError: nothing came in time.
        """
        deadline = time.monotonic() + self._timeout
        try:
            with self._session.request(
                request.method,
                request.url,
                data=request.body,
                headers=dict(request.headers),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, transport.read(response, deadline)
        except transport.TooLargeError:
            raise self.strange(f"more than {transport.LARGEST >> 20} MiB") from None
        except transport.FAILURES as error:
            raise self.down(transport.why(error, self._timeout, self.place.setting)) from None

    def refused(self, status: int, reason: str) -> NoAnswerError:
        """What an HTTP status other than 200 means."""
        if status in (401, 403):
            return self.down(
                f"refuses our credentials (HTTP {status}): check the Secret that {self.place.setting} names"
            )
        if status == 429:
            return self.down("is asked too often (HTTP 429): raise spec.analysis.interval, or the limit there")
        if status in (400, 422):
            return self.invalid(f"rejects the query ({self.quoted(reason) or f'HTTP {status}'})")
        if status >= 500:
            return self.down(f"fails (HTTP {status})")
        return self.strange(f"HTTP {status}")

    def strange(self, what: str) -> NoAnswerError:
        """An answer that is none of this source's."""
        return self.down(f"answers with {what}: check the address in {self.place.setting}")

    def down(self, text: str) -> NoAnswerError:
        """Nobody knows the numbers now."""
        return NoAnswerError(Outcome.SOURCE_DOWN, self._secrets.hide(f"{self.place.where} {text}"))

    def invalid(self, text: str) -> NoAnswerError:
        """The question has to change."""
        return NoAnswerError(Outcome.INVALID, self._secrets.hide(f"{self.place.where} {text}"))

    def quoted(self, text: str) -> str:
        """What the source says, in one short line and without our credentials."""
        line = " ".join(self._secrets.hide(text).split())
        return line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"

    def close(self) -> None:
        """Release the sockets."""
        self._session.close()


_REASONS: Final = ("message", "error", "errors", "Message", "detail")
_MARKUP: Final = re.compile(r"<[^>]*>")


def said(body: bytes) -> str:
    """The reason in an error's body: the usual fields of a JSON object, else the text itself without markup."""
    text = body[:_REASON].decode(errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _MARKUP.sub(" ", text).strip()
    if not isinstance(found, dict):
        return ""
    reason = next((found[name] for name in _REASONS if found.get(name)), "")
    if isinstance(reason, list):
        return "; ".join(str(one.get("message", "")) if isinstance(one, dict) else str(one) for one in reason)
    return str(reason.get("message", "")) if isinstance(reason, dict) else str(reason)
