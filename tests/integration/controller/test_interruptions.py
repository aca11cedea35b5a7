"""The operator goes away in the middle, in every way it can, and comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import waiting
from tests.integration.controller.operator_process import OperatorProcess, pause
from tests.integration.controller.shop import Shop
from truststream.api import names


def test_killed_at_a_weight_it_goes_on_from_there(shop: Shop, operator: OperatorProcess) -> None:
    shop.open(stepDuration="4s")
    shop.release("web:2")
    before = shop.wait_weight(10)
    operator.kill()
    pause(3)
    assert shop.share() == 10
    operator.start()
    after = shop.status()
    assert after["weight"] >= before["weight"]
    assert after["release"]["startedAt"] == before["release"]["startedAt"]
    status = shop.wait_phase("Succeeded", "Failed", limit=120)
    assert [entry["outcome"] for entry in status["history"]] == ["Promoted"]
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()


@pytest.mark.parametrize("phase", ["Starting", "Promoting", "RollingBack"])
def test_killed_in_a_phase_it_ends_the_same(shop: Shop, operator: OperatorProcess, phase: str) -> None:
    bad = 0.9 if phase == "RollingBack" else 0.0
    shop.open()
    shop.release("web:2", bad=bad)
    shop.wait_phase(phase, "Progressing" if phase == "Starting" else phase)
    operator.kill()
    operator.start()
    status = shop.wait_phase("Succeeded", "Failed", limit=120)
    assert len(status["history"]) == 1, status["history"]
    assert status["phase"] == ("Failed" if bad else "Succeeded")
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()


def test_a_stop_gives_the_lease_back_at_once(shop: Shop, operator: OperatorProcess) -> None:
    shop.open()
    assert operator.stop() == 0
    lease = operator.cluster.get("lease", "truststream", "-n", "truststream-system")
    spec = lease["spec"]
    assert isinstance(spec, dict)
    assert not spec.get("holderIdentity")
    operator.start()


def test_eject_in_mid_release_leaves_everything_as_applied(shop: Shop, operator: OperatorProcess) -> None:
    shop.open(stepDuration="60s")
    shop.release("web:2")
    shop.wait_weight(10)
    operator.kill()
    answer = _eject(operator, shop)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()
    assert shop.label() is None
    assert shop.live("deployment")["spec"]["paused"] is True
    assert "finalizers" not in shop.live("cdep")["metadata"]
    operator.start()
    pause(3)
    assert shop.label() is None, "an ejected CanaryDeployment is left alone"


def test_eject_beside_a_running_operator(shop: Shop, operator: OperatorProcess) -> None:
    shop.open(stepDuration="60s")
    shop.release("web:2")
    shop.wait_weight(10)
    answer = _eject(operator, shop)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    shop.wait_gone("deployment", "web-canary")
    pause(2)
    shop.assert_as_applied()
    assert shop.label() is None
    assert "finalizers" not in shop.live("cdep")["metadata"]


def test_deleting_in_mid_release_leaves_everything_as_applied(shop: Shop) -> None:
    shop.open(stepDuration="60s")
    shop.release("web:2")
    shop.wait_weight(10)
    shop.kubectl("delete", "cdep", "web", "--timeout=60s")
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()
    assert shop.label() is None
    assert shop.live("deployment")["spec"]["paused"] is True


def test_a_namespace_goes_in_mid_release(shop: Shop, operator: OperatorProcess) -> None:
    shop.open(stepDuration="60s")
    shop.release("web:2")
    shop.wait_weight(10)
    operator.cluster.kubectl("delete", "namespace", shop.namespace, "--timeout=90s")
    operator.cluster.kubectl("create", "namespace", shop.namespace)  # the fixture deletes it again


def test_a_standby_takes_over(shop: Shop, operator: OperatorProcess, tmp_path: Path) -> None:
    shop.open()
    standby = OperatorProcess(operator.cluster, tmp_path, identity="operator-1")
    standby.start(ready=False)
    waiting.until(lambda: "standing by" in standby.log(), "the standby to stand by")
    operator.kill()
    standby.wait_ready(limit=20)
    assert standby.stop() == 0
    operator.start()


def _eject(operator: OperatorProcess, shop: Shop) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("truststream"))
    return operator.cluster.run(program, "eject", "web", "-n", shop.namespace, check=False, timeout=120)


def test_a_crash_loop_is_evidence_at_once(shop: Shop) -> None:
    shop.open(stepDuration="60s", initialTraffic=10)
    shop.release("web:2", behaviour="crash-loop")
    status = shop.wait_phase("Failed")
    assert "CrashLoopBackOff" in status["history"][0]["reason"]
    assert names.HELD_ANNOTATION in shop.live("deployment")["metadata"]["annotations"]
    shop.wait_gone("deployment", "web-canary")
    shop.assert_as_applied()
