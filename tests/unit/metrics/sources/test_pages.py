"""The pages of the sources: their examples are accepted, and no setting is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from truststream.api.base import ApiModel
from truststream.api.configuration import Configuration, load
from truststream.metrics import SOURCES
from truststream.metrics.queries import check
from truststream.metrics.rest import RestConfiguration

DOCS = Path(__file__).parents[4] / "docs"
PAGES = {
    "CloudWatch": "cloudwatch",
    "Datadog": "datadog",
    "Graphite": "graphite",
    "HttpJson": "http-json",
    "InfluxDB": "influxdb",
    "NewRelic": "new-relic",
}
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _page(name: str) -> str:
    return (DOCS / "providers" / f"{PAGES[name]}.md").read_text(encoding="utf-8")


def _example(text: str) -> Configuration:
    (block,) = (block for block in _BLOCK.findall(text) if "sources:" in block)
    return load(block)


def _keys(model: type[ApiModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_type_has_a_page_that_is_linked() -> None:
    assert set(PAGES) == set(SOURCES) - {"Prometheus"}
    overview = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert [page for page in PAGES.values() if f"(providers/{page}.md)" not in overview] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_example_is_accepted_and_uses_the_source(name: str) -> None:
    found = _example(_page(name))
    check(found)
    assert {source.type for source in found.sources.values()} == {name}
    assert {metric.source for metric in found.metrics.values()} == set(found.sources)
    assert {str(metric.kind) for metric in found.metrics.values()} == {"Ratio", "Value"}


@pytest.mark.parametrize("name", PAGES)
def test_every_setting_is_explained(name: str) -> None:
    config = SOURCES[name].Config
    assert issubclass(config, RestConfiguration)
    assert [key for key in sorted(_keys(config)) if f"`{key}`" not in _page(name)] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says_how_it_was_tested(name: str) -> None:
    assert re.search(r"Tested against a local server", _page(name))


def test_the_overview_is_accepted_too() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    check(_example(text))
    assert [key for key in sorted(_keys(RestConfiguration)) if f"| `{key}` |" not in text] == []
