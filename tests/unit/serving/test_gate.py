"""Who may have which flags, what is remembered of the API server's answers, and how much a caller may ask."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.serving_world import Clock, FakeReviewer, account
from truststream.api.configuration import Configuration
from truststream.cluster.reviews import Identity
from truststream.errors import ConfigurationError, Unavailable
from truststream.serving.access.gate import ServerGate
from truststream.serving.access.keys import ApiKeys
from truststream.serving.base import Caller, Credentials, Refused, Scope

SECRET = "very-secret-token"


class Door:
    """A gate, a clock and what the API server knows."""

    def __init__(self, keys: ApiKeys | None = None, *, cluster: bool = True, **server: Any) -> None:
        self.clock = Clock(1000.0)
        self.reviews = FakeReviewer(
            tokens={SECRET: account("shop"), "person": Identity("ann@example"), "bank": account("bank")},
            rights={("system:serviceaccount:shop:app", "evaluate", "bank"), ("ann@example", "evaluate", "shop")},
        )
        configuration = Configuration.model_validate({"server": server}).server
        self.gate = ServerGate(configuration, self.reviews if cluster else None, keys, clock=self.clock)

    async def admit(
        self, bearer: str = "", selector: str = "", *, key: str = "", cost: int = 1
    ) -> tuple[Caller, Scope]:
        return await self.gate.admit(Credentials(bearer, key), selector, cost=cost)

    async def refused(self, bearer: str = "", selector: str = "", *, key: str = "") -> Refused:
        with pytest.raises(Refused) as caught:
            await self.admit(bearer, selector, key=key)
        assert SECRET not in str(caught.value)
        return caught.value


async def test_a_token_opens_its_own_namespace_in_the_servers_environment() -> None:
    door = Door(environment="production")
    caller, scope = await door.admit(SECRET)
    assert caller == Caller("system:serviceaccount:shop:app", "shop")
    assert scope == Scope("shop", "production")
    assert (await door.admit(SECRET, "flagSetId=shop/staging"))[1] == Scope("shop", "staging")
    assert (await door.admit(SECRET, "flagSetId="))[1] == Scope("shop", "production")


async def test_another_namespace_needs_the_right() -> None:
    door = Door()
    assert (await door.admit(SECRET, "flagSetId=bank"))[1] == Scope("bank")
    refused = await door.refused("bank", "flagSetId=shop")
    assert refused.status == 403
    assert "verb evaluate on featureflags.truststream.dev in namespace shop" in str(refused)


async def test_a_person_has_no_namespace_of_its_own() -> None:
    door = Door()
    assert (await door.admit("person", "flagSetId=shop"))[1] == Scope("shop")
    assert (await door.refused("person")).status == 400


async def test_unknown_tokens_are_401_and_say_which_audience() -> None:
    refused = await Door(audience="flags").refused("nobody's")
    assert refused.status == 401
    assert "'flags'" in str(refused)


async def test_without_credentials_only_open_namespaces_answer() -> None:
    door = Door(anonymous=["shop"])
    assert (await door.admit(selector="flagSetId=shop"))[0].name == "anonymous"
    assert (await door.refused(selector="flagSetId=bank")).status == 401
    refused = await door.refused()
    assert (refused.status, "flagSetId=<namespace>" in str(refused)) == (400, True)
    assert (await Door().refused()).status == 401
    assert (await Door(anonymous=["*"]).admit(selector="flagSetId=any"))[1] == Scope("any")


async def test_a_bad_token_is_refused_even_where_anybody_may_ask() -> None:
    assert (await Door(anonymous=["*"]).refused("nobody's", "flagSetId=shop")).status == 401


NO_SELECTORS = ("shop", "source=shop", "flagSetId=Shop", "flagSetId=a/b/c", "flagSetId=/x", "flagSetId=shop/", "=",
                "flagSetId=" + "a" * 64, "flagSetId=ü", "flagSetId=a=b")  # fmt: skip


@pytest.mark.parametrize("selector", NO_SELECTORS)
async def test_selectors_that_are_none_say_how_to_write_one(selector: str) -> None:
    refused = await Door(anonymous=["*"]).refused(selector=selector)
    assert (refused.status, "flagSetId=<namespace>" in str(refused)) == (400, True)


async def test_the_api_server_is_asked_once_a_minute_and_before_it_is_over() -> None:
    door = Door()
    await asyncio.gather(*(door.admit(SECRET) for _ in range(20)))
    assert door.reviews.asked == ["who"]
    door.clock.now += 44
    await door.admit(SECRET)
    assert door.reviews.asked == ["who"]
    door.clock.now += 2  # three quarters are over: renewed while nobody waits
    await door.admit(SECRET)
    await asyncio.sleep(0.01)
    assert door.reviews.asked == ["who", "who"]
    door.clock.now += 44
    await door.admit(SECRET)
    assert door.reviews.asked == ["who", "who"]


async def test_a_revoked_token_is_out_after_a_minute() -> None:
    door = Door()
    await door.admit(SECRET)
    del door.reviews.tokens[SECRET]
    door.clock.now += 61
    assert (await door.refused(SECRET)).status == 401


async def test_a_refusal_is_remembered_ten_seconds() -> None:
    door = Door()
    await door.refused("late")
    door.reviews.tokens["late"] = account("shop")
    assert (await door.refused("late")).status == 401
    door.clock.now += 11
    assert (await door.admit("late"))[1] == Scope("shop")


async def test_while_the_api_server_is_away_its_answers_live_ten_minutes_longer() -> None:
    door = Door()
    await door.admit(SECRET, "flagSetId=bank")
    door.reviews.away = Unavailable("no answer")
    for _ in range(6):
        door.clock.now += 100
        assert (await door.admit(SECRET, "flagSetId=bank"))[1] == Scope("bank")
    door.clock.now += 100
    refused = await door.refused(SECRET, "flagSetId=bank")
    assert (refused.status, refused.retry_after >= 1) == (503, True)
    door.reviews.away = None
    await door.admit(SECRET, "flagSetId=bank")


async def test_while_it_is_away_nobody_waits_for_it_twice() -> None:
    door = Door()
    await door.admit(SECRET)
    door.reviews.away = Unavailable("no answer")
    door.clock.now += 61
    await door.admit(SECRET)
    asked = len(door.reviews.asked)
    door.clock.now += 4
    await door.admit(SECRET)
    assert len(door.reviews.asked) == asked


async def test_an_unknown_token_while_it_is_away_is_503_but_open_namespaces_answer() -> None:
    door = Door(anonymous=["shop"])
    door.reviews.away = Unavailable("no answer", retry_after=2.0)
    assert (await door.refused("new", "flagSetId=bank")).status == 503
    assert (await door.admit("new", "flagSetId=shop"))[0].name == "anonymous"


async def test_clearing_forgets_what_was_said() -> None:
    door = Door()
    await door.admit(SECRET)
    door.gate.clear()
    await door.admit(SECRET)
    assert door.reviews.asked == ["who", "who"]


async def test_permits_ask_for_the_verb_in_all_namespaces() -> None:
    door = Door()
    door.reviews.rights.add(("system:serviceaccount:shop:app", "report", ""))
    assert (await door.gate.permit(Credentials(SECRET), "report")).namespace == "shop"
    for credentials, status in ((Credentials(), 401), (Credentials("bank"), 403), (Credentials("no"), 401)):
        with pytest.raises(Refused) as caught:
            await door.gate.permit(credentials, "report")
        assert caught.value.status == status


def key_files(folder: Path, **keys: str) -> ApiKeys:
    for name, text in keys.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return ApiKeys(folder, clock=Clock())


async def test_an_api_key_opens_its_namespace_alone_as_header_or_bearer(tmp_path: Path) -> None:
    door = Door(key_files(tmp_path, shop_web="k-shop\n"))
    assert (await door.admit(key="k-shop"))[0] == Caller("key:shop.web", "shop")
    assert (await door.admit("k-shop"))[1] == Scope("shop")
    assert (await door.refused(key="k-shop", selector="flagSetId=bank")).status == 403
    assert (await door.refused(key="k-sho")).status == 401
    assert (await door.refused(SECRET, key="wrong")).status == 401
    with pytest.raises(Refused):
        await door.gate.permit(Credentials(api_key="k-shop"), "report")


def test_keys_come_and_go_with_their_files(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "shop.web").write_text("first")
    keys = ApiKeys(tmp_path, clock=clock)
    (tmp_path / "shop.web").write_text("second")
    os.utime(tmp_path / "shop.web", (1, 1))
    (tmp_path / "bank.app").write_text("third")
    assert keys.find("second") is None
    clock.now += 3
    assert [keys.find(key) is not None for key in ("first", "second", "third")] == [False, True, True]
    (tmp_path / "bank.app").unlink()
    clock.now += 3
    assert keys.find("third") is None
    (tmp_path / "shop.web").unlink()
    tmp_path.rmdir()
    clock.now += 3
    assert keys.find("second") is not None  # the directory is gone: the last keys hold


def test_keys_that_are_none_are_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"shop.web": "same", "shop.other": "same", "bank.empty": " \n", "NoDot": "abc", ".hidden": "abc"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    keys = ApiKeys(tmp_path)
    assert keys.find("same") is not None
    assert keys.find("") is None
    assert keys.find("abc") is None
    assert "same" not in caplog.text.replace("is the same key", "")
    assert _named(caplog, "ERROR") == ["NoDot", "bank.empty", "shop.web"]


def _named(caplog: pytest.LogCaptureFixture, level: str) -> list[object]:
    records = [one for one in caplog.records if one.levelname == level]
    return [one.args[0] for one in records if isinstance(one.args, tuple)]


def test_a_key_that_no_header_can_carry_and_one_that_is_guessed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, text in {"shop.lines": "a" * 20 + "\n" + "b" * 20, "shop.short": "abc", "shop.fine": "k" * 16}.items():
        (tmp_path / name).write_text(text)
    keys = ApiKeys(tmp_path)
    assert keys.find("abc") is not None
    assert (_named(caplog, "ERROR"), _named(caplog, "WARNING")) == (["shop.lines"], ["shop.short"])
    assert "abc" not in caplog.text


def test_a_missing_directory_of_keys_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.apiKeys"):
        ApiKeys(tmp_path / "none")


async def test_without_a_cluster_a_token_is_refused_with_what_to_send(tmp_path: Path) -> None:
    refused = await Door(key_files(tmp_path, shop_web="k"), cluster=False).refused(SECRET)
    assert (refused.status, "X-API-Key" in str(refused)) == (401, True)


async def test_a_caller_may_ask_so_often_and_is_told_when_again() -> None:
    door = Door(limits={"requestsPerSecond": 10})
    for _ in range(20):
        await door.admit(SECRET)
    refused = await door.refused(SECRET)
    assert (refused.status, refused.retry_after) == (429, 1)
    assert (await door.admit("bank"))[1] == Scope("bank")
    door.clock.now += 0.5
    for _ in range(5):
        await door.admit(SECRET)
    assert (await door.refused(SECRET)).status == 429
    door.clock.now += 1000
    await door.admit(SECRET, cost=1000)  # beyond the whole bucket: takes a full one
    assert (await door.refused(SECRET)).status == 429


async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    door = Door(key_files(tmp_path, shop_web="k-shop"))
    await door.admit(SECRET)
    await door.admit(key="k-shop")
    await door.refused(key="k-wrong")
    door.reviews.away = Unavailable("no answer")
    await door.refused(SECRET + "2", "flagSetId=bank")
    assert all(word not in caplog.text for word in (SECRET, "k-shop", "k-wrong"))
    assert SECRET not in repr((door.gate._tokens.__dict__, Credentials(SECRET, SECRET)))


async def test_at_most_so_many_tokens_are_checked_at_once() -> None:
    door = Door()
    answers = await asyncio.gather(*(door.refused(f"made-up-{n}") for n in range(200)))
    assert {one.status for one in answers} == {401, 503}
    assert len(door.reviews.asked) == 64
