"""What holds for the whole repository: its top level, its layers, the size of files and functions."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "operator" / "truststream"

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "charts",
    "crds",
    "docs",
    "examples",
    "operator",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
USUAL_FUNCTION = 20
USUAL_SHARE = 0.9


def _tracked() -> set[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git work tree: what belongs to the repository is unknown")
    return {name for name in listed.stdout.split("\0") if name}


def test_operator_is_no_package() -> None:
    """With an __init__.py it would shadow the standard library's module `operator`."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_top_level_is_the_agreed_list() -> None:
    assert {name.partition("/")[0] for name in _tracked()} == TOP_LEVEL


def _functions(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", _body_lines(node)


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code: the docstring says what, the signature takes what; neither is how long the thought is."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


SOURCES = sorted(SOURCE.rglob("*.py"))
FUNCTIONS = [function for file in SOURCES for function in _functions(file)]


def test_files_are_short() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES}
    assert {name: length for name, length in lengths.items() if length >= LONGEST_FILE} == {}


def test_no_function_is_long() -> None:
    assert [name for name, length in FUNCTIONS if length > LONGEST_FUNCTION] == []


def test_most_functions_are_short() -> None:
    short = sum(length < USUAL_FUNCTION for _, length in FUNCTIONS)
    assert short >= USUAL_SHARE * len(FUNCTIONS)


@pytest.mark.timeout(120)
def test_imports_run_one_way() -> None:
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


def test_the_chart_carries_the_same_crds() -> None:
    ours = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "crds").glob("*.yaml")}
    theirs = {
        file.name: file.read_text(encoding="utf-8") for file in (ROOT / "charts/truststream/files/crds").glob("*.yaml")
    }
    assert ours == theirs, "run `make crds`"
    assert ours
