"""The `local` maker: a cluster of plain processes on this machine."""

import shutil

from . import addons, assets, control_plane, parts, paths, pki, ports, users
from .control_plane import Layout
from .facade import Cluster
from .processes import Processes
from .progress import say, step
from .record import Record


def up(record: Record) -> None:
    """Starts a cluster whose directory is empty."""
    if record.size == "node":
        from . import node  # needs root and Debian's packages: not for those who only want a control plane

        node.up(record)
        return
    binaries = assets.binaries(parts.names_for("local", record.size, record.extras), record.size)
    _reserve_ports(record)
    layout = Layout(record.directory, binaries, record.ports, "127.0.0.1")
    prepare(record, layout)
    processes = Processes(record.directory)
    cluster = Cluster(record)
    with step("control plane"):
        start_control_plane(cluster, layout, processes)
        processes.start("kwok", control_plane.kwok(layout, paths.MANIFESTS / "kwok-stages.yaml"))
        addons.apply(cluster, addons.manifest("fake-nodes.yaml"))
        _start_extras(cluster, layout, processes)
        addons.wait_for_nodes(cluster, processes.require_alive)
        addons.wait_for_service_accounts(cluster, processes.require_alive)


def _reserve_ports(record: Record) -> None:
    extra = [port for name in record.extras for port in control_plane.EXTRA_PORTS[name]]
    ports.reserve(record, (*control_plane.PORTS, *extra))


def prepare(record: Record, layout: Layout) -> None:
    """Certificates, tokens, kubeconfigs, tools: every file that the processes read."""
    pki.create(layout.pki, ["127.0.0.1", control_plane.ADVERTISED, control_plane.KUBERNETES_SERVICE])
    (record.directory / "config").mkdir(exist_ok=True)
    tokens = users.write_tokens(layout.config("tokens.csv"))
    record.server = layout.server
    users.write_kubeconfigs(record.directory, record.server, layout.pki / "ca.crt", tokens)
    shutil.copyfile(paths.MANIFESTS / "audit-policy.yaml", layout.config("audit-policy.yaml"))
    shutil.copyfile(paths.MANIFESTS / "contour-config.yaml", layout.config("contour.yaml"))
    shutil.copyfile(paths.MANIFESTS / "prometheus-local.yaml", layout.config("prometheus.yaml"))
    Cluster(record).link_tools(layout.binaries)
    record.save()


def start_control_plane(cluster: Cluster, layout: Layout, processes: Processes) -> None:
    prefix = cluster.prefix()
    processes.start("etcd", control_plane.etcd(layout), prefix)
    processes.start("apiserver", control_plane.apiserver(layout), prefix)
    addons.wait_for_api(cluster, processes.require_alive)
    processes.start("controller-manager", control_plane.controller_manager(layout), prefix)
    processes.start("scheduler", control_plane.scheduler(layout), prefix)
    addons.apply(cluster, addons.manifest("users.yaml"))


def _start_extras(cluster: Cluster, layout: Layout, processes: Processes) -> None:
    if "contour" in cluster.record.extras:
        addons.install_gateway_api(cluster)
        processes.start("contour", control_plane.contour(layout))
        addons.wait_for_gateway(cluster, processes.require_alive)
    if "prometheus" in cluster.record.extras:
        processes.start("prometheus", control_plane.prometheus(layout))
        cluster.record.prometheus = f"http://127.0.0.1:{layout.ports['prometheus']}"


def down(record: Record) -> None:
    """Ends every process and removes every file; works on whatever a killed `up` left behind."""
    Processes(record.directory).stop()
    if record.size == "node":
        from . import node  # as in up

        node.clean(record)
    shutil.rmtree(record.directory, ignore_errors=False)
    say(f"cluster {record.name} is gone")
