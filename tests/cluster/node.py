"""The `local` maker's node size: kubelet, containerd and kube-proxy in a network namespace of their own."""

import contextlib
import os
import platform
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from . import (
    addons,
    assets,
    cgroups,
    debian,
    images,
    leftovers,
    local,
    network,
    node_configuration,
    parts,
    paths,
    waiting,
)
from .command import run
from .control_plane import PORTS, Layout
from .errors import HarnessError
from .facade import Cluster
from .processes import Processes
from .progress import step
from .record import Record, other_nodes

# Nothing else listens in a namespace of its own: the usual ports are free.
_PORTS = dict(zip(PORTS, (6443, 2379, 2380, 10257, 10259, 10247), strict=True))


def require_possible() -> None:
    """Says what is missing, and what works without it."""
    still = "The control-plane size (--size control-plane) and the unit tests work here."
    if sys.platform != "linux":
        raise HarnessError(f"A node without a container engine needs Linux, this is {platform.system()}. {still}")
    if os.geteuid() != 0:
        raise HarnessError(
            "A node needs root (network namespaces, cgroups, mounts) or a Docker engine for kind; "
            f"here is neither. {still}"
        )
    debian.require(debian.NODE_PROGRAMS)


def up(record: Record) -> None:
    if leftovers.foreign_kubelet() and not other_nodes(record.name):
        raise HarnessError(
            "A kubelet runs on this machine already; a second one would take its plugin socket. Use kind."
        )
    identifier = paths.system_id(record.name)
    binaries = assets.binaries(parts.names_for("local", "node"), "node")
    archive = images.addon_archive("local")
    record.ports = _PORTS
    record.gateway = f"http://{network.NODE_ADDRESS}:8080"
    record.prometheus = f"http://{network.NODE_ADDRESS}:30090"
    layout = Layout(record.directory, binaries, record.ports, "0.0.0.0")
    local.prepare(record, layout)
    paths.run_directory(record.name).mkdir(parents=True, exist_ok=True)
    network.create(identifier)
    node_configuration.write(record.name, layout)
    processes = Processes(record.directory, cgroups.create(identifier))
    _start(Cluster(record), layout, processes, archive)


def _start(cluster: Cluster, layout: Layout, processes: Processes, archive: Path) -> None:
    prefix = cluster.prefix()
    processes.start("containerd", node_configuration.containerd(layout), prefix)
    with _importing(cluster.record, archive):
        with step("control plane"):
            local.start_control_plane(cluster, layout, processes)
        processes.start("kube-proxy", node_configuration.kube_proxy(layout), prefix)
        processes.start("kubelet", node_configuration.kubelet(layout), prefix)
        addons.install_on_node(cluster, with_dns=True)
    with step("node and addons"):
        addons.wait_for_nodes(cluster, processes.require_alive)
        addons.wait_on_node(cluster, processes.require_alive)


@contextlib.contextmanager
def _importing(record: Record, archive: Path) -> Iterator[None]:
    """Unpacks the images while the control plane starts; its failure is the caller's."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            import_images(record, archive)
        except HarnessError as failure:
            failures.append(failure)

    thread = threading.Thread(target=work, name="image-import")
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


def import_images(record: Record, archive: Path) -> None:
    """Puts every image of a docker-archive or oci-archive where kubelet looks."""
    socket = node_configuration.socket(record.name)
    ctr = [str(parts.PARTS["ctr"].binary), "--address", str(socket), "--namespace", "k8s.io"]
    answers = lambda: run([*ctr, "version"], check=False).returncode == 0  # noqa: E731 - one use, one line
    waiting.until(answers, "containerd to answer", limit=30)
    run([*ctr, "images", "import", str(archive)])
