"""A PostgreSQL of the tests' own: Debian's, in a directory that goes, as a user who is not root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.cluster import debian

_CLUSTERS: Final = Path("/etc/postgresql-common/createcluster.conf")
_SETTINGS: Final = {"listen_addresses": "", "fsync": "off", "jit": "off", "max_connections": "40"}
_SECONDS: Final = 30.0


class PostgreSql:
    """A server on a Unix socket; databases are made in it by name."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._directory = Path(tempfile.mkdtemp(prefix="ts-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self._directory, "nobody", "nogroup")
        self._data = self._directory / "data"
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", f"--pgdata={self._data}")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers; nothing when it runs."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        if self._process is not None:
            return
        with self._log_file().open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-k", self._directory, *settings],
                stdout=subprocess.DEVNULL,
                stderr=log,
                **_unprivileged(),
            )
        until = time.monotonic() + _SECONDS
        while subprocess.run([self._programs / "pg_isready", "-q", "-h", self._directory], check=False).returncode:
            assert self._process.poll() is None, self._log()
            assert time.monotonic() < until, self._log()
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as when its machine loses power; what was committed comes back with it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_SECONDS)
        self._process = None

    def database(self, name: str, encoding: str = "UTF8") -> str:
        """The URL of a new one."""
        statement = f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        self._run("psql", "-q", "-h", str(self._directory), "-U", "postgres", "-c", statement, "postgres")
        return f"postgresql://postgres@/{name}?host={self._directory}"

    def remove(self) -> None:
        """Stop it and leave nothing."""
        self.stop()
        shutil.rmtree(self._directory)
        self._log_file().unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, check=False, **_unprivileged()
        )
        assert done.returncode == 0, done.stderr

    def _log_file(self) -> Path:
        return self._directory.parent / f"{self._directory.name}.log"

    def _log(self) -> str:
        return self._log_file().read_text()


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {"cwd": "/"}
    return {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}


def _programs() -> Path:
    found = _installed()
    if found is None:
        if os.geteuid() == 0 and not _CLUSTERS.exists():  # the package would start a server of its own
            _CLUSTERS.parent.mkdir(parents=True, exist_ok=True)
            _CLUSTERS.write_text("create_main_cluster = false\n")
        debian.require(["initdb"])
        found = _installed()
    assert found is not None, "Debian's package postgresql brings initdb"
    return found


def _installed() -> Path | None:
    debians = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debians:
        return debians[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).parent if elsewhere else None
