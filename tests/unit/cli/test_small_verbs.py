"""`config validate`, `version`, `generate`, and the frame around all verbs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from truststream.cli import main
from truststream.cli.generate import Part, made
from truststream.errors import ConfigurationError, SpecError

ROOT = Path(__file__).parents[3]
GOOD = "prometheus: {address: http://prometheus:9090}\n"


def test_a_valid_configuration(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    assert (
        run("config", "validate", str(file)).stdout
        == f"{file}: valid; http://prometheus:9090; metrics of its own: none\n"
    )


def test_a_configuration_inside_its_configmap(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(json.dumps({"kind": "ConfigMap", "data": {"config.yaml": GOOD}}))
    assert run("config", "validate", str(file)).exit_code == 0


@pytest.mark.parametrize("text", ["prometheus: {}", "metrics: {errorRate: {kind: Ratio, bad: a, total: b}}", "a: ["])
def test_a_wrong_configuration(text: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    told = run("config", "validate", str(file))
    assert isinstance(told.exception, ConfigurationError)
    assert str(file) in str(told.exception)


def test_a_configuration_that_is_not_there(run: Run) -> None:
    assert "No such file" in str(run("config", "validate", "/not/there").exception)


def test_version(run: Run) -> None:
    assert run("version").stdout.startswith("truststream ")
    assert json.loads(run("version", "-o", "json").stdout)["apiVersion"] == "truststream.dev/v1alpha1"


@pytest.mark.parametrize("part", list(Part))
def test_the_repository_is_as_generated(part: Part) -> None:
    for name, text in made(part, main.build(main.VERBS)).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name}: run `make {part}`"


def test_generating_writes_only_what_differs(run: Run, tmp_path: Path) -> None:
    check = run("generate", "crds", "--check", "--root", str(tmp_path / "repository"))
    assert check.exit_code == 1
    assert "run `make crds`" in check.stderr
    assert not (tmp_path / "repository").exists()
    assert "wrote crds/" in run("generate", "crds", "--root", str(tmp_path / "repository")).stdout
    assert run("generate", "crds", "--root", str(tmp_path / "repository")).stdout == ""
    assert run("generate", "crds", "--check", "--root", str(tmp_path / "repository")).exit_code == 0


def test_every_verb_explains_itself(run: Run) -> None:
    for verb in ("status", "promote", "rollback", "pause", "resume", "retry", "skip", "lint", "config", "version"):
        assert run(verb, "--help").exit_code == 0
        assert verb in run("--help").stdout


def test_an_expected_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    app = main.build(["version"])

    @app.command("fail")
    def fail() -> None:
        raise SpecError("is wrong", path="spec.x")

    monkeypatch.setattr("sys.argv", ["truststream", "fail"])
    with pytest.raises(SystemExit) as ended:
        app()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: spec.x: is wrong\n"


@pytest.mark.parametrize(
    ("arguments", "verbs"), [(["lint", "x"], ["lint"]), ([], main.VERBS), (["--help"], main.VERBS)]
)
def test_only_the_verb_that_is_called_is_imported(arguments: list[str], verbs: list[str]) -> None:
    assert main._needed(arguments) == verbs
