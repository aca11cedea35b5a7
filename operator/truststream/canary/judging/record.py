"""What the judge remembers of one metric between two looks; saved in status, read back bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from truststream.canary.judging.packing import pack, unpack
from truststream.errors import StateError
from truststream.stats.keys import absolute, conditional_poisson, dispersion, share_betting
from truststream.stats.keys.counts import Floats
from truststream.stats.keys.dispersion import Running
from truststream.stats.keys.mismatch import FEWER, MORE, Routed
from truststream.stats.keys.promotion import Proof
from truststream.stats.keys.rollback import Wealth

COUNTS: Final = 4  # n_c, e_c, n_b, e_b
_GRID: Final = len(conditional_poisson.WORSE)
_STAKES: Final = len(share_betting.STAKES)
_BETTER: Final = len(conditional_poisson.not_worse(0.0))
_MIRRORED: Final = len(share_betting.MIRRORED_STAKES)
_WINDOWS: Final = len(dispersion.WINDOWS)
_ABOVE: Final = len(absolute.ABOVE)


@dataclass(frozen=True, slots=True)
class Silence:
    """Blocks in a row in which the canary got nothing although its weight promised something."""

    blocks: int = 0
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """Arrays have one row a term: the bad requests of a ratio, or those above each latency bound.

    `guards` of the terms are compared between the arms; the others only serve limits.
    """

    length: float  # seconds of a block
    until: float  # end of the last block used
    weight: float  # of the stage that the proof belongs to
    since: float  # when that stage began
    margin: float  # that the proof is about
    bounds: tuple[float, ...]  # seconds; empty for a ratio
    guards: int
    phi: Floats  # (terms,)
    calibrated: bool
    started: float  # begin of the block before which the last start was placed
    totals: Floats  # (stages, terms, 4): what was counted at each weight
    wealth: Wealth
    proof: Proof
    running: Running
    limit: Floats  # (10,): log-wealth of "beyond the rollback threshold"
    routed: Routed
    silence: Silence = Silence()
    blocks: int = 0
    faults: int = 0
    fault: str = ""

    @property
    def terms(self) -> int:
        """Rows of the arrays."""
        return len(self.bounds) or 1

    def dump(self) -> dict[str, Any]:
        """As it stands in status."""
        return {
            "length": self.length, "until": self.until, "weight": self.weight, "since": self.since,
            "margin": self.margin, "bounds": list(self.bounds), "guards": self.guards,
            "phi": self.phi.tolist(), "calibrated": self.calibrated, "started": self.started,
            "blocks": self.blocks, "faults": self.faults, "fault": self.fault,
            "silence": [self.silence.blocks, self.silence.expected],
            "totals": self.totals.tolist(),
            "poisson": pack(self.wealth.poisson), "share": pack(self.wealth.share),
            "exchange": pack(self.wealth.exchange), "starts": self.wealth.starts,
            "proofPoisson": pack(self.proof.poisson), "proofShare": pack(self.proof.share),
            "running": pack(_stacked(self.running)), "runningBlocks": self.running.blocks,
            "limit": pack(self.limit),
            "fewer": pack(self.routed.fewer), "more": pack(self.routed.more), "routedStarts": self.routed.starts,
        }  # fmt: skip


def load(saved: Mapping[str, Any]) -> Record:
    """What `dump` gave.

    Raises:
        StateError: somebody changed it.
    """
    try:
        return _load(saved)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(
            f"status.release.evidence cannot be read ({error}); remove it with `kubectl edit --subresource=status`: "
            "the evidence of this release then begins anew"
        ) from error


def _load(saved: Mapping[str, Any]) -> Record:
    bounds = tuple(float(bound) for bound in saved["bounds"])
    terms, guards = len(bounds) or 1, int(saved["guards"])
    silence = saved["silence"]
    return Record(
        length=float(saved["length"]),
        until=float(saved["until"]),
        weight=float(saved["weight"]),
        since=float(saved["since"]),
        margin=float(saved["margin"]),
        bounds=bounds,
        guards=guards,
        phi=np.array(saved["phi"], dtype=np.float64).reshape(terms),
        calibrated=bool(saved["calibrated"]),
        started=float(saved["started"]),
        totals=np.array(saved["totals"], dtype=np.float64).reshape(-1, terms, COUNTS),
        wealth=_wealth(saved, guards),
        proof=_proof(saved, guards),
        running=_running(saved, guards),
        limit=unpack(saved["limit"], _ABOVE),
        routed=Routed(unpack(saved["fewer"], len(FEWER)), unpack(saved["more"], len(MORE)), int(saved["routedStarts"])),
        silence=Silence(int(silence[0]), float(silence[1])),
        blocks=int(saved["blocks"]),
        faults=int(saved["faults"]),
        fault=str(saved["fault"]),
    )


def _wealth(saved: Mapping[str, Any], guards: int) -> Wealth:
    return Wealth(
        unpack(saved["poisson"], guards, _GRID),
        unpack(saved["share"], guards, _STAKES),
        unpack(saved["exchange"], guards, _GRID),
        int(saved["starts"]),
    )


def _proof(saved: Mapping[str, Any], guards: int) -> Proof:
    return Proof(unpack(saved["proofPoisson"], guards, _BETTER), unpack(saved["proofShare"], guards, _MIRRORED))


def _stacked(running: Running) -> Floats:
    return np.stack([running.squares, running.number, running.observed, running.expected, running.variance])


def _running(saved: Mapping[str, Any], guards: int) -> Running:
    squares, number, observed, expected, variance = unpack(saved["running"], 5, guards, _WINDOWS)
    return Running(squares, number, observed, expected, variance, int(saved["runningBlocks"]))
