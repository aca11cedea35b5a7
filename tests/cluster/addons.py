"""What is applied to a cluster once its API server answers: the same manifests and the same waiting for every maker."""

from collections.abc import Callable, Mapping, Sequence
from string import Template
from textwrap import indent

from . import images, parts, paths, waiting
from .facade import Cluster

Guard = Callable[[], None]


def _no_guard() -> None:
    pass


def manifest(name: str, values: Mapping[str, str] | None = None) -> str:
    """A file of manifests/, its ${NAMES} filled in; an unknown name is an error."""
    text = (paths.MANIFESTS / name).read_text()
    return Template(text).substitute(values) if values is not None else text


def apply(cluster: Cluster, text: str) -> None:
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=truststream-tests", "-f", "-", input=text
    )


def apply_files(cluster: Cluster, names: Sequence[str]) -> None:
    """CRDs of modules, as they come."""
    apply(cluster, "\n---\n".join(parts.FILES[name].file.read_text() for name in names))
    wait_for_kinds(cluster, "crd", "--all")


def succeeds(cluster: Cluster, *args: str) -> Callable[[], bool]:
    return lambda: cluster.kubectl(*args, check=False).returncode == 0


def wait_for_kinds(cluster: Cluster, *which: str) -> None:
    """Until the API server serves custom kinds; to `kubectl wait` one without a status yet is an error, not a wait."""
    served = succeeds(cluster, "wait", *which, "--for=condition=Established", "--timeout=5s")
    waiting.until(served, f"{' '.join(which)} to be established")


def wait_for_api(cluster: Cluster, guard: Guard = _no_guard) -> None:
    ready = succeeds(cluster, "get", "--raw", "/readyz", "--request-timeout=5s")
    waiting.until(ready, "the API server to be ready", guard=guard)


def wait_for_nodes(cluster: Cluster, guard: Guard = _no_guard) -> None:
    ready = succeeds(cluster, "wait", "--for=condition=Ready", "node", "--all", "--timeout=5s")
    waiting.until(ready, "every node to be Ready", guard=guard)


def wait_for_service_accounts(cluster: Cluster, guard: Guard = _no_guard) -> None:
    """Pods are refused in a namespace without its `default` ServiceAccount."""
    present = succeeds(cluster, "get", "serviceaccount", "default", "-n", "default")
    waiting.until(present, "the default ServiceAccount", guard=guard)


def wait_for_gateway(cluster: Cluster, guard: Guard = _no_guard) -> None:
    condition = "--for=condition=Programmed"
    ready = succeeds(cluster, "wait", condition, "gateway/contour", "-n", "projectcontour", "--timeout=5s")
    waiting.until(ready, "Contour to program its Gateway", guard=guard)


def wait_for_deployments(cluster: Cluster, namespaces: Sequence[str], guard: Guard = _no_guard) -> None:
    for namespace in namespaces:
        arguments = ["--for=condition=Available", "deployment", "--all", "-n", namespace, "--timeout=5s"]
        ready = succeeds(cluster, "wait", *arguments)
        waiting.until(ready, f"the Deployments of namespace {namespace}", guard=guard, limit=180)


def install_gateway_api(cluster: Cluster) -> None:
    apply_files(cluster, ["gateway-api-crds", "contour-crds"])
    apply(cluster, manifest("namespaces.yaml"))
    apply(cluster, manifest("gateway.yaml"))


_NODE_NAMESPACES = ("kube-system", "projectcontour", "monitoring")


def install_on_node(cluster: Cluster, with_dns: bool) -> None:
    """Everything that runs as pods. kind brings a CoreDNS of its own."""
    install_gateway_api(cluster)
    names = ["contour.yaml", "prometheus.yaml", "metrics-server.yaml", *(["coredns.yaml"] if with_dns else [])]
    configuration = indent(manifest("contour-config.yaml"), "    ")
    values = {**images.names(), "CONTOUR_CONFIG": configuration}
    apply(cluster, "\n---\n".join(manifest(name, values) for name in names))


def wait_on_node(cluster: Cluster, guard: Guard = _no_guard) -> None:
    wait_for_service_accounts(cluster, guard)
    wait_for_gateway(cluster, guard)
    wait_for_deployments(cluster, _NODE_NAMESPACES, guard)
    rolled = succeeds(cluster, "rollout", "status", "daemonset/envoy", "-n", "projectcontour", "--timeout=5s")
    waiting.until(rolled, "Envoy to be ready", guard=guard)
    metrics = succeeds(cluster, "get", "--raw", "/apis/metrics.k8s.io/v1beta1")
    waiting.until(metrics, "the metrics API", guard=guard)
