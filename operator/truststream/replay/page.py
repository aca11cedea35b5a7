"""A report as one page of HTML: title, sentence, tables, plots and the spec; nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d2733;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.lead{font-size:1.1rem;padding:.7rem 1rem;background:#f2f5f8;border-left:4px solid #3867b0}
table{border-collapse:collapse;width:100%;font-size:.86rem}
th{text-align:left;border-bottom:2px solid #c9d2db;padding:.25rem .5rem}
td{border-bottom:1px solid #e5eaef;padding:.25rem .5rem;vertical-align:top}
figure{margin:1.2rem 0}figcaption{font-weight:600;margin-bottom:.3rem}svg{width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:#46525f}svg .unit{fill:#7a8794}svg .grid{stroke:#e5eaef}
pre{background:#f6f8fa;padding:.8rem;overflow:auto;font-size:.82rem}footer{color:#7a8794;margin:2rem 0;font-size:.82rem}
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Texts under headers."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """`figures` are SVG as `svg.plot` makes it; everything else is text."""

    title: str
    lead: str
    tables: Sequence[Table]
    figures: Sequence[str]
    spec: str
    notes: Sequence[str] = ()

    def html(self) -> str:
        """The whole document."""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head><body>'
            f'<h1>{escape(self.title)}</h1><p class="lead">{escape(self.lead)}</p>{notes}'
            f"{''.join(self.figures)}{''.join(map(_table, self.tables))}"
            f"<h2>Spec</h2><pre>{escape(self.spec)}</pre><footer>truststream</footer></body></html>\n"
        )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in table.headers)
    rows = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
