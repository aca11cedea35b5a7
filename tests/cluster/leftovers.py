"""Traces that containerd and kubelet leave outside the cluster's own directories."""

import contextlib
import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from .command import run

_LOG_LINKS = Path("/var/log/containers")
_KUBELET_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
_CNI_RESULTS = Path("/var/lib/cni/results")
_SHIM_SOCKETS = Path("/run/containerd/s")
_FIXED_DIRECTORIES = (
    _KUBELET_SOCKET.parent,
    _KUBELET_SOCKET.parent.parent,
    _CNI_RESULTS,
    _CNI_RESULTS.parent,
    _SHIM_SOCKETS,
    _SHIM_SOCKETS.parent,
)


def mounts_under(directories: Sequence[Path], mountinfo: str) -> list[Path]:
    """Mount points in our directories, the newest first. The kernel writes a space as \\040."""
    found = []
    for line in mountinfo.splitlines():
        written = line.split()[4]
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal.group(1), 8)), written))
        if any(point.is_relative_to(directory) for directory in directories):
            found.append(point)
    return found[::-1]


def unmount(directories: Sequence[Path]) -> None:
    for point in mounts_under(directories, Path("/proc/self/mountinfo").read_text()):
        # Lazily: a process that is just dying may still hold it.
        run(["umount", "--lazy", str(point)], check=False)
    remaining = mounts_under(directories, Path("/proc/self/mountinfo").read_text())
    for point in remaining:
        run(["umount", "--lazy", str(point)])


def remove_shim_sockets(run_directory: Path) -> None:
    """Shims listen in a directory that all containerds share; each one's bundle tells where."""
    for bootstrap in run_directory.glob("containerd/io.containerd.runtime.v2.task/*/*/bootstrap.json"):
        with contextlib.suppress(OSError, ValueError):
            address = json.loads(bootstrap.read_text()).get("address", "")
            Path(address.removeprefix("unix://")).unlink(missing_ok=True)


def remove_log_links(directory: Path) -> None:
    """kubelet links every container's log from /var/log/containers."""
    if not _LOG_LINKS.exists():
        return
    for link in _LOG_LINKS.iterdir():
        if link.is_symlink() and link.readlink().is_relative_to(directory):
            link.unlink()
    with contextlib.suppress(OSError):
        _LOG_LINKS.rmdir()


def foreign_kubelet() -> bool:
    """True where a kubelet that is not ours listens on the socket that ours would take over."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(_KUBELET_SOCKET)) == 0


def remove_fixed_paths(identifier: str, alone: bool) -> None:
    """What kubelet, libcni and shims leave at paths that cannot be set; a directory that holds more than that stays."""
    for result in _CNI_RESULTS.glob(f"{identifier}-*"):
        result.unlink(missing_ok=True)
    if alone:
        _KUBELET_SOCKET.unlink(missing_ok=True)
    for directory in _FIXED_DIRECTORIES:
        with contextlib.suppress(OSError):
            directory.rmdir()
