"""examples/03-flags: its applications, run as they are, against the server with its manifests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.clients.flagd.programs import python_of
from tests.contract.clients.ofrep import programs
from tests.contract.serving.process import Process
from tests.environments import node

EXAMPLE = Path(__file__).parents[4] / "examples" / "03-flags"
PRODUCTION = {"Flagd-Selector": "flagSetId=shop/production"}
PEOPLE = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("example")
    store = {"url": f"sqlite:///{folder}/store.db", "spoolDirectory": str(folder / "spool")}
    running = Process(folder, {"anonymous": ["shop"], "store": store}, "--flags", str(EXAMPLE / "manifests"))
    yield running
    running.end()


def shown(server: Process, *argv: str | Path, **more: str) -> list[dict[str, Any]]:
    """What an application prints: a line a person."""
    given = {"OFREP_ENDPOINT": f"http://127.0.0.1:{server.http}", "PYTHONDONTWRITEBYTECODE": "1", **more}
    ran = subprocess.run(argv, env={**os.environ, **given}, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def over_ofrep(server: Process, **more: str) -> list[dict[str, Any]]:
    return shown(server, programs.python(), EXAMPLE / "python" / "app.py", **more)


def exposures(server: Process, flag: str) -> dict[str, int]:
    """Units by variant, once all that was told is in the database."""
    deadline = time.monotonic() + 30
    while True:
        status, told = server.ask("GET", f"/v1/exposures/{flag}", headers=PRODUCTION)
        assert (status, time.monotonic() < deadline) == (200, True)
        if told["waiting"] == 0:
            found: dict[str, int] = told["variants"]
            return found
        time.sleep(0.05)


def test_the_shop_shows_what_its_flags_say(server: Process) -> None:
    pages = {page["person"]: page for page in over_ofrep(server)}
    assert len(pages) == PEOPLE
    assert [pages[name]["newCheckout"] for name in ("ada", "olof")] == [True, True], "a tester, and one of our own"
    assert [pages[name]["pageSize"] for name in ("ada", "eve", "olof")] == [25, 10, 25]
    assert pages["olof"]["layout"] == {"columns": 3, "colour": "crimson"}
    assert pages["eve"]["layout"] == {"columns": 2, "colour": "grey"}
    assert not any(page["payLater"] for page in pages.values()), "nobody has approved it"
    assert {page["ranking"] for page in pages.values() if not page["newCheckout"]} == {"popular"}


def test_staging_has_it_for_everybody(server: Process) -> None:
    pages = over_ofrep(server, FLAG_SELECTOR="flagSetId=shop/staging")
    assert all(page["newCheckout"] for page in pages)


def test_in_process_it_shows_the_same_and_tells_who_saw_it(server: Process) -> None:
    sync = re.search(r"sync (\d+)", server.log)
    assert sync is not None
    flagd = {"FLAGD_HOST": "127.0.0.1", "FLAGD_PORT": sync[1], "PYTHONWARNINGS": "ignore"}
    before = told(server)
    pages = shown(server, python_of("python-0.5"), EXAMPLE / "python" / "in_process.py", **flagd)
    assert told(server) - before == 2 * PEOPLE, "of the two flags that keep exposures"
    assert pages == over_ofrep(server)


def test_node_shows_the_same_and_everybody_counts_once(server: Process) -> None:
    before = told(server)
    pages = shown(server, node(), EXAMPLE / "node" / "app.js", NODE_PATH=str(programs.packages()))
    assert told(server) - before == 2 * PEOPLE
    assert pages == over_ofrep(server)
    seen = exposures(server, "new-checkout")
    assert seen["off"] == sum(not page["newCheckout"] for page in pages)
    assert seen["on"] in (PEOPLE - seen["off"], PEOPLE), "all of them where staging was asked for, too"
    assert exposures(server, "layout") == {}, "it keeps none"


def told(server: Process) -> float:
    """What applications sent that the server knows or keeps."""
    _, metrics = server.ask("GET", "/metrics", port=server.health)
    kept = re.findall(r'truststream_exposures_told_total{outcome="(?:accepted|duplicate)"} (\S+)', metrics)
    return sum(map(float, kept))


def test_what_it_says_to_install_is_what_was_tested() -> None:
    pins = (EXAMPLE / "python" / "requirements.txt").read_text().split()
    tested = (programs.HERE / "provider.txt").read_text()
    assert [pin for pin in pins if f"{pin} \\" not in tested] == []
    in_process = (EXAMPLE / "python" / "requirements-in-process.txt").read_text().split()
    tested = (programs.HERE.parent / "flagd" / "provider-v2.txt").read_text()
    assert [pin for pin in in_process if f"{pin} \\" not in tested] == []
    wanted = json.loads((EXAMPLE / "node" / "package.json").read_text())["dependencies"]
    ours = json.loads((programs.HERE / "node" / "package.json").read_text())["dependencies"]
    assert wanted == {name: version for name, version in ours.items() if name in wanted}
