"""Approvals: whose count, what is served meanwhile, and what needs none."""

from __future__ import annotations

import pytest

from tests.unit.flags.reviewed_flag import BOOLEAN, TWO_OF_LEADS, ReviewedFlag, reasons
from truststream.api import names
from truststream.api.flagstatus import FlagState


def approved() -> ReviewedFlag:
    """A flag whose first spec was approved."""
    flag = ReviewedFlag({**BOOLEAN, "rolloutVariant": "on", "rolloutPercentage": 10, "approval": TWO_OF_LEADS})
    flag.look()
    flag.approve("bob", "leads")
    flag.approve("cem", "leads")
    assert flag.told().state is FlagState.SERVED
    return flag


def test_nothing_is_served_until_enough_people_agreed() -> None:
    flag = ReviewedFlag({**BOOLEAN, "approval": TWO_OF_LEADS})
    done = flag.look()
    assert reasons(done) == ["AwaitingApproval"]
    assert "generation 1 by ada waits for 2 approvals of leads; nothing is served" in flag.told().message
    assert flag.condition("Approved") == ("False", "AwaitingApproval")
    assert flag.condition("Reconciling")[0] == "True"
    first = flag.approve("bob", "leads")
    assert [event.message for event in first.events] == ["bob approved generation 1 (1 of 2)"]
    assert flag.told().served is None
    second = flag.approve("cem", "leads", "others")
    assert reasons(second) == ["Approved", "Served"]
    told = flag.told()
    assert told.state is FlagState.SERVED
    assert told.served is not None
    assert told.served.approved_by == ["bob", "cem"]
    assert told.approvals == []
    assert told.default_variant == "off"
    assert flag.condition("Approved") == ("True", "Approved")
    assert flag.look(after=1).events == ()


def test_a_change_waits_while_the_last_spec_is_served() -> None:
    flag = approved()
    flag.change(by="dan", rolloutPercentage=50)
    assert reasons(flag.look()) == ["AwaitingApproval"]
    told = flag.told()
    assert (told.state, told.rollout) == (FlagState.AWAITING_APPROVAL, "10 % on")
    assert "generation 1 is served" in told.message
    assert told.history[0].changes == ["rolloutPercentage: 10 -> 50"]
    assert flag.look(after=60).events == ()
    assert len(flag.told().history) == 2


def test_a_change_back_needs_nobody() -> None:
    flag = approved()
    flag.change(by="dan", rolloutPercentage=50)
    flag.look()
    flag.change(by="dan", rolloutPercentage=10)
    flag.look()
    assert flag.told().state is FlagState.SERVED
    assert flag.told().history[0].changes == ["back to what generation 1 says"]


def test_who_wrote_what_was_taken_back_may_approve_what_comes_after() -> None:
    flag = approved()
    flag.change(by="bob", rolloutPercentage=50)
    flag.look()
    flag.change(by="dan", rolloutPercentage=10)
    flag.look()
    flag.change(by="dan", rolloutPercentage=20)
    flag.look()
    assert reasons(flag.approve("bob", "leads")) == ["Approved"]


def test_what_was_written_while_nobody_watched_has_its_author_all_the_same() -> None:
    """bob's change and dan's came before the operator saw either: the API server has noted bob beside dan."""
    flag = approved()
    flag.change(by="bob", rolloutPercentage=50)
    flag.change(by="dan", description="x")
    flag.notes = {names.CHANGED_WITH_ANNOTATION: "bob"}
    flag.look()
    assert "generation 3 by dan and bob waits" in flag.told().message
    assert [(one.generation, one.by) for one in flag.told().history[:2]] == [(3, "dan"), (3, "bob")]
    assert "bob wrote a part of what waits" in flag.approve("bob", "leads").events[0].message
    flag.change(by="dan", description="y")
    flag.look()
    assert "bob wrote a part of what waits" in flag.approve("bob", "leads").events[0].message
    assert reasons(flag.approve("cem", "leads")) == ["Approved"]


def test_many_small_changes_do_not_push_an_author_out_of_the_trail() -> None:
    flag = approved()
    flag.change(by="bob", rolloutPercentage=50)
    flag.look()
    for number in range(30):
        flag.change(by="dan", description=f"{number}")
        flag.look()
    assert len(flag.told().history) == 21
    assert "bob wrote a part of what waits" in flag.approve("bob", "leads").events[0].message


def test_approvals_are_of_one_generation() -> None:
    flag = approved()
    flag.change(by="dan", rolloutPercentage=50)
    flag.look()
    flag.approve("bob", "leads")
    flag.change(by="dan", rolloutPercentage=60)
    flag.look()
    assert flag.told().approvals == []
    flag.approve("bob", "leads")
    assert flag.told().state is FlagState.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("by", "groups", "generation", "why"),
    [
        ("dan", ("leads",), None, "dan wrote a part of what waits"),
        ("eve", ("leads",), None, "eve wrote a part of what waits"),
        ("bob", ("interns",), None, "bob is in none of the groups leads"),
        ("bob", (), None, "bob is in none of the groups leads"),
        ("bob", ("leads",), 2, "it names generation 2, and 3 is the present one"),
        ("", ("leads",), None, "nobody stamped who gave it"),
    ],
)
def test_approvals_that_do_not_count(by: str, groups: tuple[str, ...], generation: int | None, why: str) -> None:
    flag = approved()
    flag.change(by="eve", rolloutPercentage=40)
    flag.look()
    flag.change(by="dan", rolloutPercentage=50)
    flag.look()
    done = flag.approve(by, *groups, generation=generation)
    assert reasons(done) == ["Refused"]
    assert why in done.events[0].message
    assert flag.told().approvals == []


def test_nobody_approves_a_change_whose_author_is_not_known() -> None:
    flag = approved()
    flag.change(by="", rolloutPercentage=50)
    flag.look()
    done = flag.approve("bob", "leads")
    assert "who wrote the change is not known" in done.events[0].message


def test_an_approval_in_force_that_cannot_be_read_is_told_with_a_way_out() -> None:
    flag = approved()
    assert flag.status is not None
    flag.status["served"]["spec"]["approval"] = "odd"
    flag.change(rolloutPercentage=50)
    flag.look()
    message = flag.told().message
    assert message.startswith("generation 2 by ada waits: the approval that status.served asks for cannot be read; ")
    assert "remove status.served" in message


def test_one_person_counts_once() -> None:
    flag = approved()
    flag.change(by="dan", rolloutPercentage=50)
    flag.look()
    flag.approve("bob", "leads")
    assert flag.approve("bob", "leads").events == ()
    assert [one.by for one in flag.told().approvals] == ["bob"]


def test_an_approval_of_nothing_is_refused() -> None:
    flag = approved()
    done = flag.approve("dan", "leads")
    assert "nothing of this flag waits" in done.events[0].message


def test_an_approval_that_was_read_before_a_crash_is_taken_off_quietly() -> None:
    flag = approved()
    assert flag.approve("cem", "leads").events == ()


def test_a_change_cannot_relax_its_own_approval() -> None:
    flag = approved()
    flag.change(by="dan", approval=None, rolloutPercentage=50)
    flag.look()
    assert flag.told().state is FlagState.AWAITING_APPROVAL
    flag.approve("bob", "leads")
    assert flag.told().state is FlagState.AWAITING_APPROVAL, "two, as the spec that is served asks"
    flag.approve("cem", "leads")
    assert flag.told().state is FlagState.SERVED


def test_switching_off_needs_nobody_and_back_on_neither() -> None:
    flag = approved()
    flag.change(by="dan", enabled=False)
    done = flag.look()
    assert reasons(done) == ["EmergencyOff"]
    told = flag.told()
    assert told.state is FlagState.DISABLED
    assert told.served is not None
    assert told.served.generation == 1
    assert "enabled" not in told.served.spec
    flag.change(by="dan", enabled=True)
    done = flag.look()
    assert reasons(done) == ["Served"]
    assert flag.told().state is FlagState.SERVED


def test_switching_off_holds_at_once_where_the_rest_of_the_change_waits() -> None:
    flag = approved()
    flag.change(by="dan", enabled=False, rolloutPercentage=50)
    done = flag.look()
    assert reasons(done) == ["EmergencyOff", "AwaitingApproval"]
    told = flag.told()
    assert told.state is FlagState.AWAITING_APPROVAL
    assert "generation 1 is served, switched off" in told.message


def test_on_again_from_an_approved_off_needs_approval() -> None:
    flag = ReviewedFlag({**BOOLEAN, "enabled": False, "approval": TWO_OF_LEADS})
    flag.look()
    flag.approve("bob", "leads")
    flag.approve("cem", "leads")
    assert flag.told().state is FlagState.DISABLED
    flag.change(by="dan", enabled=True)
    flag.look()
    assert flag.told().state is FlagState.AWAITING_APPROVAL


def test_what_cannot_be_served_waits_for_a_better_spec_whoever_agrees() -> None:
    flag = approved()
    flag.change(by="dan", rolloutVariant="sideways")
    flag.look()
    flag.approve("bob", "leads")
    flag.approve("cem", "leads")
    told = flag.told()
    assert told.state is FlagState.STALLED
    assert told.served is not None
    assert told.served.generation == 1
