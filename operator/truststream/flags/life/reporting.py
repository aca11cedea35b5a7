"""Times as they stand in a flag's status, and what in-process evaluators a bucketing version fits."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from truststream.api.featureflag import BucketingVersion
from truststream.api.flagstatus import Delivery
from truststream.flags.flagset import CompiledFlag

MINUTE: Final = 60.0

_IN_PROCESS: Final = {
    BucketingVersion.FLAGD_V2: ("flagd >= 0.15 (Go)", "Node provider", "Python provider 0.4 to 0.5"),
    BucketingVersion.FLAGD_V3: ("Python provider >= 0.6",),
    BucketingVersion.RENDEZVOUS: (),
}


def in_process(flag: CompiledFlag) -> list[str]:
    """Evaluators next to applications that deal units as this flag's version does; none that could not get it."""
    return list(_IN_PROCESS[flag.spec.bucketing.version]) if flag.delivery is Delivery.EVERYWHERE else []


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds, of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def minute(seconds: float) -> str:
    """The same, rounded up to the minute: what was counted is never later than what is written."""
    return stamp(math.ceil(seconds / MINUTE) * MINUTE)
