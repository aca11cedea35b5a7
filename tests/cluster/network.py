"""The network of a node-sized cluster: a namespace of its own without an uplink, so that nothing can leave it."""

from pathlib import Path

from .command import run
from .control_plane import ADVERTISED

BRIDGE = "ts0"
NODE_ADDRESS = ADVERTISED
POD_RANGE = "198.18.128.0/22"


def namespace_file(identifier: str) -> Path:
    return Path("/run/netns") / identifier


def inside(identifier: str) -> list[str]:
    # nsenter, not `ip netns exec`: the latter mounts a new /sys, and kubelet would not see the cgroups.
    return ["nsenter", f"--net={namespace_file(identifier)}"]


def create(identifier: str) -> None:
    """Loopback, and a bridge that carries the node's address and the default route."""
    run(["ip", "netns", "add", identifier])
    commands = (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", BRIDGE, "type", "bridge"],
        ["ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", BRIDGE],
        ["ip", "link", "set", BRIDGE, "up"],
        ["ip", "route", "add", "default", "dev", BRIDGE],
        ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
    )
    for command in commands:
        run([*inside(identifier), *command])


def delete(identifier: str) -> None:
    """Bridges, veths, nftables rules and conntrack entries go with the namespace."""
    if namespace_file(identifier).exists():
        run(["ip", "netns", "delete", identifier])
