"""Two specs, and what a person reads of the difference."""

from __future__ import annotations

from typing import Any

import pytest

from truststream.flags.life.history import differences

RULES: list[dict[str, Any]] = [
    {"name": "staff", "variant": "on"},
    {"name": "beta", "variant": "on", "rolloutPercentage": 10},
]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1, "b": None}, []),
        ({"rolloutPercentage": 10}, {"rolloutPercentage": 20}, ["rolloutPercentage: 10 -> 20"]),
        ({"enabled": True}, {"enabled": 1}, ["enabled: true -> 1"]),
        ({}, {"owner": "team-a"}, ['owner: none -> "team-a"']),
        ({"owner": "team-a"}, {}, ['owner: "team-a" -> none']),
        ({"environments": {"prod": {"enabled": False}}}, {"environments": {"prod": {"enabled": True}}},
         ["environments.prod.enabled: false -> true"]),
        ({"rules": RULES}, {"rules": [RULES[0], {**RULES[1], "rolloutPercentage": 20}]},
         ["rules[beta].rolloutPercentage: 10 -> 20"]),
        ({"rules": RULES}, {"rules": RULES[::-1]}, ["rules: order: staff beta -> beta staff"]),
        ({"rules": RULES}, {"rules": RULES[1:]}, ['rules[staff]: {"name": "staff", "variant": "on"} -> none']),
        ({"rules": [{"conditions": [{"value": 1}]}]}, {"rules": [{"conditions": [{"value": 2}]}]},
         ["rules[0].conditions[0].value: 1 -> 2"]),
        ({"tags": ["a"]}, {"tags": ["a", "b"]}, ['tags: ["a"] -> ["a", "b"]']),
    ],
)  # fmt: skip
def test_lines(old: dict[str, Any], new: dict[str, Any], lines: list[str]) -> None:
    assert differences(old, new) == lines


def test_long_values_are_cut() -> None:
    (line,) = differences({"description": ""}, {"description": "x" * 500})
    assert line.startswith('description: "" -> "xxx')
    assert line.endswith("…")
    assert len(line) < 90


def test_many_changes_are_counted() -> None:
    lines = differences({}, {f"field{n}": n for n in range(30)})
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"
