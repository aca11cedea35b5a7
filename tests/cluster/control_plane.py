"""The command lines of etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok."""

from dataclasses import dataclass
from pathlib import Path

SERVICE_RANGE = "198.19.0.0/20"
KUBERNETES_SERVICE = "198.19.0.1"
# The API server refuses loopback endpoints. On loopback nobody needs to reach this address: it need not exist.
ADVERTISED = "198.18.0.1"
ISSUER = "https://kubernetes.default.svc.cluster.local"
PORTS = ("apiserver", "etcd", "etcd-peer", "controller-manager", "scheduler", "kwok")


@dataclass(frozen=True)
class Layout:
    """Everything that the command lines depend on."""

    directory: Path
    binaries: dict[str, Path]
    ports: dict[str, int]
    bind_address: str

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    def config(self, name: str) -> Path:
        return self.directory / "config" / name

    def binary(self, name: str) -> str:
        return str(self.binaries[name])

    @property
    def server(self) -> str:
        host = "127.0.0.1" if self.bind_address == "127.0.0.1" else ADVERTISED
        return f"https://{host}:{self.ports['apiserver']}"


def etcd(layout: Layout) -> list[str]:
    client = f"http://127.0.0.1:{layout.ports['etcd']}"
    peer = f"http://127.0.0.1:{layout.ports['etcd-peer']}"
    return [
        layout.binary("etcd"),
        f"--data-dir={layout.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # A test cluster is thrown away with its data: waiting for the disk buys nothing.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _token_flags(layout: Layout) -> list[str]:
    return [
        f"--token-auth-file={layout.config('tokens.csv')}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={layout.pki / 'token.key'}",
        f"--service-account-signing-key-file={layout.pki / 'token.key'}",
    ]


def _certificate_flags(layout: Layout) -> list[str]:
    pki = layout.pki
    return [
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
    ]


def apiserver(layout: Layout) -> list[str]:
    return [
        layout.binary("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{layout.ports['etcd']}",
        f"--bind-address={layout.bind_address}",
        f"--secure-port={layout.ports['apiserver']}",
        f"--advertise-address={ADVERTISED}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        # Straight to the pod of an aggregated API: its Service's address needs kube-proxy first.
        "--enable-aggregator-routing=true",
        f"--audit-policy-file={layout.config('audit-policy.yaml')}",
        f"--audit-log-path={layout.directory / 'audit.log'}",
        # Blocking: when a request has been answered, its line is in the file, so a test may count.
        "--audit-log-mode=blocking",
        *_token_flags(layout),
        *_certificate_flags(layout),
    ]


def controller_manager(layout: Layout) -> list[str]:
    return [
        layout.binary("kube-controller-manager"),
        f"--kubeconfig={layout.config('controller-manager.kubeconfig')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={layout.ports['controller-manager']}",
        f"--root-ca-file={layout.pki / 'ca.crt'}",
        f"--service-account-private-key-file={layout.pki / 'token.key'}",
        f"--cluster-signing-cert-file={layout.pki / 'ca.crt'}",
        f"--cluster-signing-key-file={layout.pki / 'ca.key'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        # Tests make and delete dozens of namespaces at a time: with the default of 20 a second each waits for minutes.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        # Tests wait for the autoscaler: let it look often and come down soon.
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--horizontal-pod-autoscaler-downscale-stabilization=15s",
    ]


def scheduler(layout: Layout) -> list[str]:
    return [
        layout.binary("kube-scheduler"),
        f"--kubeconfig={layout.config('scheduler.kubeconfig')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={layout.ports['scheduler']}",
        "--leader-elect=false",
    ]


def kwok(layout: Layout) -> list[str]:
    return [
        layout.binary("kwok"),
        f"--kubeconfig={layout.config('kwok.kubeconfig')}",
        f"--config={layout.config('kwok-stages.yaml')}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--cidr=198.18.64.1/18",
        "--node-lease-duration-seconds=40",
        "--node-ip=198.18.0.2",
        f"--server-address=127.0.0.1:{layout.ports['kwok']}",
    ]


def contour(layout: Layout) -> list[str]:
    """Without Envoy: routes and gateways get their true conditions, no traffic flows."""
    ports = layout.ports
    return [
        layout.binary("contour"),
        "serve",
        "--insecure",
        f"--kubeconfig={layout.config('contour.kubeconfig')}",
        f"--config-path={layout.config('contour.yaml')}",
        "--leader-election-resource-namespace=projectcontour",
        "--disable-leader-election",
        "--xds-address=127.0.0.1",
        f"--xds-port={ports['contour-xds']}",
        "--http-address=127.0.0.1",
        f"--http-port={ports['contour-http']}",
        "--health-address=127.0.0.1",
        f"--health-port={ports['contour-health']}",
        "--debug-http-address=127.0.0.1",
        f"--debug-http-port={ports['contour-debug']}",
    ]


def prometheus(layout: Layout) -> list[str]:
    """Fake pods have nothing to scrape: tests write samples, or a scrape job of their own and reload."""
    return [
        layout.binary("prometheus"),
        f"--config.file={layout.config('prometheus.yaml')}",
        f"--storage.tsdb.path={layout.directory / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{layout.ports['prometheus']}",
        "--web.enable-lifecycle",
        "--web.enable-remote-write-receiver",
        "--web.enable-otlp-receiver",
        "--web.enable-admin-api",
        "--storage.tsdb.no-lockfile",
    ]


EXTRA_PORTS = {
    "contour": ("contour-xds", "contour-http", "contour-health", "contour-debug"),
    "prometheus": ("prometheus",),
}
