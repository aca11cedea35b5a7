"""Which addresses may be loaded: this machine's loopback, and the range that the test clusters live in."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

ALLOWED = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128", "198.18.0.0/15")))


class TargetRefused(ValueError):
    """The address is somebody else's."""


def check(url: str) -> None:
    """Every address that the URL's host has must be ours.

    Raises:
        TargetRefused: names the address.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise TargetRefused(f"{url}: only http://HOST[:PORT]/PATH is loaded")
    for found in socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM):
        address = ipaddress.ip_address(found[4][0])
        if not any(address in network for network in ALLOWED):
            allowed = ", ".join(map(str, ALLOWED))
            raise TargetRefused(f"{url}: {address} is not inside {allowed}; load goes to test clusters only")
