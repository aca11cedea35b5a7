"""The documentation: links lead somewhere, examples are valid, commands exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from truststream.cli.documents import read
from truststream.cli.findings import Level
from truststream.cli.flag_lint import gather
from truststream.cli.lint import findings_of, is_ours
from truststream.cli.main import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOW = 1_790_000_000.0
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VERB = re.compile(r"^(?:kubectl )?truststream ([a-z]+)", re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _blocks(page: Path, *languages: str) -> Iterator[str]:
    return (text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in _LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def _errors(texts: Iterator[str], file: str) -> list[str]:
    """What lint refuses of manifests that stand together."""
    manifests = [one.content for text in texts for one in read(text, file) if is_ours(one.content)]
    together = gather(manifests, NOW)
    found = [(manifest, one) for manifest in manifests for one in findings_of(manifest, None, together)]
    return [f"{manifest['kind']}: {one.path}: {one.message}" for manifest, one in found if one.level is Level.ERROR]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_examples_are_what_the_operator_accepts(page: Path) -> None:
    assert _errors(_blocks(page, "yaml"), _name(page)) == []


@pytest.mark.parametrize("folder", sorted((ROOT / "examples").iterdir()), ids=_name)
def test_the_folders_of_examples_are_accepted(folder: Path) -> None:
    assert _errors((file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.yaml"))), str(folder)) == []


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
