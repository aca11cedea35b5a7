"""Labels are matched as the API server matches them."""

from __future__ import annotations

from typing import Any

import pytest

from truststream.cluster.selectors import matches, matches_map, to_text

LABELS = {"app": "web", "tier": "front"}


def one(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "tier", "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        (one("In", "front", "back"), True),
        (one("In", "back"), False),
        (one("NotIn", "back"), True),
        (one("Exists"), True),
        (one("DoesNotExist"), False),
    ],
)
def test_label_selector(selector: dict[str, Any], expected: bool) -> None:
    assert matches(selector, LABELS) is expected


def test_a_service_without_selector_selects_nothing() -> None:
    assert not matches_map({}, LABELS)
    assert matches_map({"app": "web"}, LABELS)
    assert not matches_map({"app": "web", "role": "x"}, LABELS)


def test_as_a_list_request_spells_it() -> None:
    selector = {"matchLabels": {"app": "web"}, **one("NotIn", "back", "side")}
    assert to_text(selector) == "app=web,tier notin (back,side)"
    assert to_text(one("DoesNotExist")) == "!tier"
