"""The patch says the difference, and words alone wait for the next look."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truststream.handlers.status import difference, only_words

VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def merged(old: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386, as its own text has it."""
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value) if isinstance(value, dict) else value
    return result


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # busy machines draw slowly
@given(OBJECTS, OBJECTS)
def test_the_patch_makes_the_old_into_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, difference(old, new)) == new


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(OBJECTS)
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    assert difference(value, value) == {}


def test_words_alone() -> None:
    old = {"phase": "Progressing", "message": "a", "conditions": [{"type": "Ready", "status": "False", "message": "a"}]}
    new = {"phase": "Progressing", "message": "b", "conditions": [{"type": "Ready", "status": "False", "message": "b"}]}
    assert only_words(old, new)
    assert not only_words(old, {**new, "weight": 10})
    assert not only_words({**old, "phase": "Idle"}, {**new, "phase": "Idle"}), "no look would bring them along"
