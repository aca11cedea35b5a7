"""Any HTTP API that answers with JSON: what is asked is a template, where the number stands is a pointer."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, Field, model_validator

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import PlainHeaders, SecretKey, Text
from truststream.canary.observation import Outcome
from truststream.metrics import templates
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.base import Arm
from truststream.metrics.counts import Grid
from truststream.metrics.polled import Points, PolledSource, Window, finite, placeholders
from truststream.metrics.rest import Request, RestConfiguration, Secrets

_POINTER: Final = re.compile(r"(/([^~]|~[01])*)?")
_INDEX: Final = re.compile(r"0|[1-9][0-9]*")
_TIMES: Final = ("start", "stop", "interval")
_LISTED: Final = 5
_PLACEHOLDERS: Final = (*PolledSource.PLACEHOLDERS, "pods")


class Method(StrEnum):
    """How it is asked."""

    GET = "GET"
    POST = "POST"


def _url(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "{" in parts.netloc
        or any(map(str.isspace, value))
    ):
        raise ValueError("write it like https://stats.shop.svc/api?metric={{query}}, host without placeholders")
    if parts.username or parts.password:
        raise ValueError("never carries credentials; put them into a Secret and name that in secretHeaders")
    return value


def _pointer(value: str) -> str:
    if not _POINTER.fullmatch(value):
        raise ValueError(f"{value!r} is no JSON pointer (RFC 6901): write it like /data/0/value")
    return value


Pointer = Annotated[str, AfterValidator(_pointer)]


class HttpJsonConfiguration(RestConfiguration):
    """What is asked, and where in the answer the number stands."""

    url: Annotated[str, AfterValidator(_url)] = Field(description="With placeholders, e.g. {{query}}.")
    method: Method = Field(Method.GET, description="GET or POST.")
    body: Text | None = Field(None, description="POST: JSON with placeholders inside its strings.")
    headers: PlainHeaders = Field(default_factory=dict, description="Sent with every request; never a credential.")
    secret_headers: dict[str, SecretKey] = Field(
        default_factory=dict, description="Headers whose whole value is in a Secret, e.g. Authorization."
    )
    pointer: Pointer | None = Field(None, description="Value: JSON pointer (RFC 6901) to the number.")
    counts_pointer: Pointer | None = Field(
        None, description="Ratio: JSON pointer to a list of [start of the interval in seconds, events in it]."
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.body is not None) is not (self.method is Method.POST):
            raise ValueError("body: POST needs it, and GET takes none")
        if self.pointer is None and self.counts_pointer is None:
            raise ValueError("pointer: say where the number of a Value stands, or countsPointer for a Ratio")
        for field, text in (("url", self.url), ("body", self.body or "")):
            if wrong := templates.unknown(text, (*_PLACEHOLDERS, "query", *_TIMES)):
                raise ValueError(f"{field}: {wrong}")
        return self

    @property
    def placeholders(self) -> frozenset[str]:
        """All that url and body use."""
        return templates.used(self.url) | templates.used(self.body or "")


class HttpJson(PolledSource[HttpJsonConfiguration]):
    """The query of a metric goes where the templates say {{query}}; the times are seconds since the epoch."""

    name: ClassVar[str] = "HttpJson"
    Config: ClassVar[type[BaseModel]] = HttpJsonConfiguration
    PLACEHOLDERS: ClassVar[tuple[str, ...]] = _PLACEHOLDERS

    def __init__(self, config: HttpJsonConfiguration, secrets: Secrets, called: str) -> None:
        super().__init__(config, secrets, called)
        place = f"{self._http.place.setting}.secretHeaders"
        secret = {name: secrets.header(key, f"{place}.{name}") for name, key in config.secret_headers.items()}
        kind = {"Content-Type": "application/json"} if config.body else {}
        self._headers = {"Accept": "application/json", **kind, **config.headers, **secret}

    @classmethod
    def problem(cls, kind: MetricKind, text: str, config: HttpJsonConfiguration) -> str:
        """See `PolledSource`."""
        if "query" not in config.placeholders:
            return "goes nowhere: neither url nor body of the source has {{query}}"
        counts = kind is MetricKind.RATIO
        if (config.counts_pointer if counts else config.pointer) is None:
            return f"the source has no {'countsPointer' if counts else 'pointer'}, so a {kind} cannot be read"
        missing = sorted(set(_TIMES) - config.placeholders) if counts else []
        if missing:
            return f"url and body of the source lack {{{{{missing[0]}}}}}: counts are asked for by interval"
        return super().problem(kind, text, config)

    def _address(self) -> str:
        parts = urlsplit(self._config.url)
        return f"{parts.scheme}://{parts.netloc}"

    def _render(self, template: str, arm: Arm) -> str:
        """The URL, and the body below it; both still with the placeholders of the time."""
        values = placeholders(arm)
        values["query"] = templates.filled(template, values).strip()
        times = {name: f"{{{{{name}}}}}" for name in _TIMES}
        url = {name: quote(value, safe="") for name, value in values.items()}
        body = {name: json.dumps(value)[1:-1] for name, value in values.items()}
        rendered = templates.filled(self._config.url, url | times)
        return f"{rendered}\n{templates.filled(self._config.body, body | times)}" if self._config.body else rendered

    def _value(self, text: str, window: Window) -> float | None:
        found = self._ask(text, window.since, window.until, self._config.pointer or "")
        if isinstance(found, (list, dict)):
            said = f"{text} gives a {type(found).__name__} at {self._config.pointer!r}: point to one number in it"
            raise NoAnswerError(Outcome.INVALID, said)
        return None if found is None else finite(found, text)

    def _counts(self, text: str, grid: Grid) -> Points | None:
        found = self._ask(text, grid.start, grid.end, self._config.counts_pointer or "", grid.length)
        if found is None or found == []:
            return None
        if not isinstance(found, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in found):
            said = f"{text} gives no list of [start, count] at {self._config.counts_pointer!r}"
            raise NoAnswerError(Outcome.INVALID, said)
        return {finite(start, text): count for start, count in found if count is not None}

    def _ping(self) -> None:
        """Whatever it answers to the bare host, it is there; no query is known here."""
        status, _ = self._http.send(Request("GET", f"{self._address()}/", self._headers))
        if status >= 500 or status == 429:
            raise self._http.refused(status, "")

    def _ask(self, text: str, start: float, stop: float, pointer: str, interval: float = 0) -> Any:
        length = interval or self._config.interval
        times = {"start": f"{start:.0f}", "stop": f"{stop:.0f}", "interval": f"{length:.0f}"}
        url, _, body = templates.filled(text, times).partition("\n")
        request = Request(self._config.method, url, self._headers, body.encode() if body else None)
        return looked_up(self._http.json(request), pointer, text)


def looked_up(document: Any, pointer: str, what: str) -> Any:
    """What a JSON pointer (RFC 6901) points to; None behind the end of a list.

    Raises:
        NoAnswerError: there is no such place.
    """
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and _INDEX.fullmatch(key):
            document = document[int(key)] if int(key) < len(document) else None
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            here = ", ".join(list(document)[:_LISTED]) if isinstance(document, dict) else f"a {type(document).__name__}"
            raise NoAnswerError(Outcome.INVALID, f"{what} has nothing at {pointer!r}: at {key!r} there is {here}")
    return document
