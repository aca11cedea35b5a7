"""Tables about flags, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from truststream.cli.render import console


def show(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of texts; the last column may be folded, the others are not."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers[:-1]:
        table.add_column(header, no_wrap=True)
    table.add_column(headers[-1])
    for row in rows:
        table.add_row(*(Text(text or "-") for text in row))
    console().print(table)


def value_text(value: Any) -> str:
    """A variant's value as JSON, in one line."""
    return json.dumps(value, ensure_ascii=False)


def percent(share: float) -> str:
    """Of a hundred, as precise as rollouts are."""
    return f"{share:.3f}".rstrip("0").rstrip(".") + " %"
