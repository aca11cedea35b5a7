"""The configuration file, and what happens when it or a Secret changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from truststream.errors import ConfigurationError, Forbidden
from truststream.handlers import settings as module
from truststream.handlers.settings import Settings, decode_secret

PLAIN = "prometheus: {address: 'http://one:9090'}\n"
WITH_TOKEN = "prometheus: {address: 'http://one:9090', bearerTokenSecret: {name: prom}}\n"


class Secrets:
    """Counts how often they are read."""

    def __init__(self) -> None:
        self.reads = 0
        self.data = {"token": "t1"}

    async def __call__(self, name: str) -> dict[str, str]:
        self.reads += 1
        if name != "prom":
            raise Forbidden(f"Secret {name} is forbidden")
        return self.data


def write(file: Path, text: str) -> None:
    file.write_text(text)
    os.utime(file, ns=(0, os.stat(file).st_mtime_ns + 1_000_000))


async def test_a_changed_file_is_used_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write(file, PLAIN)
    made = Settings(file, Secrets())
    await made.start()
    first = made.source
    await made.refresh()
    assert made.source is first
    write(file, PLAIN.replace("one", "two"))
    await made.refresh()
    assert made.configuration.prometheus is not None
    assert made.configuration.prometheus.address == "http://two:9090"
    second = made.source
    write(file, "prometheus: {adress: x}\n")
    await made.refresh()
    assert made.source is second
    await made.close()


async def test_the_first_file_has_to_be_right(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--config"):
        await Settings(tmp_path / "none.yaml", Secrets()).start()


async def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write(file, WITH_TOKEN.replace("name: prom", "name: other"))
    with pytest.raises(ConfigurationError, match="Secret other"):
        await Settings(file, Secrets()).start()
    write(file, WITH_TOKEN.replace("name: prom", "name: prom, key: k"))
    with pytest.raises(ConfigurationError, match="no key k; it has token"):
        await Settings(file, Secrets()).start()


async def test_a_source_that_refuses_us_has_its_secret_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECRETS_AGAIN", 0.0)
    file, secrets = tmp_path / "config.yaml", Secrets()
    write(file, WITH_TOKEN)
    made = Settings(file, secrets)
    await made.start()
    await made.refresh()
    assert secrets.reads == 1
    made.doubt()
    await made.refresh()
    await made.refresh()
    assert secrets.reads == 2
    await made.close()


def test_a_secret_is_decoded() -> None:
    assert decode_secret({"data": {"token": "dDE="}}) == {"token": "t1"}
    assert decode_secret({}) == {}


SOURCES = """
sources:
  dd: {type: Datadog, config: {apiKeySecret: {name: prom}, applicationKeySecret: {name: prom, key: app}}}
  graphite: {type: Graphite, config: {address: 'http://graphite'}}
metrics:
  backlog: {source: dd, kind: Value, query: 'avg:depth{*}', direction: LowerIsBetter}
"""


async def test_other_sources_are_made_with_their_secrets_each_read_once(tmp_path: Path) -> None:
    file, secrets = tmp_path / "config.yaml", Secrets()
    secrets.data = {"token": "t1", "app": "t2"}
    write(file, PLAIN + SOURCES)
    made = Settings(file, secrets)
    await made.start()
    assert made.source is not None
    assert secrets.reads == 1
    await made.close()


async def test_a_source_without_prometheus_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write(file, "sources: {graphite: {type: Graphite, config: {address: 'http://graphite'}}}\n")
    made = Settings(file, Secrets())
    await made.start()
    assert made.source is not None
    await made.close()


async def test_a_secret_of_another_source_is_named_with_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write(file, SOURCES)
    with pytest.raises(ConfigurationError, match=r"sources\.dd: Secret prom has no key app; it has token"):
        await Settings(file, Secrets()).start()
    write(file, SOURCES.replace("{name: prom}", "{name: other}"))
    with pytest.raises(ConfigurationError, match=r"sources\.dd: Secret other cannot be read"):
        await Settings(file, Secrets()).start()


async def test_a_wrong_source_keeps_the_old_ones(tmp_path: Path) -> None:
    file, secrets = tmp_path / "config.yaml", Secrets()
    secrets.data = {"token": "t1", "app": "t2"}
    write(file, SOURCES)
    made = Settings(file, secrets)
    await made.start()
    first = made.source
    write(file, SOURCES.replace("type: Graphite", "type: Graffiti"))
    await made.refresh()
    assert made.source is first
    assert made.configuration.sources["graphite"].type == "Graphite"
    await made.close()


async def test_secrets_of_other_sources_are_read_again_when_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECRETS_AGAIN", 0.0)
    file, secrets = tmp_path / "config.yaml", Secrets()
    secrets.data = {"token": "t1", "app": "t2"}
    write(file, SOURCES)
    made = Settings(file, secrets)
    await made.start()
    made.doubt()
    await made.refresh()
    assert secrets.reads == 2
    await made.close()
