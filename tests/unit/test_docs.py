"""The documentation: links lead somewhere, examples are valid, commands exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from truststream.cli.documents import read
from truststream.cli.findings import Level, concerns, findings
from truststream.cli.main import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VERB = re.compile(r"^(?:kubectl )?truststream ([a-z]+)", re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _blocks(page: Path, *languages: str) -> Iterator[str]:
    return (text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_examples_are_what_the_operator_accepts(page: Path) -> None:
    for block in _blocks(page, "yaml"):
        for document in read(block, _name(page)):
            if concerns(document.content):
                assert [found for found in findings(document.content) if found.level is Level.ERROR] == []


def test_the_folder_of_examples_is_accepted() -> None:
    for file in (ROOT / "examples").rglob("*.yaml"):
        for document in read(file.read_text(encoding="utf-8"), str(file)):
            if concerns(document.content):
                assert [found for found in findings(document.content) if found.level is Level.ERROR] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_exist(page: Path) -> None:
    known = set(VERBS)
    used = {verb for block in _blocks(page, "sh", "console") for verb in _VERB.findall(block)}
    assert used - known == set()


def test_every_page_can_be_found() -> None:
    """From the index, directly or by its folder."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in PAGES[2:]:
        place = page.relative_to(ROOT / "docs")
        assert place.name == "index.md" or str(place) in index or f"{place.parent}/" in index, (
            f"link {place} in docs/index.md"
        )
