"""Segments as people write them into ConfigMaps: read, or left out with a sentence."""

from __future__ import annotations

import pytest

from truststream.flags.segmentsource import SegmentSource, read_segments
from truststream.flags.yamltext import documents

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


def source(name: str, created: str = "", **data: str) -> SegmentSource:
    return SegmentSource("shop", name, f"uid-{name}", created, data)


def test_the_older_map_has_a_name_and_one_mistake_hinders_no_other() -> None:
    young = source("young", "2026-02-01T00:00:00Z", staff="included: [bob]", other="included: [eve]")
    old = source("old", "2026-01-01T00:00:00Z", staff="included: [ann]", empty="", wrong="included: 7")
    found = read_segments([young, old])
    assert {name: one.included for name, one in found.known.items()} == {
        "staff": ["ann"],
        "empty": [],
        "other": ["eve"],
    }
    assert [text.split(":")[0] + text.split(":")[1] for text in found.warnings] == [
        "ConfigMap old wrong", "ConfigMap young staff",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 300_000 + "]" * 300_000, "deeper"),
        ("- " * 100_000, "deeper"),
        ("{a: " * 300_000, "deeper"),
        (BOMB, "aliases"),
        ("{", "no YAML"),
        ("\0", "no YAML"),
        ("!!python/object:os.system x", "no YAML"),
        ("a: .nan\n", "a"),
        ("included: [a]\n---\nincluded: [b]", "several documents"),
        ("- a", "segment"),
    ],
)
def test_what_would_hurt_or_is_none_is_left_out(text: str, said: str) -> None:
    found = read_segments([source("people", staff=text)])
    assert (found.known, said in found.warnings[0]) == ({}, True)


def test_dates_are_texts() -> None:
    assert documents("at: 2026-01-01\n") == [{"at": "2026-01-01"}]
