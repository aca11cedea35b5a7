"""AWS Signature Version 4: how a request to AWS proves who sends it.

By the description "Create a signed AWS API request" in the AWS IAM User Guide: a canonical form of the request is
hashed, and the hash signed with a key that holds for one day, region and service.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from truststream.metrics.rest import Request

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_END: Final = "aws4_request"


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key; `token` with temporary ones."""

    access: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature holds for."""

    region: str
    service: str


def signed(request: Request, keys: Keys, scope: Scope, now: datetime) -> Request:
    """The request with its signature. Every header that it has is signed; whoever sends it may add others."""
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    token = {"X-Amz-Security-Token": keys.token} if keys.token else {}
    headers = {**request.headers, "X-Amz-Date": moment, **token}
    normal = _normal({**headers, "Host": urlsplit(request.url).netloc})
    place = f"{moment[:8]}/{scope.region}/{scope.service}/{_END}"
    text = "\n".join((_ALGORITHM, moment, place, _hash(_canonical(request, normal).encode())))
    signature = _sign(_key(keys.secret, moment[:8], scope), text).hex()
    proof = f"{_ALGORITHM} Credential={keys.access}/{place}, SignedHeaders={';'.join(normal)}, Signature={signature}"
    return replace(request, headers={**headers, "Authorization": proof})


def _canonical(request: Request, headers: Mapping[str, str]) -> str:
    url = urlsplit(request.url)
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parse_qsl(url.query, keep_blank_values=True))
    return "\n".join(
        (
            request.method,
            # The path of a URL is encoded already; every service but S3 wants it encoded once more.
            quote(url.path or "/", safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            ";".join(headers),
            _hash(request.body or b""),
        )
    )


def _normal(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.lower(): " ".join(value.split()) for name, value in sorted(headers.items(), key=lambda h: h[0].lower())
    }


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sign(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _key(secret: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, _END):
        key = _sign(key, part)
    return key
