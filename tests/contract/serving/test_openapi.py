"""The running server against its own OpenAPI document: nothing that schemathesis makes up is answered otherwise."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.clients.flagd.flags import flags
from tests.contract.serving.process import SHOP, Process
from tests.environments import python_environment

HERE = Path(__file__).parent
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
OPERATIONS = 8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    manifests = [
        {
            "apiVersion": "truststream.dev/v1alpha1",
            "kind": "FeatureFlag",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {**spec, "recordExposures": True},
        }
        for name, spec in flags().items()
    ]
    (tmp_path / "flags").mkdir()
    (tmp_path / "flags" / "shop.json").write_text(json.dumps({"kind": "List", "items": manifests}))
    store = {"url": f"sqlite:///{tmp_path}/store.db", "spoolDirectory": str(tmp_path / "spool")}
    running = Process(tmp_path, {"anonymous": ["shop"], "store": store}, "--flags", str(tmp_path / "flags"))
    yield running
    running.end()


def schemathesis(folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    """The same requests in every run."""
    program = python_environment(HERE / "schemathesis.txt").with_name("schemathesis")
    options = ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", "12"]
    options += ["--generation-deterministic", "--no-color"]
    headers = [word for name, value in SHOP.items() for word in ("--header", f"{name}: {value}")]
    return subprocess.run(
        [program, "run", f"{address}/openapi.yaml", *options, *headers],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_answer_is_as_the_document_says(server: Process, tmp_path: Path) -> None:
    told = schemathesis(tmp_path, f"http://127.0.0.1:{server.http}")
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"Tested: {OPERATIONS}" in told.stdout
    cases = re.search(r"(\d+) generated", told.stdout)
    assert cases is not None
    assert int(cases[1]) > 300, told.stdout
    assert server.post("/ofrep/v1/evaluate/flags/bool")[0] == 200
    assert server.stop() == 0
    assert "Traceback" not in server.log, server.log
