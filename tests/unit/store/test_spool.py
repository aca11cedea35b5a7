"""The spool: order, bounds, what is torn, what is damaged, and whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from truststream.errors import ConfigurationError
from truststream.store.frames import Kind, frame
from truststream.store.spool import Spool

LIMIT = 1 << 20


def opened(root: Path, limit: int = LIMIT) -> Spool:
    spool = Spool(root, limit)
    spool.open()
    return spool


def put(spool: Spool, *payloads: bytes) -> None:
    spool.append(b"".join(frame(Kind.EXPOSURE, payload) for payload in payloads), len(payloads))


def drained(spool: Spool, most: int = 100) -> list[bytes]:
    found = list[bytes]()
    while batch := spool.read(most):
        found += [record.payload for record in batch.records]
        spool.done(batch)
    return found


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.seg"))


def abandoned(root: Path, *payloads: bytes) -> Path:
    """The last file of a process that died."""
    spool = opened(root)
    put(spool, *payloads)
    spool.close()
    return files(root)[-1]


def test_first_in_first_out_in_batches(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    put(spool, b"1", b"2", b"3")
    put(spool, b"4")
    first = spool.read(2)
    assert first is not None
    assert [record.payload for record in first.records] == [b"1", b"2"]
    assert spool.read(2) == first, "what is not done is read again"
    spool.done(first)
    assert (spool.waiting, drained(spool), spool.waiting) == (2, [b"3", b"4"], 0)
    spool.close()


def test_files_go_when_nothing_of_them_waits(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    big = bytes(100_000)
    for _ in range(4):
        put(spool, big)
    assert len(files(tmp_path)) == 4
    assert spool.held == sum(path.stat().st_size for path in files(tmp_path))
    assert len(drained(spool)) == 4
    put(spool, b"new")
    assert len(files(tmp_path)) == 1
    spool.close()


def test_small_batches_share_a_file(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(5):
        put(spool, b"x")
        drained(spool)
    assert len(files(tmp_path)) == 1
    spool.close()


def test_a_closed_spool_leaves_what_waits_and_nothing_else(tmp_path: Path) -> None:
    empty = opened(tmp_path)
    empty.close()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    abandoned(tmp_path, b"waits")
    assert len(files(tmp_path)) == 1


def test_the_dead_ones_spool_is_taken_over_before_ours(tmp_path: Path) -> None:
    abandoned(tmp_path, b"theirs 1", b"theirs 2")
    spool = opened(tmp_path)
    put(spool, b"ours")
    assert spool.adopt() == 2
    assert spool.adopt() == 0
    assert drained(spool) == [b"theirs 1", b"theirs 2", b"ours"]
    spool.adopt()
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1, "their directory is gone"
    spool.close()


def test_a_living_ones_spool_is_not(tmp_path: Path) -> None:
    living, other = opened(tmp_path), opened(tmp_path)
    put(living, b"mine")
    assert other.adopt() == 0
    assert drained(other) == []
    other.close()
    assert drained(living) == [b"mine"]
    living.close()


def test_what_else_lies_on_the_volume_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "notes.txt").touch()
    spool = opened(tmp_path)
    assert spool.adopt() == 0
    spool.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "lost+found", "notes.txt"]


@pytest.mark.parametrize("torn", [b"\x05", frame(Kind.EXPOSURE, b"torn")[:-1], bytes(4096)])
def test_a_torn_tail_is_cut(tmp_path: Path, torn: bytes) -> None:
    path = abandoned(tmp_path, b"whole")
    with path.open("ab") as file:
        file.write(torn)
    spool = opened(tmp_path)
    assert (spool.adopt(), drained(spool)) == (1, [b"whole"])
    spool.close()
    assert not list(tmp_path.glob("*.damaged"))


@pytest.mark.parametrize("begun", [b"", b"TSSP"])
def test_a_file_that_had_just_been_made(tmp_path: Path, begun: bytes) -> None:
    path = abandoned(tmp_path, b"x")
    path.write_bytes(begun)
    spool = opened(tmp_path)
    assert (spool.adopt(), drained(spool)) == (0, [])
    spool.close()
    assert files(tmp_path) == []


def test_damage_in_the_middle_is_set_aside_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = abandoned(tmp_path, b"before", b"damaged", b"after")
    later = path.with_name(f"{2:016d}.seg")
    later.write_bytes(path.read_bytes())
    path.write_bytes(path.read_bytes().replace(b"damaged", b"DAMAGED"))
    spool = opened(tmp_path)
    spool.adopt()
    put(spool, b"ours")
    assert drained(spool) == [b"before", b"before", b"damaged", b"after", b"ours"]
    assert b"DAMAGED" in next(tmp_path.glob("*.damaged")).read_bytes()
    assert "is damaged after" in caplog.text
    spool.close()


def test_a_file_of_a_later_version_is_set_aside(tmp_path: Path) -> None:
    path = abandoned(tmp_path, b"x")
    path.write_bytes(b"TSSPOOL2" + path.read_bytes()[8:])
    spool = opened(tmp_path)
    spool.adopt()
    assert drained(spool) == []
    assert next(tmp_path.glob("*.damaged")).read_bytes().startswith(b"TSSPOOL2")
    spool.close()


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"server\.store\.spoolDirectory: .*/file/spool cannot be used"):
        Spool(tmp_path / "file" / "spool", LIMIT).open()
