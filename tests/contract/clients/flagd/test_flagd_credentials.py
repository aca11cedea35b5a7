"""A server for known callers alone: Python's provider brings TLS and an API key, and has no selector to write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.clients.flagd.flags import flags
from tests.contract.clients.flagd.programs import KINDS, Program
from tests.contract.clients.flagd.server_process import ServerProcess
from tests.fakes.certificate import certificate

KEY = "a-key-that-nobody-guesses"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ServerProcess]:
    """With TLS, one API key for the namespace shop, and nothing for anonymous callers."""
    certificate(tmp_path, "server")
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "shop.cart").write_text(KEY)
    tls = {"certificateFile": str(tmp_path / "certificate.pem"), "keyFile": str(tmp_path / "key.pem")}
    running = ServerProcess(tmp_path, {"tls": tls, "apiKeys": str(keys), "environment": "prod"})
    running.put("shop", flags())
    running.start()
    try:
        yield running
    finally:
        running.stop()


def test_a_key_names_the_namespace(closed: ServerProcess, tmp_path: Path) -> None:
    secret = {"token": KEY, "authority": str(tmp_path / "certificate.pem")}
    ports = {"evaluation": closed.evaluation, "sync": closed.sync}
    kinds = [kind for kind in KINDS if kind.provider == "python-0.6"]
    programs = [Program(kind, **ports, selector=None, secret=secret) for kind in kinds]
    try:
        answers = [program.ready().evaluate("string", "where", "the code's")["value"] for program in programs]
    finally:
        for program in programs:
            program.close()
    assert answers == ["live", "live"]
    assert KEY not in closed.log()
