"""Starting processes so that they can be found, recognised and ended again, even after this program was killed."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import HarnessError

# The process writes its own identity before it becomes the program: no moment exists in which it runs unrecorded.
# Field 22 of its stat line (the start time) and the pid survive both exec calls.
_LAUNCHER = """
for group in $TRUSTSTREAM_CGROUPS; do echo "$$" > "$group/cgroup.procs" || exit 71; done
unset TRUSTSTREAM_CGROUPS
IFS= read -r stat < "/proc/$$/stat" && printf '%s\\n' "$stat" > "$1" || exit 71
shift
exec "$@"
"""
MARKER = "TRUSTSTREAM_PROCESS_OF"
# Nobody waits for them: a cluster may outlive the program that started it. A forgotten Popen would warn of that.
_CHILDREN: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Identity:
    """A pid alone may be reused; with the start time it names one process."""

    pid: int
    started: str


@dataclass(frozen=True)
class Processes:
    """The processes of one cluster, recorded in its directory."""

    directory: Path
    cgroups: tuple[Path, ...] = ()

    @property
    def _records(self) -> Path:
        return self.directory / "processes"

    def log(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def start(
        self, name: str, argv: Sequence[str], prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        """Starts argv in a session of its own, its output in logs/NAME.log."""
        self._records.mkdir(parents=True, exist_ok=True)
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        (self._records / f"{name}.json").write_text(json.dumps({"argv": list(argv)}))
        merged = {**os.environ, **(environment or {}), MARKER: str(self.directory)}
        merged["TRUSTSTREAM_CGROUPS"] = " ".join(map(str, self.cgroups))
        record = str(self._records / f"{name}.stat")
        with self.log(name).open("ab") as output:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCHER, "sh", record, *prefix, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=merged,
                start_new_session=True,
                cwd=self.directory,
            )
        _CHILDREN.append(child)

    def names(self) -> list[str]:
        return sorted(path.stem for path in self._records.glob("*.json"))

    def identity(self, name: str) -> Identity | None:
        """The recorded process, if it still is the one that we started."""
        try:
            recorded = parse_stat((self._records / f"{name}.stat").read_text())
            argv = json.loads((self._records / f"{name}.json").read_text())["argv"]
        except (OSError, ValueError):
            return None
        return recorded if recorded and is_alive(recorded) and runs(recorded.pid, argv) else None

    def require_alive(self) -> None:
        """A component that died is told with the end of its log, instead of a time-out later."""
        for name in self.names():
            record = self._records / f"{name}.stat"
            if record.exists() and record.stat().st_size and self.identity(name) is None:
                raise HarnessError(f"{name} has ended. The last lines of {self.log(name)}:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 20) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])

    def stop(self, patience: float = 1.0) -> None:
        """Ends everything recorded, then whatever carries our mark (shims that a dead containerd left)."""
        recorded = [found for name in self.names() if (found := self.identity(name))]
        terminate(recorded, patience)
        terminate(marked(self.directory), patience)


def parse_stat(line: str) -> Identity | None:
    """The command's name, in parentheses, may hold spaces: fields are counted after the last parenthesis."""
    head, closing, tail = line.rpartition(")")
    fields = tail.split()
    if not closing or len(fields) < 20:
        return None
    return Identity(int(head.split()[0]), fields[19])


def is_alive(identity: Identity) -> bool:
    try:
        line = Path(f"/proc/{identity.pid}/stat").read_text()
    except OSError:
        return False
    zombie = line.rpartition(")")[2].split()[0] == "Z"
    return parse_stat(line) == identity and not zombie


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def runs(pid: int, argv: Sequence[str]) -> bool:
    """True for the program itself and for the launcher that is about to become it."""
    now = command_line(pid)
    return now == list(argv) or now[-len(argv) :] == list(argv)


def marked(directory: Path) -> list[Identity]:
    """Processes that inherited our mark in their environment."""
    mark = f"{MARKER}={directory}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                identity = parse_stat((entry / "stat").read_text())
                found += [identity] if identity else []
    return found


def terminate(identities: Iterable[Identity], patience: float) -> None:
    """SIGTERM, then SIGKILL for those that did not listen; a pid is signalled only while it is the same process."""
    waiting = _signal(list(identities), signal.SIGTERM)
    deadline = time.monotonic() + patience
    while waiting and time.monotonic() < deadline:
        time.sleep(0.05)
        waiting = _reap(waiting)
    waiting = _signal(waiting, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (waiting := _reap(waiting)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if waiting:
        raise HarnessError(f"Processes {[one.pid for one in waiting]} survive SIGKILL; see /proc/PID/stack.")


def _signal(identities: list[Identity], number: signal.Signals) -> list[Identity]:
    alive = [identity for identity in identities if is_alive(identity)]
    for identity in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, number)
    return alive


def _reap(identities: list[Identity]) -> list[Identity]:
    """Children of this very process stay zombies until waited for."""
    for identity in identities:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(identity.pid, os.WNOHANG)
    return [identity for identity in identities if is_alive(identity)]
