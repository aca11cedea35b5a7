"""What the operator says of FeatureFlags on a real API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cluster import waiting
from tests.integration.controller.audit import Audit
from tests.integration.controller.operator_process import OperatorProcess, pause
from tests.integration.flags.garden import ANNA, PAUL, Garden
from tests.integration.flags.servers import Servers
from truststream.api import names

STATUS, EVENT = "patch featureflags/status", "create events"


def test_the_life_of_a_flag(garden: Garden, audit: Audit) -> None:
    garden.flag("beta", rolloutVariant="on", rolloutPercentage=10)
    garden.served("beta", 1)
    audit.mark()
    garden.flag("beta", rolloutVariant="on", rolloutPercentage=20)
    status = garden.served("beta", 2)
    assert (status["state"], status["defaultVariant"], status["rollout"]) == ("Served", "off", "20 % on")
    newest, oldest = status["history"]
    assert (newest["by"], newest["changes"]) == ("admin", ["rolloutPercentage: 10 -> 20"])
    assert oldest["changes"] == ["created"]
    assert status["served"]["by"] == "admin"
    columns = garden.kubectl("get", "fflag", "beta", "--no-headers").split()
    assert columns[:3] == ["beta", "Served", "off"]
    waiting.until(lambda: audit.count(garden.namespace)[EVENT] == 1, "the event")
    assert audit.count(garden.namespace) == {STATUS: 1, EVENT: 1}

    nonsense = {"name": "r", "variant": "on", "conditions": [{"field": "x", "operator": "Matches", "value": "("}]}
    garden.flag("beta", rolloutVariant="on", rolloutPercentage=30, rules=[nonsense])
    status = garden.wait("beta", lambda status: status["state"] == "Stalled", "to be stalled")
    assert "spec.rules[0].conditions[0].value" in status["message"]
    assert "generation 2 is served" in status["message"]
    assert status["served"]["spec"]["rolloutPercentage"] == 20
    assert status["rollout"] == "20 % on"

    garden.flag("beta", rolloutVariant="on", rolloutPercentage=30, enabled=False)
    status = garden.wait("beta", lambda status: status["state"] == "Disabled", "to be off")
    assert status["message"] == "switched off: everybody gets off"
    waiting.until(lambda: len(garden.events("beta")) == 5, "the events")
    assert garden.events("beta") == ["Served", "Served", "Stalled", "EmergencyOff", "Served"]


def test_approvals_by_others(garden: Garden) -> None:
    garden.employ()
    spec = {"approval": {"required": 1, "groups": ["sres"]}, "rolloutVariant": "on"}
    garden.flag("pay", PAUL, rolloutPercentage=10, **spec)
    status = garden.wait("pay", lambda status: status["state"] == "AwaitingApproval", "to wait")
    assert "generation 1 by paul waits for 1 approval of sres; nothing is served" in status["message"]
    refused = garden.approve("pay", PAUL, check=False)
    assert "Error" in refused, "the policy refuses the author"
    garden.approve("pay", ANNA)
    status = garden.served("pay", 1)
    assert (status["state"], status["served"]["approvedBy"]) == ("Served", ["anna"])
    assert (status["served"]["by"], status["rollout"]) == ("paul", "10 % on")
    waiting.until(lambda: names.APPROVE_ANNOTATION not in _notes(garden), "the approval to be taken note of")

    garden.flag("pay", PAUL, rolloutPercentage=50, **spec)
    status = garden.wait("pay", lambda status: status["observedGeneration"] == 2, "generation 2 to be seen")
    assert (status["state"], status["rollout"]) == ("AwaitingApproval", "10 % on")
    garden.flag("pay", PAUL, rolloutPercentage=50, enabled=False, **spec)
    status = garden.wait("pay", lambda status: status["observedGeneration"] == 3, "generation 3 to be seen")
    assert "generation 1 is served, switched off" in status["message"]
    garden.flag("pay", PAUL, rolloutPercentage=10, enabled=False, **spec)
    garden.wait("pay", lambda status: status["state"] == "Disabled", "to be off by nobody's leave")
    waiting.until(lambda: len(garden.events("pay")) >= 6, "the events")
    assert garden.events("pay")[:3] == ["AwaitingApproval", "Approved", "Served"]


def _notes(garden: Garden) -> dict[str, str]:
    notes: dict[str, str] = garden.live("pay")["metadata"]["annotations"]
    return notes


def test_flags_that_depend_on_others_and_on_segments(garden: Garden) -> None:
    testers = {"name": "t", "variant": "on", "conditions": [{"operator": "InSegment", "value": "testers"}]}
    needs = {name: [{"flag": name, "variants": ["on"]}] for name in "ab"}
    garden.apply(
        garden.manifest("a", prerequisites=needs["b"]),
        garden.manifest("b", prerequisites=needs["a"]),
        garden.manifest("c", rules=[testers]),
        garden.manifest("d", key="c2"),
        garden.manifest("e", key="c2"),
    )
    for name in "ab":
        garden.wait(name, lambda status: _stalled(status) == "PrerequisiteCycle", "the circle to be said")
    garden.wait("c", lambda status: _stalled(status) == "UnknownSegment", "the segment to be missed")
    garden.wait("e", lambda status: _stalled(status) == "KeyTaken", "the key to be taken")
    assert "e has the same key" in garden.wait("d", lambda status: status["warnings"], "a warning")["warnings"][0]
    garden.segments("people", testers="included: [ada]")
    garden.flag("b")
    garden.kubectl("delete", "fflag", "d")
    garden.served("a", 1)
    garden.served("c", 1)
    garden.served("e", 1)


def _stalled(status: dict[str, list[dict[str, str]]]) -> str:
    return next((one["reason"] for one in status["conditions"] if one["type"] == "Stalled"), "")


def test_a_schedule_changes_status_by_itself(garden: Garden) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    garden.flag("soon", schedule=[{"at": at, "defaultVariant": "on"}])
    status = garden.served("soon", 1)
    assert (status["defaultVariant"], status["nextChange"][:19]) == ("off", at[:19])
    garden.wait("soon", lambda status: status["defaultVariant"] == "on", "the schedule")
    waiting.until(lambda: "ScheduledChange" in garden.events("soon"), "the event")


def test_usage_survives_restarts_and_changes_meanwhile_are_noted(
    garden: Garden, operator: OperatorProcess, servers: Servers
) -> None:
    garden.apply(garden.manifest("used"), garden.manifest("unused"))
    garden.served("used", 1)
    servers.use(garden.namespace, "used", "on", 5)
    servers.use(garden.namespace, "used", "off", 2)
    _counted(garden, 7)
    operator.kill()
    servers.use(garden.namespace, "used", "on", 3)
    garden.flag("used", owner="team-a")
    garden.flag("used", owner="team-b")
    operator.ensure()
    status = garden.served("used", 3)
    assert [one["generation"] for one in status["history"]] == [3, 1]
    assert status["history"][0]["changes"] == ['owner: none -> "team-b"']
    servers.restart("p2")
    servers.use(garden.namespace, "used", "on", 10)
    usage = _counted(garden, 17)
    assert [(one["name"], one["evaluations"]) for one in usage["variants"]] == [("off", 2), ("on", 15)]
    unused = garden.wait("unused", lambda status: status.get("usage"), "to be counted from")["usage"]
    assert unused["evaluations"] == 0


def _counted(garden: Garden, evaluations: int) -> dict[str, list[dict[str, Any]]]:
    found = garden.wait("used", lambda status: (status.get("usage") or {}).get("evaluations") == evaluations, "usage")
    usage: dict[str, list[dict[str, Any]]] = found["usage"]
    return usage


def test_flags_that_nobody_changes_or_uses_ask_nothing(garden: Garden, servers: Servers, audit: Audit) -> None:
    garden.apply(*(garden.manifest(f"quiet{number}") for number in range(3)))
    for number in range(3):
        garden.wait(f"quiet{number}", lambda status: status.get("usage"), "to be counted from")
    asked = servers.asked
    audit.mark()
    pause(5)
    assert servers.asked > asked, "the servers are asked all the time"
    assert audit.requests() == []
