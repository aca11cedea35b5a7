"""The `kind` maker: a node in a container, where an engine runs. What it applies and awaits is what `local` does."""

import re
from pathlib import Path

import yaml

from . import addons, assets, images, kind_plan, parts, ports
from .errors import HarnessError
from .facade import Cluster
from .progress import step
from .record import Record
from .users import PEOPLE

_OLDEST = (1, 36)


def up(record: Record) -> None:
    binaries = assets.binaries(parts.names_for("kind", "node"), "node")
    archive = images.addon_archive("kind")
    ports.reserve(record, ("gateway", "prometheus"))
    record.gateway = f"http://127.0.0.1:{record.ports['gateway']}"
    record.prometheus = f"http://127.0.0.1:{record.ports['prometheus']}"
    cluster = Cluster(record)
    cluster.link_tools(binaries)
    with step("kind"):
        kind_plan.execute(kind_plan.create(record, archive))
    record.server = add_people(cluster.kubeconfig)
    _require_version(cluster)
    with step("node and addons"):
        addons.apply(cluster, addons.manifest("users.yaml"))
        addons.install_on_node(cluster, with_dns=False)
        addons.wait_for_nodes(cluster)
        addons.wait_on_node(cluster)


def _require_version(cluster: Cluster) -> None:
    text = cluster.kubectl("get", "--raw", "/version").stdout
    found = re.search(r'"gitVersion":\s*"v(\d+)\.(\d+)', text)
    if found is None or (int(found.group(1)), int(found.group(2))) < _OLDEST:
        shown = found.group(0) if found else text
        raise HarnessError(f"The kind node is {shown}; 1.36 or newer is needed. Set KIND_NODE_IMAGE to such an image.")


def add_people(kubeconfig: Path) -> str:
    """kind knows one user, its administrator; the others are that one speaking as somebody. Returns the server."""
    document = yaml.safe_load(kubeconfig.read_text())
    cluster = document["clusters"][0]
    administrator = document["users"][0]["user"]
    document["users"], document["contexts"] = [], []
    for name, (user, group) in PEOPLE.items():
        speaks_as = {} if name == "admin" else {"as": user, "as-groups": [group]}
        document["users"].append({"name": name, "user": {**administrator, **speaks_as}})
        document["contexts"].append({"name": name, "context": {"cluster": cluster["name"], "user": name}})
    document["current-context"] = "admin"
    kubeconfig.write_text(yaml.safe_dump(document))
    return str(cluster["cluster"]["server"])
