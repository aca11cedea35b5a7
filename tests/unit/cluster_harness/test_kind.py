"""Exactly what the kind maker would run, read without an engine."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.cluster import build, command, images, kind, kind_plan, parts, paths
from tests.cluster.errors import HarnessError
from tests.cluster.facade import Cluster
from tests.cluster.record import Record

_KUBECONFIG = """
clusters: [{name: kind-x, cluster: {server: "https://127.0.0.1:4711"}}]
users: [{name: kind-x, user: {client-certificate-data: YQ==}}]
contexts: [{name: kind-x, context: {cluster: kind-x, user: kind-x}}]
current-context: kind-x
"""


@dataclass
class Recorder:
    """Takes every command, and answers as kind and kubectl would."""

    version: str = "v1.37.0"
    commands: list[list[str]] = field(default_factory=list)
    inputs: list[str | None] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        words = [Path(argv[0]).name, *argv[1:]]
        self.commands.append(words)
        self.inputs.append(stdin)
        if words[:3] == ["kind", "create", "cluster"]:
            Path(words[words.index("--kubeconfig") + 1]).write_text(_KUBECONFIG)
        answer = f'{{"gitVersion": "{self.version}"}}' if words[-1] == "/version" else ""
        return subprocess.CompletedProcess(list(argv), 0, answer, "")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(kind_plan, "run", made.run)
    monkeypatch.setattr(command, "run", made.run)
    monkeypatch.setattr(build, "ensure", lambda names: None)
    monkeypatch.setattr(images, "addon_archive", lambda maker: tmp_path / f"{maker}.tar")
    for files in parts.FILES.values():
        files.file.parent.mkdir(parents=True)
        files.file.write_text(f"# {files.name}\n")
    return made


@pytest.fixture
def record() -> Record:
    made = Record(name="x", size="node", maker="kind")
    made.save()
    return made


def test_the_whole_start(recorder: Recorder, record: Record, tmp_path: Path) -> None:
    kind.up(record)

    name, config = paths.system_id("x"), str(record.directory / "kubeconfig")
    create, load, version = recorder.commands[:3]
    assert create == [
        "kind",
        "create",
        "cluster",
        "--name",
        name,
        "--kubeconfig",
        config,
        "--config",
        "-",
        "--wait",
        "180s",
    ]
    assert load == ["kind", "load", "image-archive", str(tmp_path / "kind.tar"), "--name", name]
    assert version == ["kubectl", "get", "--raw", "/version"]
    verbs = [words[1] for words in recorder.commands[3:]]
    assert verbs == [
        "apply",
        "apply",
        "wait",
        "apply",
        "apply",
        "apply",
        *["wait"],
        "get",
        *["wait"] * 4,
        "rollout",
        "get",
    ]


def test_the_node_maps_gateway_and_prometheus_to_loopback(recorder: Recorder, record: Record) -> None:
    kind.up(record)

    configuration = json.loads(recorder.inputs[0] or "")
    mappings = configuration["nodes"][0]["extraPortMappings"]
    assert [one["containerPort"] for one in mappings] == [8080, 30090]
    assert {one["listenAddress"] for one in mappings} == {"127.0.0.1"}
    assert record.gateway == f"http://127.0.0.1:{mappings[0]['hostPort']}"
    assert record.prometheus == f"http://127.0.0.1:{mappings[1]['hostPort']}"


def test_what_is_applied_is_what_the_local_maker_applies(recorder: Recorder, record: Record) -> None:
    kind.up(record)

    applied = [text for words, text in zip(recorder.commands, recorder.inputs, strict=True) if "apply" in words]
    objects = [one for text in applied for one in yaml.safe_load_all(text or "") if one]
    kinds = {(one["kind"], one["metadata"]["name"]) for one in objects}
    assert {("Gateway", "contour"), ("DaemonSet", "envoy"), ("Deployment", "prometheus")} <= kinds
    assert ("Deployment", "coredns") not in kinds  # kind brings its own


def test_the_other_users_are_the_administrator_speaking_as_them(recorder: Recorder, record: Record) -> None:
    kind.up(record)

    document = yaml.safe_load(Cluster(record).kubeconfig.read_text())
    users = {one["name"]: one["user"] for one in document["users"]}
    assert document["current-context"] == "admin"
    assert "as" not in users["admin"]
    assert users["developer"]["as"] == "developer"
    assert users["sre"]["as-groups"] == ["sres"]
    assert record.server == "https://127.0.0.1:4711"


def test_a_node_image_that_is_too_old_is_refused(recorder: Recorder, record: Record) -> None:
    recorder.version = "v1.35.2"

    with pytest.raises(HarnessError, match=r"1\.36 or newer is needed"):
        kind.up(record)


def test_another_node_image(recorder: Recorder, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_NODE_IMAGE", "node:of-mine")

    kind.up(record)

    assert recorder.commands[0][5:7] == ["--image", "node:of-mine"]


def test_the_operators_image_and_the_end(record: Record) -> None:
    build, load = kind_plan.build_and_load(record, "truststream:dev", Path("operator/Dockerfile"), Path("a dir"))
    (delete,) = kind_plan.delete(record)

    assert build.argv == ("docker", "build", "--tag", "truststream:dev", "--file", "operator/Dockerfile", "a dir")
    assert load.argv[1:] == ("load", "docker-image", "truststream:dev", "--name", paths.system_id("x"))
    assert delete.argv[1:5] == ("delete", "cluster", "--name", paths.system_id("x"))
