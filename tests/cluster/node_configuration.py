"""Configuration files and command lines of containerd, kubelet and kube-proxy."""

import json
from pathlib import Path

from . import debian, images, network, paths
from .control_plane import Layout
from .users import NODE_NAME

CLUSTER_DNS = "198.19.0.10"


def socket(name: str) -> Path:
    return paths.run_directory(name) / "containerd.sock"


def _containerd(name: str, layout: Layout) -> str:
    run = paths.run_directory(name)
    quoted = {
        "root": layout.directory / "containerd",
        "state": run / "containerd",
        "socket": socket(name),
        "shim": layout.binaries["containerd-shim-runc-v2"],
        "runc": debian.find("runc") or "runc",
        "runc_root": run / "runc",
        "cni": layout.directory / "cni",
        "pause": images.PAUSE,
    }
    template = (paths.MANIFESTS / "containerd.toml").read_text()
    return template.format(**{key: json.dumps(str(value)) for key, value in quoted.items()})


def _cni(name: str, layout: Layout) -> str:
    # ptp, not bridge: every packet is routed, so a Service's answer passes conntrack even without br_netfilter.
    plugin = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": network.POD_RANGE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(layout.directory / "cni-addresses"),
        },
    }
    return json.dumps({"cniVersion": "1.0.0", "name": paths.system_id(name), "plugins": [plugin]}, indent=2)


def _kubelet(name: str, layout: Layout) -> str:
    pki = layout.pki
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket(name)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{paths.system_id(name)}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        # Lowering a score needs CAP_SYS_RESOURCE, which containers and sandboxes rarely have.
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "clusterDNS": [CLUSTER_DNS],
        "clusterDomain": "cluster.local",
        "address": "0.0.0.0",
        "readOnlyPort": 0,
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(pki / "ca.crt")}},
        "podLogsDir": str(layout.directory / "pod-logs"),
        "volumePluginDir": str(layout.directory / "volume-plugins"),
        "maxPods": 250,
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "4s",
        # A full disk of the developer's must not evict the pods of a test.
        "evictionHard": dict.fromkeys(("imagefs.available", "nodefs.available", "memory.available"), "0%"),
        "imageGCHighThresholdPercent": 100,
    }
    return json.dumps(document, indent=2)


def _kube_proxy(layout: Layout) -> str:
    document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(layout.config("kube-proxy.kubeconfig"))},
        "clusterCIDR": network.POD_RANGE,
        "hostnameOverride": NODE_NAME,
        "bindAddress": network.NODE_ADDRESS,
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        # Zero leaves the machine's own limits alone: they are not the namespace's to set.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"syncPeriod": "10s", "minSyncPeriod": "100ms"},
    }
    return json.dumps(document, indent=2)


def write(name: str, layout: Layout) -> None:
    (layout.directory / "cni").mkdir(exist_ok=True)
    (layout.directory / "cni" / "10-truststream.conflist").write_text(_cni(name, layout))
    layout.config("containerd.toml").write_text(_containerd(name, layout))
    layout.config("kubelet.json").write_text(_kubelet(name, layout))
    layout.config("kube-proxy.json").write_text(_kube_proxy(layout))


def containerd(layout: Layout) -> list[str]:
    return [layout.binary("containerd"), "--config", str(layout.config("containerd.toml")), "--log-level", "info"]


def kubelet(layout: Layout) -> list[str]:
    return [
        layout.binary("kubelet"),
        f"--config={layout.config('kubelet.json')}",
        f"--kubeconfig={layout.config('kubelet.kubeconfig')}",
        f"--root-dir={layout.directory / 'kubelet'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={network.NODE_ADDRESS}",
    ]


def kube_proxy(layout: Layout) -> list[str]:
    return [layout.binary("kube-proxy"), f"--config={layout.config('kube-proxy.json')}"]
