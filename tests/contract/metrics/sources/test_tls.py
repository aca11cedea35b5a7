"""Certificates, over real TLS: a private CA, another name, nobody's CA."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from truststream.api.configuration import parse
from truststream.metrics.graphite import Graphite, GraphiteConfiguration
from truststream.metrics.rest import Secrets

NAME = "graphite.internal"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by itself, for a name that is not the address."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(file.with_name("key"))]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-out", str(file.with_name("crt"))]
    subprocess.run(["openssl", "req", "-x509", *key, "-days", "2", *names], check=True, capture_output=True)
    file.write_text(file.with_name("key").read_text() + file.with_name("crt").read_text())
    return file


@pytest.fixture
def address(certificate: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Tests are quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who does not trust us hangs up in the handshake."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


async def probe(address: str, certificate: Path, **tls: object) -> str:
    config = parse(GraphiteConfiguration, {"address": address, "tls": tls})
    held = Secrets({("ca", "ca.crt"): certificate.with_name("crt").read_text()})
    source = Graphite(config, held, "graphite")
    try:
        return await source.probe()
    finally:
        await source.close()


async def test_a_private_authority_and_the_name_in_the_certificate(address: str, certificate: Path) -> None:
    assert await probe(address, certificate, caSecret={"name": "ca"}, serverName=NAME) == ""


async def test_another_name_is_not_trusted(address: str, certificate: Path) -> None:
    said = await probe(address, certificate, caSecret={"name": "ca"})
    assert "shows a certificate that we do not trust (" in said
    assert "check sources.graphite.config.tls" in said


async def test_a_private_authority_is_not_public(address: str, certificate: Path) -> None:
    said = await probe(address, certificate, serverName=NAME)
    assert "self-signed certificate" in said


async def test_any_certificate_where_that_is_wanted(address: str, certificate: Path) -> None:
    assert await probe(address, certificate, insecureSkipVerify=True) == ""
