"""Every command's options: none is written twice, or the second would silently be the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import typer

from truststream.cli.main import VERBS, build


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from _commands(one, f"{path} {name}")


def test_no_option_is_written_twice() -> None:
    for path, command in _commands(typer.main.get_command(build(VERBS)), "truststream"):
        written = Counter(text for option in command.params for text in (*option.opts, *option.secondary_opts))
        assert [text for text, times in written.items() if times > 1] == [], path
