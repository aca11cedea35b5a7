"""What a cluster is made of: every binary, where its source comes from and which key its cached build carries."""

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .errors import HarnessError

KUBERNETES = "k8s.io/kubernetes"
_VERSION_PACKAGE = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Part:
    """One command of a Go module, built with fixed tags."""

    name: str
    group: str
    module: str
    package: str
    tags: str = ""
    in_image: bool = False

    @property
    def directory(self) -> Path:
        return paths.GO_SOURCES / self.group

    @property
    def version(self) -> str:
        return module_version(self.directory / "go.mod", self.module)

    @property
    def link_flags(self) -> str:
        if self.module != KUBERNETES:
            return "-s -w"
        # Without these the server reports a version that no client can parse.
        major, minor = self.version.removeprefix("v").split(".")[:2]
        values = {"gitVersion": self.version, "gitMajor": major, "gitMinor": minor}
        return "-s -w " + " ".join(f"-X {_VERSION_PACKAGE}.{key}={value}" for key, value in values.items())

    @property
    def key(self) -> str:
        """Changes whenever the build would come out differently, so that a cached binary is never stale."""
        digest = hashlib.sha256()
        for source in sorted(self.directory.iterdir()):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        digest.update("\0".join([self.package, self.tags, self.link_flags, platform.machine()]).encode())
        return digest.hexdigest()[:12]

    @property
    def binary(self) -> Path:
        return paths.binaries_root() / f"{self.name}-{self.version}-{self.key}" / self.name


@dataclass(frozen=True)
class Files:
    """YAML files of a Go module, joined into one."""

    name: str
    group: str
    module: str
    pattern: str

    @property
    def directory(self) -> Path:
        return paths.GO_SOURCES / self.group

    @property
    def version(self) -> str:
        return module_version(self.directory / "go.mod", self.module)

    @property
    def file(self) -> Path:
        digest = hashlib.sha256(f"{self.module}\0{self.version}\0{self.pattern}".encode()).hexdigest()[:12]
        return paths.binaries_root() / f"{self.name}-{self.version}-{digest}" / f"{self.name}.yaml"


def module_version(go_mod: Path, module: str) -> str:
    """The required version of a module; a module of our own has none and is `dev`."""
    text = go_mod.read_text()
    if re.search(rf"^module {re.escape(module)}$", text, re.MULTILINE):
        return "dev"
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise HarnessError(f"{go_mod} does not require {module}; run `go get {module}` in its directory.")
    return found.group(1)


def _kubernetes(name: str) -> Part:
    return Part(name, "kubernetes", KUBERNETES, f"{KUBERNETES}/cmd/{name}")


_CONTAINERD = "github.com/containerd/containerd/v2"
_CONTAINERD_TAGS = "no_btrfs,no_zfs,no_devmapper"


def _containerd(name: str) -> Part:
    return Part(name, "containerd", _CONTAINERD, f"{_CONTAINERD}/cmd/{name}", _CONTAINERD_TAGS)


def _module(name: str, module: str, package: str = "", tags: str = "", in_image: bool = False) -> Part:
    return Part(name, name, module, package or f"{module}/cmd/{name}", tags, in_image)


_PARTS = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubectl"),
    _module("etcd", "go.etcd.io/etcd/server/v3", "."),
    _module("kwok", "sigs.k8s.io/kwok"),
    _module("helm", "helm.sh/helm/v4"),
    _module("contour", "github.com/projectcontour/contour", in_image=True),
    _module(
        "prometheus",
        "github.com/prometheus/prometheus",
        tags="remove_all_sd,enable_kubernetes_sd",
        in_image=True,
    ),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    _containerd("containerd"),
    _containerd("containerd-shim-runc-v2"),
    _containerd("ctr"),
    _module("coredns", "github.com/coredns/coredns", "github.com/coredns/coredns", in_image=True),
    _module("metrics-server", "sigs.k8s.io/metrics-server", in_image=True),
    _module("podinfo", "github.com/stefanprodan/podinfo", in_image=True),
    _module("pause", "truststream.dev/tests/cluster/pause", ".", in_image=True),
    _module("kind", "sigs.k8s.io/kind", "sigs.k8s.io/kind"),
)
PARTS = {part.name: part for part in _PARTS}

_FILES = (
    # Contour 1.33 needs TLSRoute v1alpha2, which only the experimental channel serves.
    Files("gateway-api-crds", "gateway-api", "sigs.k8s.io/gateway-api", "config/crd/experimental/gateway*.yaml"),
    Files("contour-crds", "contour", "github.com/projectcontour/contour", "examples/contour/01-crds.yaml"),
)
FILES = {files.name: files for files in _FILES}

TOOLS = ("kubectl", "helm")
ADDON_IMAGES = ("contour", "prometheus", "coredns", "metrics-server", "podinfo", "pause")
_CONTROL_PLANE = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok", *TOOLS)
_NODE = (
    "kube-apiserver",
    "etcd",
    "kube-controller-manager",
    "kube-scheduler",
    *TOOLS,
    "kubelet",
    "kube-proxy",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    *ADDON_IMAGES,
)
_KIND_NODE = (*TOOLS, "kind", "contour", "prometheus", "metrics-server", "podinfo")


def names_for(maker: str, size: str, extras: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Which binaries a cluster of this size needs."""
    if maker == "kind":
        return _KIND_NODE
    return _NODE if size == "node" else (*_CONTROL_PLANE, *extras)
