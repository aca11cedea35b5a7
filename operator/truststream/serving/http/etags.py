"""Entity tags: a hash over the very bytes of an answer, so that 304 is never wrong whatever an answer depends on."""

from __future__ import annotations

import hashlib


def etag_of(body: bytes) -> str:
    """A strong tag."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether the client holds the answer already: compared weakly, as RFC 9110 has it for If-None-Match.

    `*` never matches: it does not say which answer the client holds.
    """
    return any(one.strip().removeprefix("W/") == etag for one in if_none_match.split(","))
