"""A release from its template to its end, by a running operator on a real API server with fake pods."""

from __future__ import annotations

from tests.integration.controller.shop import Shop
from truststream.api import names


def test_adoption_changes_the_label_alone(shop: Shop) -> None:
    shop.open()
    deployment = shop.live("deployment")
    assert deployment["metadata"]["labels"] == {names.CANARY_LABEL: names.ENABLED}
    assert "paused" not in deployment["spec"]
    shop.assert_as_applied()


def test_a_good_version_is_promoted(shop: Shop) -> None:
    shop.open()
    shop.release("web:2")
    status = shop.wait_phase("Succeeded", "Failed", limit=120)
    assert status["phase"] == "Succeeded", status
    assert [entry["outcome"] for entry in status["history"]] == ["Promoted"]
    deployment = shop.live("deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert "paused" not in deployment["spec"]
    assert shop.label() == names.ENABLED
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()


def test_a_bad_version_is_rolled_back_and_stays_held(shop: Shop) -> None:
    shop.open()
    shop.release("web:2", bad=0.5)
    status = shop.wait_phase("Succeeded", "Failed", limit=120)
    assert status["phase"] == "Failed", status
    assert status["history"][0]["outcome"] == "RolledBack"
    deployment = shop.live("deployment")
    assert deployment["spec"]["paused"] is True
    assert len([rs for rs in shop.all("replicasets") if rs["spec"]["replicas"]]) == 1
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()
