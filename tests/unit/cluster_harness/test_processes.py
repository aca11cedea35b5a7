"""Only what was started here is ended, even when a pid has been given to somebody else since."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import processes, waiting
from tests.cluster.errors import HarnessError
from tests.cluster.processes import Processes

_SLEEP = ["sleep", "300"]


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path / "a cluster")
    made.directory.mkdir()
    yield made
    made.stop(patience=0.2)


def _started(group: Processes, name: str = "sleeper") -> processes.Identity:
    group.start(name, _SLEEP)
    waiting.until(lambda: group.identity(name) is not None, "the process to be recorded", limit=10)
    found = group.identity(name)
    assert found is not None
    return found


def test_a_recorded_process_is_ended(group: Processes) -> None:
    identity = _started(group)

    group.stop(patience=0.2)

    assert not processes.is_alive(identity)


def test_a_record_survives_the_program_that_made_it(group: Processes) -> None:
    identity = _started(group)

    assert Processes(group.directory).identity("sleeper") == identity


def test_another_process_under_the_recorded_pid_is_spared(group: Processes) -> None:
    with subprocess.Popen(["sleep", "301"]) as stranger:
        record = group.directory / "processes"
        record.mkdir()
        (record / "sleeper.json").write_text('{"argv": ["sleep", "300"]}')
        (record / "sleeper.stat").write_text(Path(f"/proc/{stranger.pid}/stat").read_text())

        group.stop(patience=0)

        assert stranger.poll() is None
        stranger.kill()


def test_a_reused_pid_is_spared_because_its_start_time_differs(group: Processes) -> None:
    identity = _started(group)
    record = group.directory / "processes" / "sleeper.stat"
    record.write_text(record.read_text().replace(f" {identity.started} ", " 1 "))

    assert group.identity("sleeper") is None


def test_a_process_whose_record_was_lost_is_found_by_its_mark(group: Processes) -> None:
    identity = _started(group)
    (group.directory / "processes" / "sleeper.stat").unlink()

    group.stop(patience=0.2)

    assert not processes.is_alive(identity)


def test_one_that_does_not_listen_is_killed(group: Processes) -> None:
    group.start("deaf", ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    waiting.until(lambda: group.identity("deaf") is not None, "the process to be recorded", limit=10)
    time.sleep(0.2)
    identity = group.identity("deaf")
    assert identity is not None

    group.stop(patience=0.2)

    assert not processes.is_alive(identity)


def test_a_dead_component_is_told_with_its_log(group: Processes) -> None:
    group.start("broken", ["sh", "-c", "echo the reason; sleep 0.2; exit 3"])
    waiting.until(
        lambda: group.identity("broken") is None and group.log("broken").stat().st_size > 0, "its end", limit=10
    )

    with pytest.raises(HarnessError, match=r"(?s)broken has ended.*the reason"):
        waiting.until(lambda: False, "nothing", guard=group.require_alive, limit=5)


def test_a_stat_line_whose_name_holds_spaces_and_parentheses() -> None:
    line = "12 (a b) c) S " + " ".join(str(number) for number in range(4, 53))

    assert processes.parse_stat(line) == processes.Identity(12, "22")
