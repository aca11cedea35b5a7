"""A template that changes while the operator is away is held, whichever way it changes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.integration.policies.target import Target, annotation, exported, label
from truststream.api import names


def _patch(target: Target) -> None:
    containers = [{"name": "web", "image": "web:2"}]
    target.patch({"spec": {"template": {"spec": {"containers": containers}}}}, kind="strategic")


def _json_patch(target: Target) -> None:
    path = "/spec/template/spec/containers/0/image"
    target.patch([{"op": "replace", "path": path, "value": "web:2"}], kind="json")


def _set_image(target: Target) -> None:
    target.set_image("web:2")


def _apply(target: Target) -> None:
    target.apply(target.manifest("web:2"))


def _forced_server_side_apply(target: Target) -> None:
    target.apply(target.manifest("web:2"), "--server-side", "--force-conflicts")


def _server_side_apply_of_paused(target: Target) -> None:
    """A manifest that owns the very field that we set."""
    manifest = target.manifest("web:2")
    manifest["spec"]["paused"] = False
    target.apply(manifest, "--server-side", "--force-conflicts")


def _replace(target: Target) -> None:
    target.replace(target.manifest("web:2"))


def _replace_twice(target: Target) -> None:
    """The second one would find no label, had the first one got rid of it."""
    target.replace(target.manifest("web:2"))
    target.replace(target.manifest("web:2"))


def _strip_then_change(target: Target) -> None:
    target.replace(target.manifest("web:1"))
    target.label(f"{names.CANARY_LABEL}-")
    target.set_image("web:2")


def _relabel_and_change(target: Target) -> None:
    containers = [{"name": "web", "image": "web:2"}]
    labels = {names.CANARY_LABEL: names.PROMOTING}
    target.patch({"metadata": {"labels": labels}, "spec": {"template": {"spec": {"containers": containers}}}})


_WAYS: list[Callable[[Target], None]] = [
    _patch,
    _json_patch,
    _set_image,
    _apply,
    _forced_server_side_apply,
    _server_side_apply_of_paused,
    _replace,
    _replace_twice,
    _strip_then_change,
    _relabel_and_change,
]


@pytest.mark.parametrize("change", _WAYS, ids=lambda way: way.__name__.strip("_"))
def test_a_changed_template_is_held(target: Target, change: Callable[[Target], None]) -> None:
    change(target)
    target.assert_held()
    assert target.image() == "web:2"  # what Git says is there, it only does not run


def test_rollout_restart_is_held_until_the_operator_looks(target: Target) -> None:
    target.kubectl("rollout", "restart", "deployment/web")
    target.assert_held()


def test_rollout_undo_is_held(target: Target) -> None:
    target.set_label(names.OFF)
    target.set_image("web:2")
    target.assert_rolls()
    target.set_label(names.ENABLED)
    target.kubectl("rollout", "undo", "deployment/web")
    live = target.settle()
    assert live["spec"]["paused"] is True
    assert target.image() == "web:1"


_AFTERWARDS: list[Callable[[Target], object]] = [
    lambda target: target.kubectl("rollout", "resume", "deployment/web"),
    lambda target: target.replace(target.manifest("web:2")),
    lambda target: target.replace(target.manifest("web:3")),
    lambda target: target.apply(target.manifest("web:2"), "--server-side", "--force-conflicts"),
    lambda target: target.apply(target.manifest("web:1")),
    lambda target: target.label(f"{names.CANARY_LABEL}-"),
    lambda target: target.annotate(f"{names.HELD_ANNOTATION}-"),
    lambda target: target.annotate(f"{names.HELD_ANNOTATION}=mine"),
    lambda target: target.patch({"metadata": {"annotations": None, "labels": None}, "spec": {"paused": None}}),
]


@pytest.mark.parametrize(
    "request_",
    _AFTERWARDS,
    ids=["resume", "replace", "replace-again", "forced-apply", "revert", "unlabel", "unmark", "forge", "strip-all"],
)
def test_what_is_held_stays_held(target: Target, request_: Callable[[Target], object]) -> None:
    target.set_image("web:2")
    target.assert_held()
    request_(target)
    target.assert_held()


def test_client_side_apply_that_drops_what_it_once_set(target: Target) -> None:
    """A manifest exported with our label and marker, then cleaned: apply removes what it had last applied."""
    target.set_image("web:2")
    target.apply(exported(target.live()))
    target.apply(target.manifest("web:2"))
    target.assert_held()


def test_scale_to_zero_and_back_while_held(target: Target) -> None:
    target.set_image("web:2")
    for replicas in ("0", "3"):
        target.kubectl("scale", "deployment/web", f"--replicas={replicas}")
        target.assert_held()
        assert target.live()["spec"]["replicas"] == int(replicas)


def test_a_change_of_replicas_alone_is_nobodys_business(target: Target) -> None:
    target.patch({"spec": {"replicas": 5}})
    live = target.settle()
    assert "paused" not in live["spec"]
    assert annotation(live, names.HELD_ANNOTATION) is None


def test_a_users_own_pause_stays_the_users(target: Target) -> None:
    target.kubectl("rollout", "pause", "deployment/web")
    assert annotation(target.settle(), names.HELD_ANNOTATION) is None
    target.kubectl("rollout", "resume", "deployment/web")
    assert not target.settle()["spec"].get("paused")


def test_a_template_changed_under_a_users_pause_is_held_as_well(target: Target) -> None:
    target.kubectl("rollout", "pause", "deployment/web")
    target.set_image("web:2")
    target.assert_held("template-paused")  # two pauses: ours ends with the verdict, the user's does not
    target.kubectl("rollout", "resume", "deployment/web")
    target.assert_held("template")


def test_the_operator_releases_by_json_patch(target: Target) -> None:
    target.set_image("web:2")
    target.assert_held()
    template = target.live()["spec"]["template"]
    release = [
        {"op": "test", "path": "/spec/template", "value": template},
        {"op": "remove", "path": "/spec/paused"},
        {"op": "remove", "path": f"/metadata/annotations/{names.HELD_ANNOTATION.replace('/', '~1')}"},
    ]
    target.operator("patch", "deployment", "web", "--type=json", "-p", json.dumps(release))
    target.assert_rolls()


def test_a_forged_marker_is_taken_off(target: Target) -> None:
    target.annotate(f"{names.HELD_ANNOTATION}=template")
    live = target.settle()
    assert annotation(live, names.HELD_ANNOTATION) is None
    assert "paused" not in live["spec"]


def test_only_the_operator_takes_a_deployment_on(chart_target: Target) -> None:
    """A copied manifest must not hold a Deployment that nobody judges."""
    chart_target.label(f"{names.CANARY_LABEL}={names.ENABLED}")
    chart_target.set_image("web:2")
    chart_target.assert_rolls()
    assert label(chart_target.live()) is None


def test_a_deleted_deployment_has_nothing_to_keep(target: Target) -> None:
    """`replace --force` deletes the old pods itself: the new Deployment runs, and is taken on anew."""
    old = target.live()["metadata"]["uid"]
    target.replace(target.manifest("web:2"), "--force")
    live = target.settle()
    assert live["metadata"]["uid"] != old
    assert label(live) is None
    assert "paused" not in live["spec"]
