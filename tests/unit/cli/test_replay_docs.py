"""The commands on the pages of `backtest` and `simulate` are understood; those of `simulate` are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.replay.past import MANIFEST
from truststream.cli.main import build

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
APP = build(["backtest", "simulate"])


def commands(page: str) -> Iterator[list[str]]:
    for block in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        for line in block.splitlines():
            verb, *rest = shlex.split(line)
            assert verb == "truststream"
            yield rest


@pytest.mark.parametrize("arguments", [*commands("backtest.md"), *commands("simulate.md")], ids=" ".join)
def test_commands_are_understood(arguments: list[str]) -> None:
    root: Any = typer.main.get_command(APP)
    command = root.commands[arguments[0]]
    context = command.make_context(arguments[0], arguments[1:])
    assert context.params


@pytest.mark.parametrize("arguments", list(commands("simulate.md")), ids=" ".join)
def test_simulations_run(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkout.yaml").write_text(MANIFEST)
    told = CliRunner().invoke(APP, [*arguments, "--runs", "1", "--jobs", "1", "--duration", "11m"])
    assert told.exit_code == 0, told.output
