"""Questions that go together get what they would have got alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truststream.canary.observation import Measurement, Outcome
from truststream.metrics.answers import Answer, NoAnswerError
from truststream.metrics.base import Arm, Question
from truststream.metrics.grouping import Grouping
from truststream.metrics.look import Look
from truststream.metrics.matchers import parsed, union
from truststream.metrics.queries import BUILT_IN

from .store import Store

T0 = 1_000_000.0


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 + seconds, UTC)


def shop(number: int, name: str) -> Arm:
    return Arm(name, f"shop-{number}", f"web-{name}", "80", f"web-{name}-[a-z0-9]+", "web", f"web-{name}")


def filled(count: int) -> Store:
    """Envoy's counters of so many canaries; every third has errors that came late, every fifth restarted."""
    store = Store()
    for number in range(count):
        for name, weight in (("canary", 1), ("stable", 10)):
            labels = {
                "__name__": "envoy_cluster_upstream_rq_xx",
                "envoy_cluster_name": f"shop-{number}_web-{name}_80",
            }
            good = [float(weight * step * (number % 7)) for step in range(20)]
            if number % 5 == 0:
                good[9:] = [float(step) for step in range(11)]
            times = [T0 + 5 * step for step in range(20)]
            store.series({**labels, "envoy_response_code_class": "2"}, *zip(times, good, strict=True))
            if number % 3 == 0:
                bad = [(time, 1.0 + step) for step, time in enumerate(times[8:])]
                store.series({**labels, "envoy_response_code_class": "5"}, *bad)
    return store


async def error_rates(store: Store, numbers: range, *, together: bool) -> list[Measurement]:
    query = BUILT_IN["Contour"]["errorRate"]
    ask = Grouping(store.ask).ask if together else store.ask
    questions = [
        Question(query, at(30 - number % 20), at(92), shop(number, "canary"), shop(number, "stable"), block=10)
        for number in numbers
    ]
    return await asyncio.gather(*(Look(question, ask, 5).measure() for question in questions))


async def test_two_hundred_canaries_are_eight_requests() -> None:
    store = filled(200)
    together = await error_rates(store, range(200), together=True)
    assert len(store.queries) <= 8
    alone = filled(200)
    assert together[:40] == await error_rates(alone, range(40), together=False)
    assert len(alone.queries) >= 160
    assert {one.outcome for one in together} == {Outcome.OK}


async def test_what_prometheus_records_about_targets_is_asked_together() -> None:
    store = Store()
    for number in range(50):
        target = f"10.0.0.{number}:80"
        store.series({"__name__": "process_start_time_seconds"}, (T0 + 60, T0 + 52), target=target)
        labels = {"__name__": "http_requests_total", "namespace": f"shop-{number}", "pod": "web-canary-x1"}
        store.series(labels, (T0 + 60, 7), (T0 + 65, 9), target=target)
    ask = Grouping(store.ask).ask
    query = BUILT_IN["Pods"]["errorRate"]
    questions = [Question(query, at(30), at(70), shop(number, "canary")) for number in range(50)]
    found = await asyncio.gather(*(Look(question, ask, 5).measure() for question in questions))
    assert len(store.queries) == 3  # all, bad, records
    assert {one.canary.requests for one in found if one.canary} == {9}


_literals = st.sampled_from(["a", "b", "a.b", "c+", "", 'q"', "x|y", "back\\"])
_patterns = st.sampled_from(["a|b", ".*", "a.b", r"c\+", "^a.*$", "[a-b]", "x|", "(a|b)", "(?:a)?", "a{1,2}", "(?i)A"])


@st.composite
def selectors(draw: st.DrawFn) -> str:
    def matcher(name: str) -> str:
        operator = draw(st.sampled_from(["=", "=~", "!=", "!~"]))
        value = draw(_literals if operator in ("=", "!=") else _patterns)
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}{operator}"{quoted}"'

    names = draw(st.lists(st.sampled_from(["one", "two"]), unique=True, max_size=2))
    return f"m{{{','.join(matcher(name) for name in names)}}}[{draw(st.integers(5, 60))}s]"


def world() -> Store:
    store = Store()
    values = ["a", "b", "a.b", "axb", "c+", "cc", 'q"', "x|y", "x", "A", "back\\"]
    for place, value in enumerate(values):
        for other in (None, *values[:4]):
            labels = {"__name__": "m", "one": value} | ({"two": other} if other else {})
            store.series(labels, *((T0 + 5 * step, float(place + step)) for step in range(20)))
    return store


@given(st.lists(st.tuples(selectors(), st.integers(40, 100)), min_size=1, max_size=12))
@settings(deadline=None, max_examples=50)
def test_together_is_as_alone(questions: list[tuple[str, int]]) -> None:
    store = world()

    async def asked() -> tuple[list[Answer], list[Answer]]:
        grouping = Grouping(store.ask, gather=0)
        together = await asyncio.gather(*(grouping.ask(text, at(moment)) for text, moment in questions))
        return together, [await store.ask(text, at(moment)) for text, moment in questions]

    together, alone = asyncio.run(asked())
    assert together == alone


async def test_expressions_are_sent_as_they_stand_and_once() -> None:
    store = world()
    ask = Grouping(store.ask).ask
    texts = ["sum(m)", "sum(m)", "max(m)", "m[5s] offset 5s", 'm{one=~"(a+)+"}[5s]', 'm{one=~"a",one=~"b"}[5s]']
    await asyncio.gather(*(ask(text, at(50)) for text in texts))
    assert sorted(store.queries) == sorted(set(texts))


@pytest.mark.parametrize(("helps", "requests"), [(True, 3), (False, 1)])
async def test_a_failure_together_is_asked_once_more_alone_where_that_may_help(helps: bool, requests: int) -> None:
    store, sent = world(), list[str]()

    async def send(text: str, moment: datetime) -> Answer:
        sent.append(text)
        if "|" in text:
            raise NoAnswerError(Outcome.INVALID, "too many samples", alone_may_help=helps)
        return await store.ask(text, moment)

    grouping = Grouping(send)
    answers = await asyncio.gather(
        *(grouping.ask(f'm{{one="{value}"}}[30s]', at(50)) for value in "ab"), return_exceptions=True
    )
    assert len(sent) == requests
    assert [isinstance(answer, Answer) for answer in answers] == [helps, helps]


async def test_questions_far_apart_in_time_or_length_do_not_burden_each_other() -> None:
    store = world()
    ask = Grouping(store.ask).ask
    wide, old = 'm{one="a"}[3600s]', 'm{one="x"}[30s]'
    await asyncio.gather(ask(wide, at(100)), ask('m{one="b"}[30s]', at(100)), ask(old, at(-500)))
    assert len(store.queries) == 3


async def test_a_request_is_no_longer_than_a_server_takes() -> None:
    store = world()
    ask = Grouping(store.ask).ask
    await asyncio.gather(*(ask(f'm{{one="{str(number) * 100}"}}[30s]', at(50)) for number in range(60)))
    assert len(store.queries) > 1
    assert max(len(text) for text in store.queries) < 8100


def test_a_union_keeps_what_is_the_same() -> None:
    found = [parsed(f'm{{a="{value}",b=~"x|y",c!="z"}}[5s]') for value in ("1", "2.0")]
    assert union([one for one in found if one]) == '{__name__="m",a=~"1|2\\\\.0",b=~"x|y",c!="z"}'


async def test_an_answer_in_the_end_though_the_first_gave_up() -> None:
    store = world()
    ask = Grouping(store.ask, gather=0.01).ask
    first, second = (asyncio.create_task(ask('m{one="a"}[30s]', at(50))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    answer = await second
    assert answer.series
    assert answer == await store.ask('m{one="a"}[30s]', at(50))


@pytest.mark.parametrize("selectors_asked", [("a[1m]",), ('a{x="1"}[1m]', 'a{x="2"}[1m]')])
async def test_what_nobody_foresaw_reaches_everybody_who_asked(selectors_asked: tuple[str, ...]) -> None:
    """An error that is no answer of Prometheus' must not leave a look waiting for ever."""

    async def broken(promql: str, when: datetime) -> Answer:
        raise RuntimeError("cannot schedule new futures after shutdown")

    grouping = Grouping(broken, gather=0.0)
    asked = (grouping.ask(text, at(0)) for text in selectors_asked)
    found = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
    assert [type(one) for one in found] == [RuntimeError] * len(selectors_asked)
