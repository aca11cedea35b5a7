"""What is particular to the share of a flag: the overlay that stands on it, before, during and after a release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.contract.traffic import manifests as m
from tests.contract.traffic.cases import CASES, Stage, flagged, stage
from tests.contract.traffic.world import World
from truststream.errors import TrafficError
from truststream.traffic.base import Manifest

OURS = {"owner": "shop", "variant": m.CANARY}


def overlay(at: Stage) -> Any:
    live = at.live()
    assert live is not None
    return (live.get("status") or {}).get("overlay")


def by_hand(at: Stage, value: dict[str, Any] | None, *, manager: str = "kubectl-edit") -> None:
    """Somebody writes the overlay, or takes it away."""

    def change(flag: Manifest) -> None:
        status = flag.setdefault("status", {})
        if value is None:
            del status["overlay"]
        else:
            status["overlay"] = value

    at.world.edit(*at.case.touched(at.world), change, manager=manager, subresource="status")


class OverlayContract:
    """A release from its beginning to its end."""

    @pytest.fixture
    def at(self, world: World) -> Stage:
        return stage(world, CASES["FeatureFlag"])

    async def test_a_release_writes_nothing_but_its_overlay(self, at: Stage) -> None:
        split = await at.begin()
        assert overlay(at) == {**OURS, "percentage": 0}
        await at.provider.set_weight(split, 12.5)
        assert overlay(at) == {**OURS, "percentage": 12.5}
        await at.provider.set_weight(split, 100)
        assert overlay(at) == {"owner": "shop", "defaultVariant": m.CANARY}
        await at.provider.restore(split)
        assert not overlay(at)

    async def test_an_earlier_promotion_stands_below_the_release_and_after_it(self, at: Stage) -> None:
        by_hand(at, {"owner": "shop", "defaultVariant": m.STABLE})
        split = await at.begin()
        for weight in (10, 100, 0):
            await at.provider.set_weight(split, weight)
        assert overlay(at) == {**OURS, "defaultVariant": m.STABLE, "percentage": 0}
        await at.provider.restore(split)
        assert overlay(at) == {"owner": "shop", "defaultVariant": m.STABLE}
        await at.provider.restore(replace(split, memory=None))
        assert overlay(at) == {"owner": "shop", "defaultVariant": m.STABLE}

    async def test_with_an_empty_note_nothing_of_ours_stays(self, at: Stage) -> None:
        by_hand(at, {"owner": "shop", "defaultVariant": m.CANARY})
        await at.provider.restore(replace(at.split, memory={}))
        assert not overlay(at)

    async def test_a_note_says_what_git_says(self, at: Stage) -> None:
        assert at.provider.note(at.split) == {"flag": m.FLAG, "git": m.STABLE}

    async def test_another_status_stays(self, at: Stage) -> None:
        at.world.edit(
            *at.case.touched(at.world), lambda flag: flag.update(status={"key": "checkout"}), subresource="status"
        )
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        await at.provider.restore(split)
        live = at.live()
        assert live is not None
        assert live["status"] == {"key": "checkout"}

    async def test_a_whole_rollout_in_git_is_its_default(self, world: World) -> None:
        at = stage(world, flagged(rolloutVariant=m.CANARY, rolloutPercentage=100))
        assert at.provider.note(at.split)["git"] == m.CANARY


class OthersOfAFlagContract:
    """Other people write too."""

    @pytest.fixture
    def at(self, world: World) -> Stage:
        return stage(world, CASES["FeatureFlag"])

    async def test_a_reset_has_a_name_and_can_be_put_back(self, at: Stage) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        assert at.provider.read(split).reset_by == ""
        by_hand(at, {**OURS, "percentage": 90})
        view = at.provider.read(split)
        assert (view.reset_by, view.attached, view.weight) == ("kubectl-edit", True, 90)
        await at.provider.set_weight(split, 10)
        view = at.provider.read(split)
        assert (view.reset_by, view.weight) == ("", 10)

    async def test_an_overlay_taken_away_is_a_reset(self, at: Stage) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        by_hand(at, None)
        view = at.provider.read(split)
        assert (view.reset_by, view.attached, view.weight) == ("somebody", False, 0)
        await at.provider.attach(split)
        await at.provider.set_weight(split, 10)
        view = at.provider.read(split)
        assert (view.reset_by, view.attached, view.weight) == ("", True, 10)

    async def test_the_overlay_of_another_is_foreign_and_stays(self, at: Stage) -> None:
        by_hand(at, {"owner": "other", "variant": m.STABLE, "percentage": 7})
        view = at.provider.read(at.split)
        assert (view.foreign, view.attached, view.weight) == (True, False, 0)
        await at.provider.set_weight(at.split, 0)
        await at.provider.restore(at.split)
        assert at.world.objects.writes == []
        assert at.provider.note(at.split) == {"flag": m.FLAG, "git": m.STABLE}

    async def test_a_raise_stands_on_what_was_read(self, at: Stage) -> None:
        split = await at.begin()
        at.world.objects.lag(*at.case.touched(at.world))
        by_hand(at, {**OURS, "percentage": 90})
        with pytest.raises(TrafficError, match="changed since it was read"):
            await at.provider.set_weight(split, 10)
        assert overlay(at)["percentage"] == 90

    async def test_a_beginning_stands_on_there_being_no_overlay(self, at: Stage) -> None:
        at.world.objects.lag(*at.case.touched(at.world))
        by_hand(at, {"owner": "other", "defaultVariant": m.CANARY})
        with pytest.raises(TrafficError, match="changed since it was read"):
            await at.provider.attach(at.noted())
        assert overlay(at) == {"owner": "other", "defaultVariant": m.CANARY}

    async def test_a_rollback_does_not_wait_for_the_cache(self, at: Stage) -> None:
        split = await at.begin()
        await at.provider.set_weight(split, 10)
        at.world.objects.lag(*at.case.touched(at.world))
        by_hand(at, {**OURS, "percentage": 90})
        await at.provider.set_weight(split, 0)
        assert overlay(at)["percentage"] == 0
        at.world.objects.catch_up()
        at.world.objects.lag(*at.case.touched(at.world))
        by_hand(at, {**OURS, "percentage": 40})
        at.world.objects.writes.clear()
        await at.provider.restore(split)
        assert not overlay(at)
        assert len(at.world.objects.writes) == 1

    async def test_a_raise_without_its_beginning_is_refused(self, at: Stage) -> None:
        with pytest.raises(TrafficError, match="has to be attached first"):
            await at.provider.set_weight(at.noted(), 10)
