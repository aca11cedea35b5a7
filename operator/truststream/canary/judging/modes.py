"""The judges by the mode that a spec names."""

from __future__ import annotations

from truststream.api.canarydeployment import Mode
from truststream.canary.judging.judge import ByMode
from truststream.canary.judging.threshold import ThresholdJudge
from truststream.canary.judging.twokey import TwoKeyJudge


def every_mode() -> ByMode:
    """What the controller, `backtest` and `simulate` judge with: the very same."""
    return ByMode(
        {
            Mode.TWO_KEY: TwoKeyJudge(Mode.TWO_KEY),
            Mode.FAST: TwoKeyJudge(Mode.FAST),
            Mode.THRESHOLD: ThresholdJudge(),
        }
    )
