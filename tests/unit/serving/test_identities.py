"""Whose tokens they are while the API server refuses, hangs or is back, and who waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.serving_world import Clock, FakeReviewer, account
from truststream.api.configuration import Configuration
from truststream.cluster.reviews import Identity
from truststream.errors import ClusterError, Forbidden, Unavailable
from truststream.serving.access.gate import ServerGate
from truststream.serving.access.identities import Identities
from truststream.serving.base import Caller, Credentials, Refused, Scope

PATIENCE = 0.02
WEB = Identity("system:serviceaccount:shop:app", groups=("system:serviceaccounts",), by_signature=True)


@dataclass
class HangingReviewer(FakeReviewer):
    """May never answer."""

    hangs: bool = False

    async def who(self, token: str) -> Identity | None:
        found = super().who
        if self.hangs:
            self.asked.append("who")
            await asyncio.Event().wait()
        return await found(token)

    async def may(self, who: Identity, verb: str, namespace: str) -> bool:
        allowed = super().may
        if self.hangs:
            self.asked.append("may")
            await asyncio.Event().wait()
        return await allowed(who, verb, namespace)


@dataclass
class FakeSignatures:
    """Tokens signed by keys that are known."""

    signed: dict[str, Identity | None] = field(default_factory=dict)
    good: list[str] = field(default_factory=list)

    def who(self, token: str) -> Identity | None:
        if token not in self.signed:
            raise Unavailable("not by a key that is known")
        return self.signed[token]

    def reviewed(self, token: str) -> None:
        self.good.append(token)

    async def run(self) -> None:
        return None


class Door:
    """A gate in front of both."""

    def __init__(self) -> None:
        self.clock = Clock(1000.0)
        self.reviews = HangingReviewer(
            tokens={name: account("shop") for name in ("web", "more", "opaque")},
            rights={("system:serviceaccount:shop:app", "evaluate", "bank")},
        )
        self.signatures = FakeSignatures({"web": WEB, "more": WEB, "forged": None})
        self.who = Identities(self.reviews, self.signatures, patience=PATIENCE, clock=self.clock)
        configuration = Configuration.model_validate({"server": {}}).server
        self.gate = ServerGate(configuration, self.who, None, clock=self.clock)

    async def admit(self, token: str, namespace: str = "shop") -> tuple[Caller, Scope]:
        return await self.gate.admit(Credentials(token), f"flagSetId={namespace}")

    async def refused(self, token: str, namespace: str = "shop") -> int:
        with pytest.raises(Refused) as caught:
            await self.admit(token, namespace)
        return caught.value.status


def away(door: Door) -> None:
    door.reviews.away = Unavailable("no answer")


def hanging(door: Door) -> None:
    door.reviews.hangs = True


@pytest.mark.parametrize("leave", [away, hanging])
async def test_tokens_never_seen_are_judged_by_their_signature(leave: Callable[[Door], None]) -> None:
    door = Door()
    leave(door)
    assert await door.admit("web") == (Caller("system:serviceaccount:shop:app", "shop"), Scope("shop"))
    assert await door.refused("forged") == 401
    assert await door.refused("opaque") == 503
    assert "signature" in door.who.note()


@pytest.mark.parametrize("leave", [away, hanging])
async def test_one_waits_and_then_nobody(leave: Callable[[Door], None]) -> None:
    """Whatever the token: of a server that hangs nothing is asked again within five seconds."""
    door = Door()
    leave(door)
    for token in ("web", "more", "web"):
        await door.admit(token)
        door.clock.now += 1.2
    assert await door.refused("forged") == 401
    assert door.reviews.asked == ["who"]


async def test_of_those_that_only_the_api_server_can_answer_one_waits_at_a_time() -> None:
    door = Door()
    hanging(door)
    await door.admit("web")
    await door.refused("web", "first")
    asked = len(door.reviews.asked)
    tokens = [door.refused(f"opaque-{number}") for number in range(20)]
    rights = [door.refused("web", f"bank-{number}") for number in range(20)]
    assert set(await asyncio.gather(*tokens, *rights)) == {503}
    assert len(door.reviews.asked) == asked + 2
    door.reviews.hangs = False
    assert (await door.admit("opaque", "bank"))[1] == Scope("bank"), "they do not have to wait for the next attempt"


async def test_attempts_go_on_in_the_background_until_it_answers() -> None:
    door = Door()
    hanging(door)
    await door.admit("web")
    for attempts in (2, 3):
        door.clock.now += 6
        waits = asyncio.ensure_future(door.who.who("web"))
        for _ in range(3):
            await asyncio.sleep(0)
        assert waits.done(), "it is answered while the attempt hangs"
        assert len(door.reviews.asked) == attempts
        await asyncio.sleep(PATIENCE * 3)
    door.reviews.hangs = False
    door.clock.now += 6
    assert await door.who.who("more") == WEB
    await asyncio.sleep(0.01)
    assert door.who.note() == ""
    assert await door.who.who("more") == account("shop")


async def test_a_revoked_token_is_out_as_soon_as_the_api_server_answers() -> None:
    door = Door()
    away(door)
    await door.admit("web")
    door.reviews.away = None
    del door.reviews.tokens["web"]
    door.clock.now += 4
    await door.admit("web")  # due to be asked again, in the background; the first attempt is not over yet
    door.clock.now += 2
    await door.admit("web")
    await asyncio.sleep(0.01)
    door.clock.now += 6
    assert await door.refused("web") == 401


async def test_what_the_api_server_refused_stays_refused_while_it_is_away() -> None:
    door = Door()
    del door.reviews.tokens["web"]
    assert await door.refused("web") == 401
    away(door)
    for _ in range(6):
        door.clock.now += 100
        assert await door.refused("web") == 401
    await door.admit("more")
    door.reviews.away = None
    door.reviews.tokens["web"] = account("shop")
    door.clock.now += 11
    await door.refused("web")  # while it is asked for anew
    await asyncio.sleep(0.01)
    assert (await door.admit("web"))[1] == Scope("shop")


async def test_what_a_signature_said_holds_five_seconds() -> None:
    door = Door()
    away(door)
    await door.admit("web")
    door.signatures.signed["web"] = None  # it expired
    door.clock.now += 5
    assert await door.refused("web") == 401
    door = Door()
    away(door)
    await door.admit("web")
    del door.signatures.signed["web"]  # its key is gone
    door.clock.now += 5
    assert await door.refused("web") == 503, "it is not kept longer, as an answer of the API server would be"


async def test_a_token_that_was_reviewed_costs_nothing_more() -> None:
    door = Door()
    await door.admit("web")
    assert door.signatures.good == ["web"]
    hanging(door)
    for _ in range(40):
        door.clock.now += 1
        await door.admit("web")
    assert door.reviews.asked == ["who"]
    door.clock.now += 21
    assert (await door.admit("web"))[1] == Scope("shop")
    assert await door.who.who("web") == WEB


async def test_what_cannot_be_judged_is_remembered_as_before() -> None:
    door = Door()
    await door.admit("opaque")
    away(door)
    for _ in range(6):
        door.clock.now += 100
        assert (await door.admit("opaque"))[1] == Scope("shop")
    door.clock.now += 100
    assert await door.refused("opaque") == 503


async def test_other_namespaces_need_a_right_that_is_remembered() -> None:
    door = Door()
    await door.admit("more", "bank")
    hanging(door)
    assert (await door.admit("web", "bank"))[1] == Scope("bank"), "the same account, another token"
    assert await door.refused("web", "other") == 503
    with pytest.raises(Refused) as caught:
        await door.gate.permit(Credentials("web"), "report")
    assert caught.value.status == 503


@pytest.mark.parametrize("problem", [Forbidden("tokenreviews is forbidden"), ClusterError("answered without a status")])
async def test_a_refusal_is_an_answer(problem: ClusterError) -> None:
    """An API server that does not let us ask is no reason to ask nobody."""
    door = Door()
    door.reviews.away = problem
    assert await door.refused("web") == 503
    assert door.who.note() == ""


async def test_slow_rights_do_not_make_tokens_go_by_signature() -> None:
    """Who asks chooses whose rights are looked up."""
    door = Door()
    await door.admit("web")
    hanging(door)
    assert await door.refused("web", "other") == 503
    door.reviews.hangs = False
    assert await door.who.who("web") == account("shop")


async def test_the_log_says_it_once_each_way(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    door = Door()
    hanging(door)
    for token in ("web", "more", "forged"):
        await _quietly(door, token)
    door.reviews.hangs = False
    door.clock.now += 6
    await door.admit("web")
    await asyncio.sleep(0.01)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert not any(token in caplog.text for token in ("web", "more", "forged"))


async def _quietly(door: Door, token: str) -> Any:
    try:
        return await door.admit(token)
    except Refused as refused:
        return refused
