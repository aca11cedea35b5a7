"""TLS whose certificate changes while the server runs, over a real socket."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.serving_world import World, manifest
from truststream.api.serverconfiguration import ServerTls
from truststream.errors import ConfigurationError
from truststream.serving.http.certificates import Certificate
from truststream.serving.http.listener import HttpServer, listen

REQUEST = b"POST /ofrep/v1/evaluate/flags/new HTTP/1.1\r\nHost: a\r\nFlagd-Selector: flagSetId=shop\r\n"
CLOSING = b"Connection: close\r\nContent-Length: 0\r\n\r\n"


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Put one for localhost where the server looks; what trusts it and nothing else."""
    program = shutil.which("openssl")
    assert program is not None
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run([program, "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
    return ssl.create_default_context(cadata=(folder / "tls.crt").read_text())


def pair(folder: Path) -> Certificate:
    return Certificate(ServerTls(certificate_file=str(folder / "tls.crt"), key_file=str(folder / "tls.key")))


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[HttpServer]:
    world = World()
    world.put(manifest("new"))
    server = HttpServer(world.app, listen("127.0.0.1", 0), head=4096, patience=5.0)
    await server.start(context)
    try:
        yield server
    finally:
        await server.stop(1.0)


async def asked(server: HttpServer, trust: ssl.SSLContext | None = None) -> bytes:
    name = "localhost" if trust else None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust, server_hostname=name)
    writer.write(REQUEST + CLOSING)
    text = await reader.read()
    writer.close()
    return text


async def test_a_new_certificate_is_taken_and_one_that_fits_no_key_is_not(tmp_path: Path) -> None:
    first = certificate(tmp_path, "first")
    held = pair(tmp_path)
    async with serving(held.context) as server:
        assert b"200 OK" in await asked(server, first)
        assert not held.refresh()
        key = (tmp_path / "tls.key").read_text()
        second = certificate(tmp_path, "second")
        other_key = (tmp_path / "tls.key").read_text()
        (tmp_path / "tls.key").write_text(key)  # only half of the pair was changed so far
        assert not held.refresh()
        assert b"200 OK" in await asked(server, first)
        (tmp_path / "tls.key").write_text(other_key)
        assert held.refresh()
        assert b"200 OK" in await asked(server, second)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asked(server, first)


def test_no_certificate_at_all_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.tls"):
        pair(tmp_path)


async def test_while_draining_every_connection_is_closed_after_its_answer() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(REQUEST + b"Content-Length: 0\r\n\r\n")
        assert b"connection: close" not in await reader.readuntil(b"}}")
        server.drain()
        writer.write(REQUEST + b"Content-Length: 0\r\n\r\n")
        assert b"connection: close" in await reader.read()
        writer.close()


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}"):
            listen("127.0.0.1", port)
    with pytest.raises(ConfigurationError):
        listen("192.0.2.1", 0)
