"""Who changed a flag and who approved it is what the API server says; consent is to what its giver has seen."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.cluster import Cluster, waiting
from tests.integration.chart.render import one_of_kind, render
from tests.integration.installation import OPERATOR
from tests.integration.scenarios.api import Api
from tests.unit.api.bad_flags import GOOD, flag
from truststream.api import names

APPROVAL = {"required": 1, "groups": ["sres", "leads"]}
Answer = subprocess.CompletedProcess[str]
AUTHOR, APPROVER = ("--as", "paul", "--as-group", "developers"), ("--as", "anna", "--as-group", "sres")
SECOND = ("--as", "bert", "--as-group", "leads", "--as-group", "developers")
AS_OPERATOR = ("--as", OPERATOR)


class Flag:
    """A FeatureFlag whose changes wait for an approval; developers and sres may edit it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.api = Api(cluster.kubeconfig)
        self.namespace = namespace
        self.where = ("-n", namespace)

    def call(self, *arguments: str, stdin: dict[str, Any] | None = None) -> Answer:
        text = json.dumps(stdin) if stdin else None
        return self.cluster.kubectl(*arguments, *self.where, input=text, check=False)

    def apply(self, who: tuple[str, ...], *more: str, verb: str = "apply", notes: Any = None, **fields: Any) -> Answer:
        manifest = flag({**GOOD, "approval": APPROVAL, **fields}, "checkout")
        if notes is not None:
            manifest["metadata"]["annotations"] = notes
        return self.call(verb, *more, "-f", "-", *who, stdin=manifest)

    def annotate(self, who: tuple[str, ...], *notes: str) -> Answer:
        return self.call("annotate", "--overwrite", "fflag/checkout", *notes, *who)

    def approve(self, who: tuple[str, ...], generation: int | None = None) -> Answer:
        return self.annotate(who, f"{names.APPROVE_ANNOTATION}={generation or self.generation()}")

    def live(self) -> Any:
        return self.api.get("FeatureFlag", self.namespace, "checkout")

    def forget(self) -> None:
        """As if it had never been."""
        if self.api.find("FeatureFlag", self.namespace, "checkout"):
            self.api.delete("FeatureFlag", self.namespace, "checkout")

    def generation(self) -> int:
        return int(self.live()["metadata"]["generation"])

    def note(self, name: str) -> str | None:
        found = self.live()["metadata"].get("annotations", {}).get(name)
        return None if found is None else str(found)

    def stamps(self) -> tuple[str | None, str | None]:
        notes = self.live()["metadata"].get("annotations", {})
        return notes.get(names.APPROVE_ANNOTATION), notes.get(names.APPROVE_BY_ANNOTATION)

    def set_status(self, **status: Any) -> None:
        """As the operator does."""
        self.api.patch_status("FeatureFlag", self.namespace, "checkout", {"status": status})

    def serve(self, spec: dict[str, Any] | None = None) -> None:
        """What is there now is approved and served."""
        live = self.live()
        digest = {"digest": "0" * 64, "since": "2026-01-01T00:00:00Z"}
        self.set_status(served={"generation": live["metadata"]["generation"], "spec": spec or live["spec"], **digest})


def _ok(answer: Answer) -> None:
    assert answer.returncode == 0, answer.stderr


def _refused(answer: Answer, said: str) -> None:
    assert answer.returncode != 0
    assert said in answer.stderr, answer.stderr


@pytest.fixture(scope="module")
def stamped(chart: Cluster, module_namespace: str) -> str:
    """A namespace, once the policies are in force: the API server takes a moment to read them."""
    probe = Flag(chart, module_namespace)

    def in_force() -> bool:
        return probe.apply(AUTHOR, "--dry-run=server", notes={names.APPROVE_ANNOTATION: "1"}).returncode != 0

    waiting.until(in_force, "the policies of approvals to be in force")
    return module_namespace


@pytest.fixture
def checkout(chart: Cluster, stamped: str) -> Flag:
    """Served at its first generation, and changed by paul since."""
    one = Flag(chart, stamped)
    one.forget()
    _ok(one.apply(AUTHOR))
    one.serve()
    _ok(one.apply(AUTHOR, owner="checkout"))
    return one


def test_who_changed_it_is_stamped_and_kept(checkout: Flag) -> None:
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "paul"
    _ok(checkout.annotate(APPROVER, "note=1", f"{names.CHANGED_BY_ANNOTATION}=nobody"))
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "paul"
    _ok(checkout.annotate(APPROVER, f"{names.CHANGED_BY_ANNOTATION}-"))
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "paul"
    _ok(checkout.apply(APPROVER, owner="someone", notes={names.CHANGED_BY_ANNOTATION: "paul"}))
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "anna"


_OWNER = json.dumps({"spec": {"owner": "x"}})


@pytest.mark.parametrize(
    "change",
    [
        ("patch", "fflag/checkout", "--type=merge", "-p", _OWNER),
        ("patch", "fflag/checkout", "--type=json", "-p", '[{"op": "add", "path": "/spec/owner", "value": "x"}]'),
        ("patch", "fflag/checkout", "--type=json", "-p", '[{"op": "remove", "path": "/metadata/annotations"},'
         '{"op": "add", "path": "/spec/owner", "value": "x"}]'),
    ],
    ids=["merge", "json", "json-without-annotations"],
)  # fmt: skip
def test_every_patch_is_stamped(checkout: Flag, change: tuple[str, ...]) -> None:
    _ok(checkout.call(*change, *SECOND))
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "bert"


@pytest.mark.parametrize(
    "way", [("apply", "--server-side", "--force-conflicts"), ("replace",)], ids=["server", "replace"]
)
def test_every_way_to_write_is_stamped(checkout: Flag, way: tuple[str, ...]) -> None:
    verb, *more = way
    _ok(checkout.apply(SECOND, *more, verb=verb, owner="x", notes={names.CHANGED_BY_ANNOTATION: "anna"}))
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "bert"


def test_an_approval_is_stamped_with_the_groups_that_count(checkout: Flag) -> None:
    _ok(checkout.approve(SECOND))
    assert checkout.stamps() == (str(checkout.generation()), "bert")
    assert checkout.note(names.APPROVE_GROUPS_ANNOTATION) == "leads"


def test_a_forged_giver_is_overwritten(checkout: Flag) -> None:
    forged = (f"{names.APPROVE_BY_ANNOTATION}=bert", f"{names.APPROVE_GROUPS_ANNOTATION}=leads")
    _ok(checkout.annotate(APPROVER, f"{names.APPROVE_ANNOTATION}={checkout.generation()}", *forged))
    assert checkout.stamps()[1] == "anna"
    assert checkout.note(names.APPROVE_GROUPS_ANNOTATION) == "sres"
    _ok(checkout.annotate(AUTHOR, *forged))
    assert checkout.stamps()[1] == "anna"


@pytest.mark.parametrize("patch", ["merge", "json"])
def test_nobody_forges_without_an_approval(checkout: Flag, patch: str) -> None:
    forged = {names.APPROVE_BY_ANNOTATION: "anna", names.APPROVE_GROUPS_ANNOTATION: "sres"}
    document: Any = {"metadata": {"annotations": forged}}
    if patch == "json":
        document = [{"op": "add", "path": "/metadata/annotations", "value": forged}]
    _ok(checkout.call("patch", "fflag/checkout", f"--type={patch}", "-p", json.dumps(document), *AUTHOR))
    assert checkout.stamps() == (None, None)
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "paul"


def test_the_author_does_not_approve(checkout: Flag) -> None:
    """Not even as a member of the group, and not after somebody else's small change."""
    author = ("--as", "paul", "--as-group", "sres")
    _refused(checkout.approve(author), "paul wrote a part of what waits")
    changes = [{"generation": checkout.generation(), "by": "paul", "at": "2026-01-01T00:00:00Z"}]
    checkout.set_status(history=changes)
    _ok(checkout.apply(SECOND, owner="other"))
    _refused(checkout.approve(author), "paul wrote a part of what waits")
    _refused(checkout.approve(SECOND), "bert wrote a part of what waits")
    _ok(checkout.approve(APPROVER))


def test_nobody_is_laundered_by_a_change_that_the_operator_has_not_seen(checkout: Flag) -> None:
    """anna writes, paul writes over it before the operator looks: status.history never hears of anna by itself."""
    checkout.set_status(observedGeneration=checkout.generation())
    _ok(checkout.apply(APPROVER, owner="hers"))
    _ok(checkout.apply(AUTHOR, owner="hers", description="x", notes={names.CHANGED_WITH_ANNOTATION: "nobody"}))
    assert checkout.note(names.CHANGED_WITH_ANNOTATION) == "anna"
    _refused(checkout.approve(APPROVER), "anna wrote a part of what waits")
    _ok(checkout.annotate(AUTHOR, f"{names.CHANGED_WITH_ANNOTATION}-"))
    _ok(checkout.apply(AUTHOR, owner="hers", description="y"))
    _ok(checkout.apply(SECOND, owner="hers", description="z"))
    assert checkout.note(names.CHANGED_WITH_ANNOTATION) == "anna\npaul"
    _refused(checkout.approve(APPROVER), "anna wrote a part of what waits")
    changes = [
        {"generation": checkout.generation(), "by": who, "at": "2026-01-01T00:00:00Z"} for who in ("bert", "anna")
    ]
    checkout.set_status(observedGeneration=checkout.generation(), history=changes)
    _ok(checkout.apply(AUTHOR, owner="hers"))
    assert checkout.note(names.CHANGED_WITH_ANNOTATION) is None
    _refused(checkout.approve(APPROVER), "anna wrote a part of what waits")


def test_somebody_outside_the_groups_does_not_approve(checkout: Flag) -> None:
    outsider = ("--as", "anna", "--as-group", "developers")
    _refused(checkout.approve(outsider), "is approved by a member of sres or leads, which anna is not")


def test_the_rule_in_force_is_that_of_what_is_served(checkout: Flag) -> None:
    """Who writes another rule cannot approve by it, nor take the rule away."""
    _ok(checkout.apply(AUTHOR, approval={"required": 1, "groups": ["developers"]}))
    _refused(checkout.approve(("--as", "bert", "--as-group", "developers")), "is approved by a member of sres or leads")
    _ok(checkout.apply(AUTHOR, approval=None))
    _refused(checkout.approve(("--as", "bert", "--as-group", "developers")), "is approved by a member of sres or leads")
    _ok(checkout.approve(APPROVER))


@pytest.mark.parametrize("generation", [1, 99])
def test_another_generation_is_not_approved(checkout: Flag, generation: int) -> None:
    _refused(checkout.approve(APPROVER, generation), f"is at generation 2, and the approval names {generation}")


@pytest.mark.parametrize(
    "way",
    [("apply",), ("apply", "--server-side", "--force-conflicts"), ("replace",)],
    ids=["apply", "server", "replace"],
)
def test_nothing_is_changed_and_approved_at_once(checkout: Flag, way: tuple[str, ...]) -> None:
    verb, *more = way
    for generation in (checkout.generation(), checkout.generation() + 1):
        notes = {names.APPROVE_ANNOTATION: str(generation)}
        answer = checkout.apply(APPROVER, *more, verb=verb, owner="x", notes=notes)
        _refused(answer, "changes FeatureFlag checkout and approves the change")


def test_a_new_flag_does_not_bring_its_approval(chart: Cluster, stamped: str) -> None:
    manifest = flag({**GOOD, "approval": APPROVAL}, "new")
    manifest["metadata"]["annotations"] = {names.APPROVE_ANNOTATION: "1"}
    answer = chart.kubectl("create", "-n", stamped, "-f", "-", input=json.dumps(manifest), check=False)
    _refused(answer, "cannot bring its own approval")


def test_a_flag_that_was_never_served_is_approved_by_its_own_rule(chart: Cluster, stamped: str) -> None:
    one = Flag(chart, stamped)
    one.forget()
    _ok(one.apply(AUTHOR))
    _ok(one.approve(APPROVER))
    assert one.stamps() == ("1", "anna")


def test_a_standing_approval_stays_its_givers(checkout: Flag) -> None:
    _ok(checkout.approve(APPROVER))
    generation = str(checkout.generation())
    _refused(checkout.approve(SECOND, 7), "by anna waits to be counted; try again in a moment")
    again = checkout.approve(SECOND)
    assert "by anna waits to be counted" in again.stderr
    for strip in (
        checkout.annotate(AUTHOR, f"{names.APPROVE_ANNOTATION}-", f"{names.APPROVE_BY_ANNOTATION}-"),
        checkout.apply(AUTHOR, verb="replace", owner="checkout"),
    ):
        _ok(strip)
        assert checkout.stamps() == (generation, "anna")
    _ok(checkout.annotate(APPROVER, f"{names.APPROVE_ANNOTATION}-"))
    assert checkout.stamps() == (None, None)


def test_the_operator_takes_it_away_once_counted(checkout: Flag) -> None:
    _ok(checkout.approve(APPROVER))
    counted = {"generation": checkout.generation(), "by": "anna", "at": "2026-01-01T00:00:00Z"}
    checkout.set_status(approvals=[counted])
    _ok(checkout.annotate(AS_OPERATOR, f"{names.APPROVE_ANNOTATION}-"))
    assert checkout.stamps() == (None, None)
    assert checkout.note(names.APPROVE_GROUPS_ANNOTATION) is None
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "paul"
    _refused(checkout.approve(APPROVER), "anna has approved generation 2 of FeatureFlag checkout already")
    _ok(checkout.approve(SECOND))


def test_an_approval_of_an_earlier_generation_is_in_nobodys_way(checkout: Flag) -> None:
    _ok(checkout.approve(APPROVER))
    _ok(checkout.apply(AUTHOR, owner="other"))
    assert checkout.stamps() == (None, None) or checkout.stamps()[0] == "2"
    _ok(checkout.approve(SECOND))
    assert checkout.stamps() == ("3", "bert")


def test_what_is_served_needs_no_approval(checkout: Flag) -> None:
    checkout.serve()
    _refused(checkout.approve(APPROVER), "is served already")


def test_a_flag_without_a_rule_needs_none(chart: Cluster, stamped: str) -> None:
    one = Flag(chart, stamped)
    one.forget()
    _ok(one.apply(AUTHOR, approval=None))
    _refused(one.approve(APPROVER), "asks for no approval")


def test_emergency_off_is_nobodys_privilege(checkout: Flag) -> None:
    """Whoever may edit may switch off; it is stamped as any change."""
    off = json.dumps({"spec": {"enabled": False}})
    _ok(checkout.call("patch", "fflag/checkout", "--type=merge", "-p", off, *SECOND))
    assert checkout.note(names.CHANGED_BY_ANNOTATION) == "bert"


def test_people_cannot_write_the_status(checkout: Flag) -> None:
    patch = ("patch", "fflag/checkout", "--subresource=status", "--type=merge", "-p", '{"status": {"approvals": []}}')
    _refused(checkout.call(*patch, *APPROVER), "cannot patch resource")


_LATER = {"generation": 1, "at": "2026-01-01T00:00:00Z"}


_BARE = {"generation": 1, "digest": "", "since": "2026-01-01T00:00:00Z", "spec": {}}


@pytest.mark.parametrize(
    "status",
    [{}, {"history": [_LATER]}, {"served": _BARE}, {"served": {**_BARE, "spec": {"approval": "odd"}}}],
    ids=["none", "nobody", "bare", "odd"],
)
def test_no_status_is_too_bare_to_be_looked_at(checkout: Flag, status: dict[str, Any]) -> None:
    """An expression that fails would refuse the request that repairs something."""
    nothing = dict.fromkeys(("served", "history", "approvals"))
    checkout.set_status(**nothing | status)
    _ok(checkout.apply(AUTHOR, owner="other"))
    _ok(checkout.annotate(AS_OPERATOR, "note=1"))


def _without_mutating(name: str, namespace: str) -> list[dict[str, Any]]:
    """The policy as an older cluster gets it, bound to one namespace."""
    documents = render(mutating=False)
    policy = one_of_kind(documents, "ValidatingAdmissionPolicy", "truststream-flag-approvals")
    binding = one_of_kind(documents, "ValidatingAdmissionPolicyBinding", "truststream-flag-approvals")
    for one in (policy, binding):
        one["metadata"] = {"name": name}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding["spec"] |= {"policyName": name, "matchResources": {"namespaceSelector": selector}}
    return [policy, binding]


def test_a_cluster_that_cannot_stamp_takes_no_approvals(chart: Cluster, namespace: str) -> None:
    one, name = Flag(chart, namespace), f"flag-approvals-{namespace}"
    for document in _without_mutating(name, namespace):
        chart.kubectl("create", "-f", "-", input=json.dumps(document))
    try:
        waiting.until(lambda: one.apply(AUTHOR, "--dry-run=server").returncode != 0, "the policy to be in force")
        _refused(one.apply(AUTHOR), "spec.approval needs a cluster that serves MutatingAdmissionPolicy")
        # This cluster does stamp: for the policy it is as if the author had written it.
        _refused(one.apply(AUTHOR, approval=None), "those that record who are not taken in this cluster")
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            chart.kubectl("delete", kind, name, "--wait=false")
