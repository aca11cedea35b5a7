"""Other people's policies and webhooks that change a Deployment after ours have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.policies.meddler import meddle
from tests.integration.policies.target import Target
from tests.integration.policies.webhook import webhook
from truststream.api import names

Object = dict[str, Any]

_INJECT = (
    'object.metadata.?labels[?"inject"].hasValue()'
    ' ? [JSONPatch{op: "add", path: "/spec/template/spec/containers/0/image", value: "web:2"}] : []'
)


@pytest.mark.parametrize("name", ["aa-meddler", "zz-meddler"])
def test_a_template_changed_by_another_policy_is_held(target: Target, name: str) -> None:
    with meddle(target.cluster, target.namespace, _INJECT, name):
        target.label("inject=yes")  # this request itself leaves the template alone
    target.assert_held()
    assert target.image() == "web:2"


def _injects(live: Object) -> list[Object]:
    if "inject" not in live["metadata"].get("labels", {}):
        return []
    return [{"op": "add", "path": "/spec/template/spec/containers/0/image", "value": "web:2"}]


def test_a_template_changed_by_a_webhook_is_held(target: Target, tmp_path: Path) -> None:
    with webhook(target.cluster, target.namespace, tmp_path, _injects):
        target.label("inject=yes")
    target.assert_held()
    assert target.image() == "web:2"


def _unpauses(live: Object) -> list[Object]:
    return [{"op": "remove", "path": "/spec/paused"}] if live["spec"].get("paused") else []


def _unmarks(live: Object) -> list[Object]:
    if names.HELD_ANNOTATION not in live["metadata"].get("annotations", {}):
        return []
    return [{"op": "remove", "path": "/metadata/annotations/truststream.dev~1held"}]


def _unlabels(live: Object) -> list[Object]:
    if names.CANARY_LABEL not in live["metadata"].get("labels", {}):
        return []
    return [{"op": "remove", "path": "/metadata/labels/truststream.dev~1canary"}]


_UNDOING = [
    pytest.param(_unpauses, "the policy truststream-hold is not in force", id="pause"),
    pytest.param(_unmarks, "the policy truststream-hold is not in force", id="marker"),
    pytest.param(_unlabels, "is TrustStream's; it ends with its CanaryDeployment", id="label"),
]


@pytest.mark.parametrize(("undo", "sentence"), _UNDOING)
def test_the_backstop_refuses_when_the_hold_is_undone(target: Target, tmp_path: Path, undo: Any, sentence: str) -> None:
    """A webhook that has the last word takes back what ours did: as good as a missing policy."""
    with webhook(target.cluster, target.namespace, tmp_path, undo):
        refused = target.set_image("web:2", check=False)
    assert refused.returncode != 0
    assert sentence in refused.stderr
    assert target.image() == "web:1"
    assert len(target.replica_sets()) == 1


def test_the_backstop_keeps_what_is_held_already(target: Target, tmp_path: Path) -> None:
    target.set_image("web:2")
    with webhook(target.cluster, target.namespace, tmp_path, _unpauses):
        refused = target.label("team=a", check=False)
    assert "is held by TrustStream, and this request would release it" in refused.stderr
    target.assert_held()
