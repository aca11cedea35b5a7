"""How errors come about: the kinds of noise that a release without any regression may show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Lumps(StrEnum):
    """How the errors of an arm hang together."""

    NONE = "none"
    CLUSTERS = "clusters"  # geometric sizes of mean 4: variance over mean is 7
    BURSTS_10 = "bursts of 10"  # ten errors of one cause over a minute
    BURSTS_20 = "bursts of 20"


class Noise(StrEnum):
    """What moves the rate of one arm alone."""

    NONE = "none"
    BLOCK = "block"  # anew in every block, coefficient of variation .3
    AR1 = "ar1"  # wanders: standard deviation .2, correlation time 60 s
    OFFSET = "offset"  # the canary's pods differ from stable's for good, standard deviation 10 %


class Promise(StrEnum):
    """Why the judge's level should hold under a law; NONE: that is what the tolerance is for."""

    EXCHANGEABLE = "exchangeable"
    CLUSTERED = "clustered"
    MISMATCH = "law mismatch"
    NONE = "arm effect"


@dataclass(frozen=True, slots=True)
class Law:
    """One way in which errors come about."""

    number: int
    name: str
    promise: Promise
    canary: Lumps = Lumps.NONE
    baseline: Lumps = Lumps.NONE
    shared: bool = False  # the load swings by 60 %, and for 2 minutes all errors are ten times as many
    noise: Noise = Noise.NONE
    halves: bool = False  # the halves of stable's hour before the release show the noise of an arm, too


POISSON = Law(1, "Poisson", Promise.EXCHANGEABLE)
CLUSTERED = Law(3, "clustered errors", Promise.CLUSTERED, Lumps.CLUSTERS, Lumps.CLUSTERS)

NULLS = (
    POISSON,
    Law(2, "diurnal load and shared incident", Promise.EXCHANGEABLE, shared=True),
    CLUSTERED,
    Law(4, "diurnal, incident and clusters", Promise.CLUSTERED, Lumps.CLUSTERS, Lumps.CLUSTERS, shared=True),
    Law(5, "only stable is lumpy", Promise.MISMATCH, baseline=Lumps.CLUSTERS),
    Law(6, "only the canary is lumpy", Promise.MISMATCH, canary=Lumps.CLUSTERS),
    Law(7, "noise of an arm per block", Promise.NONE, noise=Noise.BLOCK),
    Law(8, "noise of an arm that wanders", Promise.NONE, noise=Noise.AR1),
    Law(9, "fixed offset of the canary's pods", Promise.NONE, noise=Noise.OFFSET),
    Law(10, "bursts of 10 over a minute", Promise.CLUSTERED, Lumps.BURSTS_10, Lumps.BURSTS_10),
    Law(11, "bursts of 20 over a minute", Promise.CLUSTERED, Lumps.BURSTS_20, Lumps.BURSTS_20),
    Law(12, "as 8, and seen in stable's halves before", Promise.NONE, noise=Noise.AR1, halves=True),
)
