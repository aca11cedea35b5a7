"""Images that are built during a test run, and their way into the cluster."""

import sys
from pathlib import Path

from . import images, kind_plan, node
from .command import run
from .errors import HarnessError
from .facade import Cluster
from .progress import step


def load_archive(cluster: Cluster, archive: Path) -> None:
    """A docker-archive or oci-archive."""
    if cluster.maker == "kind":
        kind_plan.execute([kind_plan.load(cluster.record, archive)])
    else:
        node.import_images(cluster.record, archive)


def load_operator(cluster: Cluster, tag: str = "truststream:dev") -> None:
    """Builds operator/Dockerfile and puts the image into the cluster."""
    dockerfile, context = images.OPERATOR_DOCKERFILE, images.OPERATOR_CONTEXT
    if cluster.size != "node":
        raise HarnessError("Images can only be loaded where containers run: use a cluster of --size node.")
    if not dockerfile.exists():
        raise HarnessError(f"{dockerfile} does not exist; the operator's image is built from it.")
    if cluster.maker == "kind":
        kind_plan.execute(kind_plan.build_and_load(cluster.record, tag, dockerfile, context))
        return
    with step("wheels of the operator's image"):
        run(["bash", str(dockerfile.with_name("wheels.sh")), sys.executable, images.BASE_PYTHON])
    archive = cluster.directory / "operator-image.tar"
    images.build_archive(tag, dockerfile, context, archive)
    with step(f"loading {tag}"):
        load_archive(cluster, archive)
    archive.unlink()
