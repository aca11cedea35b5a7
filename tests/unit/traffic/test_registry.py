"""Names and settings: what is wrong is said with the field's path and with what there is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.traffic.memory import Memory
from truststream.errors import SpecError
from truststream.traffic import PROVIDERS, provider, require
from truststream.traffic.base import Capability


def test_names_are_those_of_the_registry() -> None:
    assert {name: kind.name for name, kind in PROVIDERS.items()} == {name: name for name in PROVIDERS}


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(SpecError, match="known: FeatureFlag, GatewayAPI, Replicas") as raised:
        provider("Mesh", {}, Memory())
    assert raised.value.path == "spec.traffic.provider"


@pytest.mark.parametrize(
    ("config", "path", "text"),
    [
        ({}, "spec.traffic.config.route", "Field required"),
        ({"route": "r", "colour": "red"}, "spec.traffic.config.colour", "not permitted"),
        ({"route": "r", "kind": "TCPRoute"}, "spec.traffic.config.kind", "HTTPRoute"),
        ({"route": "r", "ruleIndex": -1}, "spec.traffic.config.ruleIndex", "greater than or equal to 0"),
        ({"route": "r", "settle": "-5s"}, "spec.traffic.config.settle", "without a sign"),
        ({"route": "r", "telemetry": "Dice"}, "spec.traffic.config.telemetry", "Contour"),
        ({"route": "r", "ruleIndex": 0, "matches": ["/"]}, "spec.traffic.config.matches[0]", "dictionary"),
        ({"route": "r", "rule": "a", "ruleIndex": 0}, "spec.traffic.config", "keep one of them"),
        ({"route": "r", "matches": []}, "spec.traffic.config", "set ruleIndex or remove matches"),
    ],
)
def test_wrong_settings_name_the_field(config: dict[str, Any], path: str, text: str) -> None:
    with pytest.raises(SpecError, match=text) as raised:
        provider("GatewayAPI", config, Memory())
    assert raised.value.path == path


def test_what_a_provider_cannot_do_names_those_that_can() -> None:
    replicas = provider("Replicas", {}, Memory())
    require(replicas, Capability.WEIGHTS)
    with pytest.raises(SpecError, match=r"Replicas cannot do targetRef.kind Services .*: GatewayAPI"):
        require(replicas, Capability.ANY_BACKEND)


def test_settle_is_a_setting() -> None:
    assert provider("GatewayAPI", {"route": "r", "settle": "1m"}, Memory()).settle == 60
    assert provider("Replicas", {"settle": "0s"}, Memory()).settle == 0
