"""The arithmetic of usage: nothing twice, whatever restarts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.api.flagstatus import FlagUsage
from truststream.errors import InputError
from truststream.flags.life.reporting import minute, stamp
from truststream.flags.life.usage import FORGOTTEN_AFTER, Report, Tally, report_of, worth_writing

NOW = 1_800_000_000.0
FLAG = ("shop", "beta")


def report(process: str = "a", started: float = NOW, without: int = 0, **counts: tuple[int, float]) -> Report:
    variants = {name: {"evaluations": count, "lastUsed": at} for name, (count, at) in counts.items()}
    flag = {"namespace": "shop", "flag": "beta", "variants": variants, "withoutUnit": without}
    return report_of({"process": process, "started": started, "flags": [flag], "synced": []})


def tally(written: FlagUsage | None = None) -> Tally:
    return Tally(lambda _flag: written)


def test_differences_are_added_per_process() -> None:
    one = tally()
    for process, count in (("a", 5), ("b", 7), ("a", 9), ("b", 7)):
        one.absorb(report(process, on=(count, NOW + count)), NOW)
    told = one.usage(FLAG, NOW)
    assert told.evaluations == 16
    assert told.last_evaluated == minute(NOW + 9)
    assert [(use.name, use.evaluations) for use in told.variants] == [("on", 16)]


def test_a_process_that_begins_anew_counts_from_zero() -> None:
    one = tally()
    one.absorb(report(on=(10, NOW)), NOW)
    one.absorb(report(on=(3, NOW)), NOW)
    assert one.usage(FLAG, NOW).evaluations == 13, "a counter that fell"
    one.absorb(report(started=NOW + 5, on=(4, NOW)), NOW)
    assert one.usage(FLAG, NOW).evaluations == 17, "another start"


def test_a_report_that_changes_nothing_is_no_change() -> None:
    one = tally()
    assert one.absorb(report(on=(1, NOW)), NOW) == {FLAG}
    assert one.absorb(report(on=(1, NOW)), NOW + 60) == set()
    assert one.absorb(report(on=(1, NOW), without=1), NOW + 120) == {FLAG}
    assert one.usage(FLAG, NOW).without_unit == 1


def test_a_fresh_controller_goes_on_from_status() -> None:
    written = FlagUsage(since=stamp(NOW - 1000), evaluations=100, last_evaluated=minute(NOW), variants=[
        {"name": "on", "evaluations": 100, "lastUsed": minute(NOW)}])  # fmt: skip
    one = tally(written)
    one.absorb(report("old", started=NOW - 500, on=(60, NOW + 30)), NOW + 100)
    assert one.usage(FLAG, NOW).evaluations == 100, "it may all be counted already"
    assert one.usage(FLAG, NOW).last_evaluated == minute(NOW + 30)
    one.absorb(report("old", started=NOW - 500, on=(65, NOW + 200)), NOW + 160)
    one.absorb(report("new", started=NOW + 90, on=(7, NOW + 200)), NOW + 160)
    told = one.usage(FLAG, NOW)
    assert (told.evaluations, told.since) == (112, written.since)


def test_a_process_that_began_after_the_controller_is_all_new() -> None:
    one = tally(FlagUsage(since=stamp(NOW - 1000), last_evaluated=minute(NOW + 31)))
    one.absorb(report("old", started=NOW - 500, on=(60, NOW)), NOW + 31)
    one.absorb(report("new", started=NOW + 32, on=(7, NOW + 33)), NOW + 34)
    assert one.usage(FLAG, NOW).evaluations == 7, "though what was counted is rounded up to the minute"


def test_a_flag_that_a_known_process_names_for_the_first_time_is_new() -> None:
    written = FlagUsage(since=stamp(NOW - 1000), evaluations=100, last_evaluated=minute(NOW))
    one = tally(written)
    one.absorb(report_of({"process": "a", "started": NOW - 500}), NOW)
    one.absorb(report("a", started=NOW - 500, on=(3, NOW)), NOW + 60)
    assert one.usage(FLAG, NOW).evaluations == 3


def test_a_process_that_comes_back_after_hours_is_not_counted_anew() -> None:
    one = tally()
    one.absorb(report("a", on=(10, NOW)), NOW)
    one.absorb(report("b", on=(1, NOW)), NOW + FORGOTTEN_AFTER + 1)
    one.absorb(report("a", on=(12, NOW)), NOW + FORGOTTEN_AFTER + 60)
    one.absorb(report("a", on=(13, NOW)), NOW + FORGOTTEN_AFTER + 120)
    assert one.usage(FLAG, NOW).evaluations == 12


def test_a_flag_made_anew_begins_anew() -> None:
    one = tally()
    one.absorb(report(on=(10, NOW)), NOW)
    one.forget(FLAG)
    one.absorb(report(on=(11, NOW)), NOW)
    assert one.usage(FLAG, NOW).evaluations == 1


def test_what_was_counted_of_a_flag_before_it_was_made_anew_is_not_its_own() -> None:
    """The controller was away meanwhile, and the server remembers the earlier one of that key."""
    for heard_before in (False, True):
        one = Tally(lambda _flag: None, born=lambda _flag: NOW + 600)
        if heard_before:
            one.absorb(report(on=(7, NOW), without=3), NOW)
            one.forget(FLAG)
        assert one.absorb(report(on=(7, NOW), without=3), NOW + 700) == set()
        told = one.usage(FLAG, NOW + 700)
        assert (told.evaluations, told.last_evaluated, told.without_unit, told.variants) == (0, None, 0, [])
        one.absorb(report(on=(9, NOW + 800), off=(1, NOW + 1), without=4), NOW + 800)
        told = one.usage(FLAG, NOW + 800)
        assert (told.evaluations, told.without_unit, [use.name for use in told.variants]) == (2, 1, ["on"])


def test_the_only_variant_since_the_last_use_of_another() -> None:
    one = tally()
    one.absorb(report(on=(10, NOW + 100), off=(1, NOW + 50)), NOW + 110)
    told = one.usage(FLAG, NOW)
    assert (told.sole_variant, told.sole_since, told.sole_evaluations) == ("on", minute(NOW + 50), 0)
    for count in (30, 60):
        one.absorb(report(on=(10 + count, NOW + 100 + count), off=(1, NOW + 50)), NOW + 200)
    told = one.usage(FLAG, NOW)
    assert (told.sole_variant, told.sole_since, told.sole_evaluations) == ("on", minute(NOW + 50), 60)
    one.absorb(report(on=(70, NOW + 160), off=(2, NOW + 500)), NOW + 510)
    told = one.usage(FLAG, NOW)
    assert (told.sole_variant, told.sole_evaluations) == ("off", 1)


def test_who_holds_flags_in_process_is_remembered() -> None:
    synced = [{"namespace": "shop", "environment": "prod", "at": NOW + 7}]
    one = tally()
    one.absorb(report_of({"process": "a", "started": NOW, "synced": synced, "somethingNew": 1}), NOW + 10)
    assert one.usage(FLAG, NOW).last_synced == minute(NOW + 7)
    assert one.usage(("other", "beta"), NOW).last_synced is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "usage"),
        ({}, "process"),
        ({"process": "a", "started": "soon"}, "started"),
        ({"process": "a", "started": 1, "flags": [{"namespace": "x", "flag": "y", "withoutUnit": -1}]},
         "flags.0.withoutUnit"),
    ],
)  # fmt: skip
def test_what_is_no_report(document: Any, field: str) -> None:
    with pytest.raises(InputError) as raised:
        report_of(document)
    assert raised.value.field == field


def test_time_alone_is_not_worth_a_write() -> None:
    old = FlagUsage(since=stamp(NOW), evaluations=3, last_synced=minute(NOW))
    assert worth_writing(None, old, patience=3600)
    assert not worth_writing(old, old, patience=3600)
    assert not worth_writing(old, old.model_copy(update={"last_synced": minute(NOW + 3000)}), patience=3600)
    assert worth_writing(old, old.model_copy(update={"last_synced": minute(NOW + 4000)}), patience=3600)
    assert worth_writing(old, old.model_copy(update={"evaluations": 4}), patience=3600)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(0, 3), st.sampled_from(["on", "off"]), st.integers(1, 5)),
        st.tuples(st.just("restart"), st.integers(0, 3), st.just(""), st.just(0)),
        st.tuples(st.just("ask"), st.integers(0, 15), st.just(""), st.just(0)),
        st.tuples(st.just("write"), st.just(0), st.just(""), st.just(0)),
        st.tuples(st.just("controller"), st.just(0), st.just(""), st.just(0)),
    ),
    max_size=60,
)


class Fleet:
    """Four servers, and a controller that asks some of them at times."""

    def __init__(self) -> None:
        self.now = NOW
        self.number = 0
        self.true = Counter[str]()
        self.lost_by_servers = 0  # counted by a process after it was asked last
        self.written: FlagUsage | None = None
        self.servers = [self._server() for _ in range(4)]
        self.tally = self._tally()

    def _server(self) -> dict[str, Any]:
        self.number += 1
        return {"process": f"p{self.number}", "started": self.now, "counts": {}, "told": 0}

    def _tally(self) -> Tally:
        written = self.written
        return Tally(lambda _flag: written)

    def step(self, what: str, which: int, variant: str, count: int) -> None:
        self.now += 7
        match what:
            case "use":
                counts = self.servers[which]["counts"]
                old = counts.get(variant, (0, 0.0))[0]
                counts[variant] = (old + count, self.now)
                self.true[variant] += count
            case "restart":
                server = self.servers[which]
                self.lost_by_servers += sum(count for count, _ in server["counts"].values()) - server["told"]
                self.servers[which] = self._server()
            case "ask":
                for place, server in enumerate(self.servers):
                    if which >> place & 1:
                        self.ask(server)
            case "write":
                self.written = self.tally.usage(FLAG, self.now)
            case "controller":
                self.tally = self._tally()

    def ask(self, server: dict[str, Any]) -> None:
        self.tally.absorb(report(server["process"], server["started"], **server["counts"]), self.now)
        server["told"] = sum(count for count, _ in server["counts"].values())

    @property
    def counted(self) -> int:
        return self.tally.usage(FLAG, self.now).evaluations


@given(EVENTS)
def test_nothing_is_counted_twice(events: list[tuple[str, int, str, int]]) -> None:
    fleet = Fleet()
    for event in events:
        fleet.step(*event)
        assert fleet.counted <= fleet.true.total()
    assert fleet.counted >= (fleet.written.evaluations if fleet.written else 0)


@given(EVENTS)
def test_nothing_is_lost_but_what_a_server_took_with_it(events: list[tuple[str, int, str, int]]) -> None:
    fleet = Fleet()
    for event in events:
        if event[0] != "controller":
            fleet.step(*event)
    for server in fleet.servers:
        fleet.ask(server)
    assert fleet.counted == fleet.true.total() - fleet.lost_by_servers
