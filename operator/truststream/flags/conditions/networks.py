"""Cidr: addresses in networks; IPv4 addresses written as IPv6 are IPv4."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from truststream.flags.conditions.base import Predicate, Unfit, texts

_MAPPED = IPv6Network("::ffff:0:0/96")
_LONGEST_ADDRESS = 64


def cidr(value: Any) -> Predicate:
    """An address in one of the networks; looked up by prefix length, however many there are."""
    known: dict[tuple[int, int], set[int]] = defaultdict(set)
    for text in texts(value):
        network = _network(text)
        shift = network.max_prefixlen - network.prefixlen
        known[network.version, shift].add(int(network.network_address) >> shift)
    tables = [(version, shift, frozenset(starts)) for (version, shift), starts in known.items()]

    def holds(x: Any) -> bool:
        if (found := _address(x)) is None:
            return False
        version, number = found
        return any(number >> shift in starts for of, shift, starts in tables if of == version)

    return holds


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise Unfit("value", f"must be networks like 10.0.0.0/8 or addresses: {error}") from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _address(x: Any) -> tuple[int, int] | None:
    """Version and number."""
    if not isinstance(x, str) or len(x) > _LONGEST_ADDRESS:
        return None
    try:
        address = ip_address(x)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return 4, int(address.ipv4_mapped)
    return address.version, int(address)
