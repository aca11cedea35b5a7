"""Free ports for clusters that live on loopback beside each other."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

from . import build, paths, record
from .errors import HarnessError
from .record import Record

_LOWEST, _HIGHEST = 20000, 60000


def _range() -> range:
    """Below the ephemeral ports, or an outgoing connection could take a port between our look and its use."""
    try:
        ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        ephemeral = 32768
    return range(_LOWEST, ephemeral) if ephemeral > _LOWEST + 1000 else range(_LOWEST, _HIGHEST)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _candidates(taken: set[int]) -> Iterator[int]:
    allowed = _range()
    for port in random.sample(allowed, len(allowed)):
        if port not in taken and _is_free(port):
            yield port


def reserve(cluster: Record, wanted: tuple[str, ...]) -> None:
    """Picks one port a name and saves them, so that another cluster that starts at the same time picks others."""
    with build.lock(paths.clusters_root() / ".ports.lock", "another cluster that is picking ports"):
        taken = {port for other in record.others(cluster.name) for port in other.ports.values()}
        picked = dict(zip(wanted, _candidates(taken), strict=False))
        if len(picked) < len(wanted):
            raise HarnessError(f"Fewer than {len(wanted)} free ports on 127.0.0.1; stop something that listens there.")
        cluster.ports = picked
        cluster.save()
