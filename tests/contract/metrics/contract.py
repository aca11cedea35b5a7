"""What every metric source has to do, whatever stands behind it. Subclasses bring the fixture `bench`."""

from __future__ import annotations

import dataclasses
import math
import re
from itertools import pairwise

from truststream.canary.observation import ArmReading, Block, Cell, Measurement, Outcome
from truststream.metrics.base import Question

from .bench import BOUNDS, LATENCY, RATIO, VALUE, Bench, arm, ask

_ENOUGH = 5  # scrapes after which a block that began before them is complete


class MetricSourceContract:
    """One world a test; the counts are exact, never nearly."""

    async def test_counts_what_happened_since(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1000, c5=10)
        target.hits("stable", c2=5000, c5=7)
        await bench.scrape(2)
        since = bench.now()
        target.hits("canary", c2=1090, c5=13)
        target.hits("stable", c2=5900, c5=7)
        await bench.scrape(2)
        found = await ask(bench, RATIO, since, stable=True)
        assert (found.outcome, found.message) == (Outcome.OK, "")
        assert found.canary == ArmReading(requests=93, bad=3)
        assert found.stable == ArmReading(requests=900, bad=0)

    async def test_a_counter_nobody_exposes_is_no_data(self, bench: Bench) -> None:
        bench.target().hits("stable", c2=1)
        await bench.scrape()
        found = await ask(bench, RATIO, bench.now(), stable=True)
        assert found.outcome is Outcome.NO_DATA
        assert found.canary is None
        assert f'hits_total{{ns="{bench.namespace}",arm="canary"}}' in found.message

    async def test_bad_without_total_is_no_data(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c5=1)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c5=100)
        await bench.scrape()
        query = dataclasses.replace(RATIO, total='misspelt_total{ns="{{namespace}}",arm="{{arm}}"}')
        assert (await ask(bench, query, since)).outcome is Outcome.NO_DATA

    async def test_more_bad_than_all_is_invalid(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1, c5=1)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c2=5, c5=90)
        await bench.scrape()
        found = await ask(
            bench, dataclasses.replace(RATIO, total='hits_total{ns="{{namespace}}",arm="{{arm}}",class="2"}'), since
        )
        assert found.outcome is Outcome.INVALID
        assert "90" not in found.message
        assert "89 bad of 4 requests" in found.message

    async def test_stable_without_traffic_does_not_hide_the_canary(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c2=51)
        await bench.scrape()
        found = await ask(bench, RATIO, since, stable=True)
        assert (found.outcome, found.canary, found.stable) == (Outcome.OK, ArmReading(requests=50), None)
        assert found.message.startswith("stable: no series")

    async def test_no_error_series_is_no_errors(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=10)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c2=30)
        await bench.scrape()
        assert (await ask(bench, RATIO, since)).canary == ArmReading(requests=20, bad=0)

    async def test_an_error_series_that_comes_with_its_first_error(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=10)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c2=20, c5=4)
        await bench.scrape()
        assert (await ask(bench, RATIO, since)).canary == ArmReading(requests=14, bad=4)

    async def test_all_series_come_with_the_first_request(self, bench: Bench) -> None:
        """Nothing but the target's own scrapes tells that they began at 0."""
        target = bench.target()
        await bench.scrape(2)
        since = bench.now()
        target.hits("canary", c2=20, c5=4)
        await bench.scrape(2)
        assert (await ask(bench, RATIO, since)).canary == ArmReading(requests=24, bad=4)

    async def test_a_restart_starts_at_zero(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1000, c5=50)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c2=1010, c5=51)
        await bench.scrape()
        target.forget()
        target.hits("canary", c2=7)
        await bench.scrape()
        assert (await ask(bench, RATIO, since)).canary == ArmReading(requests=18, bad=1)

    async def test_a_new_process_counts_from_its_start(self, bench: Bench) -> None:
        bench.target().hits("canary", c2=5)
        await bench.scrape(2)
        since = bench.now()
        new = bench.target(1)
        new.set("process_start_time_seconds", bench.epoch())
        new.hits("canary", c2=40, c5=2)
        await bench.scrape(2)
        assert (await ask(bench, RATIO, since)).canary == ArmReading(requests=42, bad=2)

    async def test_an_old_process_that_is_found_late_does_not(self, bench: Bench) -> None:
        bench.target().hits("canary", c2=5)
        await bench.scrape(2)
        since = bench.now()
        old = bench.target(2)
        old.set("process_start_time_seconds", bench.epoch() - 3600)
        old.hits("canary", c2=4000, c5=2000)
        await bench.scrape()
        old.hits("canary", c2=4003, c5=2001)
        await bench.scrape()
        assert (await ask(bench, RATIO, since)).canary == ArmReading(requests=4, bad=1)

    async def test_a_target_that_is_gone_is_no_data(self, bench: Bench) -> None:
        target = bench.target(3)
        target.hits("canary", c2=10)
        await bench.scrape(3)
        since = bench.now()
        target.hits("canary", c2=500)
        await bench.scrape()
        target.up = False
        await bench.wait(14)
        found = await ask(bench, RATIO, since)
        assert found.outcome is Outcome.NO_DATA
        assert re.search(r"the freshest sample is \d+s old", found.message)

    async def test_latencies_by_bucket(self, bench: Bench) -> None:
        target = bench.target()
        target.took("canary", 10, 20, 20, 20)
        target.took("stable", 0, 0, 0, 0)
        await bench.scrape()
        since = bench.now()
        target.took("canary", 15, 27, 29, 30)
        target.took("stable", 1, 2, 3, 4)
        await bench.scrape()
        found = await ask(bench, LATENCY, since, stable=True)
        assert found.canary == ArmReading(requests=10, buckets=tuple(zip(BOUNDS, (5, 7, 9, 10), strict=True)))
        assert found.stable == ArmReading(requests=4, buckets=tuple(zip(BOUNDS, (1, 2, 3, 4), strict=True)))

    async def test_arms_with_different_buckets_are_invalid(self, bench: Bench) -> None:
        target = bench.target()
        target.took("canary", 1, 2, 3, 4)
        target.took("stable", 1, 2, bounds=(0.1, math.inf))
        await bench.scrape(2)
        found = await ask(bench, LATENCY, bench.now(), stable=True)
        assert found.outcome is Outcome.INVALID
        assert "canary 0.1 0.5 1 inf; stable 0.1 inf" in found.message

    async def test_one_value(self, bench: Bench) -> None:
        bench.target().set("queue_depth", 7.5, arm="canary")
        await bench.scrape()
        found = await ask(bench, VALUE, bench.now(), stable=True)
        assert (found.outcome, found.canary, found.stable) == (Outcome.OK, ArmReading(value=7.5), None)

    async def test_several_values_are_invalid(self, bench: Bench) -> None:
        for shard in "abcd":
            bench.target().set("queue_depth", 1, arm="canary", shard=shard)
        await bench.scrape()
        found = await ask(bench, VALUE, bench.now())
        assert (found.outcome, found.canary) == (Outcome.INVALID, None)
        assert "4 series" in found.message
        assert "sum()" in found.message

    async def test_no_value_is_no_data(self, bench: Bench) -> None:
        assert (await ask(bench, VALUE, bench.now())).outcome is Outcome.NO_DATA

    async def test_what_is_no_number_is_invalid(self, bench: Bench) -> None:
        for value in (math.nan, math.inf):
            bench.target().set("queue_depth", value, arm="canary")
            await bench.scrape()
            assert (await ask(bench, VALUE, bench.now())).outcome is Outcome.INVALID

    async def test_a_counter_that_is_no_number_is_invalid(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1)
        await bench.scrape()
        since = bench.now()
        target.hits("canary", c2=math.nan)
        await bench.scrape()
        found = await ask(bench, RATIO, since)
        assert found.outcome is Outcome.INVALID
        assert "nan" in found.message

    async def test_a_rejected_query_is_invalid(self, bench: Bench) -> None:
        found = await ask(bench, dataclasses.replace(VALUE, expression="sum(queue_depth"), bench.now())
        assert found.outcome is Outcome.INVALID
        assert "rejects the query" in found.message

    async def test_nobody_gets_blocks_who_did_not_ask(self, bench: Bench) -> None:
        bench.target().hits("canary", c2=1)
        await bench.scrape(2)
        found = await ask(bench, RATIO, bench.now(), stable=True)
        assert (found.length, found.blocks) == (0, ())

    async def test_blocks_hold_what_was_counted(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1000, c5=10)
        target.hits("stable", c2=5000, c5=7)
        await bench.scrape(2)
        since = bench.now()
        await bench.scrape(_ENOUGH)
        target.hits("canary", c2=1090, c5=13)
        target.hits("stable", c2=5900, c5=7)
        await bench.scrape(_ENOUGH)
        found = await ask(bench, RATIO, since, stable=True, block=bench.block)
        check_grid(found, bench, since.timestamp())
        assert counted(found, "canary") == (93, 3)
        assert counted(found, "stable") == (900, 0)
        (unit,) = {cell.unit for block in found.blocks for cell in (*block.canary, *block.stable)}
        assert unit.startswith("apps/")
        assert found.canary == ArmReading(requests=93, bad=3)

    async def test_blocks_are_not_given_before_they_are_complete(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1)
        await bench.scrape(_ENOUGH)
        since = bench.now()
        found = await ask(bench, RATIO, since, block=bench.block)
        assert (found.length, found.blocks) == (bench.block, ())

    async def test_blocks_of_a_restart_and_of_errors_that_come_with_their_series(self, bench: Bench) -> None:
        target = bench.target()
        target.hits("canary", c2=1000)
        await bench.scrape(2)
        since = bench.now()
        await bench.scrape(_ENOUGH)
        target.hits("canary", c2=1010, c5=4)
        await bench.scrape(_ENOUGH)
        target.forget()
        target.hits("canary", c2=7)
        await bench.scrape(_ENOUGH)
        found = await ask(bench, RATIO, since, block=bench.block)
        assert counted(found, "canary") == (21, 4)
        assert not any(block.fault for block in found.blocks)

    async def test_blocks_of_a_new_process(self, bench: Bench) -> None:
        bench.target().hits("canary", c2=5)
        await bench.scrape(2)
        since = bench.now()
        await bench.scrape(2)
        new = bench.target(1)
        new.set("process_start_time_seconds", bench.epoch())
        new.hits("canary", c2=40, c5=2)
        await bench.scrape(_ENOUGH)
        found = await ask(bench, RATIO, since, block=bench.block)
        assert counted(found, "canary") == (42, 2)
        assert len({cell.unit for block in found.blocks for cell in block.canary}) == 2

    async def test_latencies_in_blocks(self, bench: Bench) -> None:
        target = bench.target()
        target.took("canary", 10, 20, 20, 20)
        target.took("stable", 0, 0, 0, 0)
        await bench.scrape()
        since = bench.now()
        await bench.scrape(_ENOUGH)
        target.took("canary", 15, 27, 29, 30)
        target.took("stable", 1, 2, 3, 4)
        await bench.scrape(_ENOUGH)
        found = await ask(bench, LATENCY, since, stable=True, block=bench.block)
        (full,) = [block for block in found.blocks if any(cell.requests for cell in block.canary)]
        (cell,) = full.canary
        assert (cell.requests, cell.buckets) == (10, tuple(zip(BOUNDS, (5, 7, 9, 10), strict=True)))
        assert counted(found, "stable") == (4, 0)

    async def test_blocks_of_arms_with_different_buckets_are_faults(self, bench: Bench) -> None:
        target = bench.target()
        target.took("canary", 1, 2, 3, 4)
        target.took("stable", 1, 2, bounds=(0.1, math.inf))
        await bench.scrape(2)
        since = bench.now()
        await bench.scrape(_ENOUGH + 1)
        found = await ask(bench, LATENCY, since, stable=True, block=bench.block)
        assert found.outcome is Outcome.INVALID
        assert found.blocks
        assert all("canary 0.1 0.5 1 inf; stable 0.1 inf" in block.fault for block in found.blocks)

    async def test_stable_alone(self, bench: Bench) -> None:
        """As before a release."""
        target = bench.target()
        target.hits("stable", c2=10)
        await bench.scrape()
        since = bench.now()
        await bench.scrape(_ENOUGH)
        target.hits("stable", c2=30, c5=1)
        await bench.scrape(_ENOUGH)
        found = await bench.source.measure(
            Question(RATIO, since, bench.now(), None, arm("stable", bench.namespace), block=bench.block)
        )
        assert (found.outcome, found.canary, found.stable) == (Outcome.OK, None, ArmReading(requests=21, bad=1))
        assert counted(found, "stable") == (21, 1)
        assert counted(found, "canary") == (0, 0)

    async def test_arms_with_different_labels_are_invalid(self, bench: Bench) -> None:
        target = bench.target()
        target.set("hits_total", 1, arm="canary", zone="a")
        target.set("hits_total", 1, arm="stable", shard="b")
        await bench.scrape(2)
        found = await ask(bench, RATIO, bench.now(), stable=True)
        assert found.outcome is Outcome.INVALID
        assert "canary lacks shard; stable lacks zone" in found.message

    async def test_it_answers(self, bench: Bench) -> None:
        assert await bench.source.probe() == ""


def counted(found: Measurement, arm: str) -> tuple[float, float]:
    """Requests and bad ones in all blocks."""
    cells: list[Cell] = [cell for block in found.blocks for cell in getattr(block, arm)]
    return sum(cell.requests for cell in cells), sum(cell.bad for cell in cells)


def check_grid(found: Measurement, bench: Bench, since: float) -> None:
    """Blocks of one length follow one another in the window."""
    assert found.length == bench.block
    assert found.blocks
    assert found.blocks[0].start >= since
    assert found.blocks[-1].end <= bench.epoch()
    assert [_multiple(block, bench.block) for block in found.blocks] == [True] * len(found.blocks)
    assert all(before.end == after.start for before, after in pairwise(found.blocks))


def _multiple(block: Block, length: float) -> bool:
    return block.start % length == 0 and block.end == block.start + length
