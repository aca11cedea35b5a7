"""The `local` maker's control-plane size: no root, no containers, pods that only say they run."""

from . import addons, assets, control_plane, local, parts, ports
from .control_plane import Layout
from .facade import Cluster
from .processes import Processes
from .progress import step
from .record import Record


def up(record: Record) -> None:
    """Starts a cluster whose directory is empty."""
    binaries = assets.binaries(parts.names_for("local", record.size, record.extras), record.size)
    _reserve_ports(record)
    layout = Layout(record.directory, binaries, record.ports, "127.0.0.1")
    local.prepare(record, layout)
    processes = Processes(record.directory)
    cluster = Cluster(record)
    with step("control plane"):
        local.start_control_plane(cluster, layout, processes)
        processes.start("kwok", control_plane.kwok(layout))
        addons.apply(cluster, addons.manifest("fake-nodes.yaml"))
        _start_extras(cluster, layout, processes)
        addons.wait_for_nodes(cluster, processes.require_alive)
        addons.wait_for_service_accounts(cluster, processes.require_alive)


def _reserve_ports(record: Record) -> None:
    extra = [port for name in record.extras for port in control_plane.EXTRA_PORTS[name]]
    ports.reserve(record, (*control_plane.PORTS, *extra))


def _start_extras(cluster: Cluster, layout: Layout, processes: Processes) -> None:
    if "contour" in cluster.record.extras:
        addons.install_gateway_api(cluster)
        processes.start("contour", control_plane.contour(layout))
        addons.wait_for_gateway(cluster, processes.require_alive)
    if "prometheus" in cluster.record.extras:
        processes.start("prometheus", control_plane.prometheus(layout))
        cluster.record.prometheus = f"http://127.0.0.1:{layout.ports['prometheus']}"
