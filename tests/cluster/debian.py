"""Programs that come from Debian: installed where that is possible, else named one by one."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from .command import run
from .errors import HarnessError
from .progress import step

# program (or file) -> package
PACKAGES = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "nft": "nftables",
    "runc": "runc",
    "openssl": "openssl",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "conntrack": "conntrack",
    "iptables": "iptables",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "initdb": "postgresql",
}
NODE_PROGRAMS = ("ip", "nsenter", "nft", "runc", "openssl", "/usr/lib/cni/ptp", "conntrack", "iptables")
_SBIN = "/usr/sbin:/sbin"


def find(program: str) -> str | None:
    """Administrators' programs may lie off PATH."""
    if program.startswith("/"):
        return program if Path(program).exists() else None
    return shutil.which(program) or shutil.which(program, path=_SBIN)


def require(programs: Sequence[str]) -> None:
    """Returns when all of them are there."""
    missing = sorted({PACKAGES[program] for program in programs if find(program) is None})
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        why = "this is not Debian" if apt is None else "installing them needs root"
        raise HarnessError(f"Missing packages: {' '.join(missing)} ({why}). Install them, then try again.")
    with step(f"installing {' '.join(missing)}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run([apt, "update", "-qq"], environment=quiet, check=False)
        run([apt, "install", "-y", "-qq", "--no-install-recommends", *missing], environment=quiet)
