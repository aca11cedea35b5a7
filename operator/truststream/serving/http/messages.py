"""What every HTTP path shares: the headers that count, bodies within their limit, answers as JSON with a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.types import Receive, Send

from truststream.errors import ServingError
from truststream.flags.evaluation import Context, ErrorCode
from truststream.serving.base import Credentials, Refused

JSON: Final = (b"content-type", b"application/json")
_BEARER: Final = b"bearer "
_WANTED: Final = frozenset(
    (b"authorization", b"x-api-key", b"flagd-selector", b"if-none-match", b"content-length", b"content-encoding")
)
_ONCE: Final = frozenset((b"authorization", b"x-api-key", b"flagd-selector"))


class Gone(ServingError):
    """The client went away before its request was complete: nobody is there to be answered."""


class Malformed(Refused):
    """400 with one of OpenFeature's error codes."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(400, message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request's headers say."""

    credentials: Credentials
    selector: str
    if_none_match: str
    length: int


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> Asked:
    """From ASGI's headers.

    Raises:
        Refused: 400 a header that may come once came twice; 415 a compressed body.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WANTED:
            if name in found:
                if name in _ONCE:
                    raise Refused(400, f"the header {name.decode()} came twice; send it once")
                found[name] += b", " + value
            else:
                found[name] = value
    if found.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(415, "compressed bodies are not taken; send the JSON as it is")
    authorization = found.get(b"authorization", b"")
    bearer = authorization[7:].strip() if authorization[:7].lower() == _BEARER else b""
    if authorization and not bearer:
        raise Refused(401, "Authorization: only `Bearer <token>` is taken")
    return Asked(
        Credentials(bearer.decode("latin-1"), found.get(b"x-api-key", b"").strip().decode("latin-1")),
        found.get(b"flagd-selector", b"").decode("latin-1"),
        found.get(b"if-none-match", b"").decode("latin-1"),
        int(found.get(b"content-length") or 0),
    )


async def read_body(receive: Receive, limit: int, length: int = 0) -> bytes:
    """The whole body.

    Raises:
        Refused: 413, it is longer than `limit` bytes.
        Gone: the client went away.
    """
    if length > limit:
        raise too_large(limit)
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone("the client went away")
        chunk: bytes = message.get("body", b"")
        body = body + chunk if body else chunk
        if len(body) > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return body


def too_large(limit: int) -> Refused:
    """413."""
    return Refused(413, f"the body has more than {limit} bytes; send less, or in several requests")


def read_object(body: bytes) -> Mapping[str, Any]:
    """A JSON object; nothing counts as an empty one.

    Raises:
        Malformed: PARSE_ERROR.
    """
    if not body.strip():
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(ErrorCode.PARSE_ERROR, f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise Malformed(ErrorCode.PARSE_ERROR, 'the body must be an object like {"context": {"targetingKey": "…"}}')
    return document


def context_of(document: Mapping[str, Any]) -> Context:
    """The evaluation context of a request; none is an empty one.

    Raises:
        Malformed: INVALID_CONTEXT.
    """
    context = document.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise Malformed(ErrorCode.INVALID_CONTEXT, "context must be an object")
    return context


def names_of(document: Mapping[str, Any]) -> list[str] | None:
    """The keys that a request wants; None: all.

    Raises:
        Malformed: GENERAL.
    """
    flags = document.get("flags")
    if flags is None:
        return None
    if not isinstance(flags, list) or not all(isinstance(key, str) for key in flags):
        raise Malformed(ErrorCode.GENERAL, "flags must be a list of keys")
    return list(dict.fromkeys(flags))


def encode(document: Any) -> bytes:
    """As JSON. A number stays what it is: 10.0 is not 10."""
    try:
        return orjson.dumps(document)
    except TypeError:  # an integer beyond 64 bits, or half a surrogate pair, somewhere in an object's value
        return json.dumps(document).encode()


def refusal_headers(refused: Refused) -> list[tuple[bytes, bytes]]:
    """Besides the content: when to come back, and how to authenticate."""
    headers = []
    if refused.retry_after:
        headers.append((b"retry-after", str(math.ceil(refused.retry_after)).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def refusal_body(refused: Refused, key: str | None = None) -> bytes:
    """OpenFeature's code and the sentence."""
    code = refused.code if isinstance(refused, Malformed) else ErrorCode.GENERAL
    named = {} if key is None else {"key": key}
    return encode({**named, "errorCode": code.value, "errorDetails": str(refused)})


async def answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send JSON."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})
