"""Records survive the disk, and what is torn or damaged is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.store.base import Exposure, Unfit, window_start
from truststream.store.codec import decode, encode, identity
from truststream.store.frames import MAX_PAYLOAD, Kind, frame, unframe

PAYLOADS = st.lists(st.binary(max_size=40), min_size=1, max_size=8)


def written(payloads: list[bytes]) -> bytes:
    return b"".join(frame(Kind.EXPOSURE, payload) for payload in payloads)


def read(data: bytes) -> list[bytes]:
    return [record.payload for record in unframe(data)]


@given(PAYLOADS)
def test_records_come_back(payloads: list[bytes]) -> None:
    data = written(payloads)
    records = list(unframe(data, 100))
    assert [record.payload for record in records] == payloads
    assert records[-1].end == 100 + len(data)
    assert {record.kind for record in records} == {Kind.EXPOSURE}


@given(PAYLOADS, st.data())
def test_a_torn_tail_is_no_record(payloads: list[bytes], data: st.DataObject) -> None:
    whole = written(payloads)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found = read(whole[:cut])
    assert found == payloads[: len(found)]
    assert len(written(found)) <= cut < len(written(payloads[: len(found) + 1]))


@given(PAYLOADS, st.data())
def test_a_flipped_bit_ends_what_is_read(payloads: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(written(payloads))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    found = read(bytes(whole))
    assert found == payloads[: len(found)]
    assert len(written(found)) <= place, "records before the flip are read, the one with it is not"


def test_zeros_are_no_records() -> None:
    """As a file system may leave them after a power cut."""
    assert read(bytes(64)) == []


def test_a_record_is_bounded() -> None:
    with pytest.raises(ValueError, match="longer than"):
        frame(Kind.EXPOSURE, bytes(MAX_PAYLOAD + 1))


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
EXPOSURES = st.builds(
    Exposure,
    namespace=NAMES,
    flag=NAMES,
    environment=NAMES,
    variant=NAMES,
    unit=NAMES,
    at=st.floats(0, 4e9),
    window=st.integers(0, 4_000_000_000),
)


@given(EXPOSURES)
def test_an_exposure_comes_back(exposure: Exposure) -> None:
    [record] = unframe(encode(exposure))
    assert decode(record.payload) == exposure


@given(EXPOSURES, EXPOSURES)
def test_the_same_exposure_has_the_same_identity(one: Exposure, other: Exposure) -> None:
    def key(exposure: Exposure) -> tuple[object, ...]:
        e = exposure
        return e.namespace, e.flag, e.environment, e.variant, e.unit, e.window

    assert (identity(one) == identity(other)) is (key(one) == key(other))


@pytest.mark.parametrize("unit", ["x" * 513, "a\0b", "\ud800"])
def test_what_no_database_takes_is_refused(unit: str) -> None:
    with pytest.raises(Unfit, match="flag 'checkout'"):
        encode(Exposure("shop", "checkout", "", "on", unit, 1.0, 0))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1,2]", b'["a","b","c","d","e","x",0]'])
def test_what_is_no_exposure_is_said(payload: bytes) -> None:
    with pytest.raises(Unfit, match="no exposure"):
        decode(payload)


def test_windows_are_counted_from_the_epoch() -> None:
    assert [window_start(at, 3600) for at in (0, 3599.9, 3600, 7300)] == [0, 0, 3600, 3600 * 2]
