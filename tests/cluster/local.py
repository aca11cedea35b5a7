"""What both sizes of the `local` maker share: the files and the control plane's processes."""

import shutil

from . import addons, control_plane, paths, pki, users
from .control_plane import Layout
from .facade import Cluster
from .processes import Processes
from .record import Record


def prepare(record: Record, layout: Layout) -> None:
    """Certificates, tokens, kubeconfigs, tools: every file that the processes read."""
    pki.create(layout.pki, ["127.0.0.1", control_plane.ADVERTISED, control_plane.KUBERNETES_SERVICE])
    (record.directory / "config").mkdir(exist_ok=True)
    tokens = users.write_tokens(layout.config("tokens.csv"))
    record.server = layout.server
    users.write_kubeconfigs(record.directory, record.server, layout.pki / "ca.crt", tokens)
    copies = {
        "audit-policy.yaml": "audit-policy.yaml",
        "contour-config.yaml": "contour.yaml",
        "prometheus-local.yaml": "prometheus.yaml",
        "kwok-stages.yaml": "kwok-stages.yaml",
    }
    for source, target in copies.items():
        shutil.copyfile(paths.MANIFESTS / source, layout.config(target))
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
