"""Played releases as tables for people, as JSON, and as pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from truststream.cli.render import console, word
from truststream.replay.page import Page


class Tell(Protocol):
    """Is told how much is done, from 0 to 1."""

    def __call__(self, share: float) -> None:
        """The bar follows."""


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Tell]:
    """A bar on the error output, gone when it is done; nothing with `quiet` or where nobody looks at a terminal."""
    errors = Console(stderr=True)
    bar = Progress(
        TextColumn(what), BarColumn(), TimeRemainingColumn(), console=errors, transient=True,
        disable=quiet or not errors.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], coloured: int) -> None:
    """Print rows of texts, a line each: the last column gives way. `coloured` holds words of a closed list."""
    screen, found = console(), [list(row) for row in rows]
    widths = [max(len(text) for text in column) for column in zip(headers, *found, strict=True)]
    left = max(len(headers[-1]), screen.width - sum(widths[:-1]) - 2 * len(widths))
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        shown.add_column(header, no_wrap=True)
    for *first, last in found:
        texts = [*first, last if len(last) <= left else f"{last[: left - 1]}…"]
        shown.add_row(*(word(text) if place == coloured else Text(text) for place, text in enumerate(texts)))
    screen.print(shown)


def as_json(document: dict[str, Any]) -> None:
    """Numbers that JSON has not are a mistake of ours, never written."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def write(page: Page, file: Path) -> None:
    """The page; on the error output where it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page.html(), encoding="utf-8")
    typer.echo(f"wrote {file}", err=True)
