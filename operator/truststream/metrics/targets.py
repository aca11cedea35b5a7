"""When the targets were scraped, and when their processes started: what Prometheus itself records about them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from truststream.metrics.counters import Scrapes, Series, Target

_UP: Final = "up"
_START: Final = "process_start_time_seconds"


def query_for(targets: Iterable[Target]) -> str:
    """The selector that tells about these targets; empty where they carry no job and instance."""
    named = [(job, instance) for job, instance, _ in targets if job and instance]
    if not named:
        return ""
    jobs, instances = ({pair[place] for pair in named} for place in (0, 1))
    return f'{{__name__=~"{_UP}|{_START}",job=~"{_one_of(jobs)}",instance=~"{_one_of(instances)}"}}'


def scrapes_in(series: Iterable[Series], wanted: Iterable[Target]) -> Mapping[Target, Scrapes]:
    """Scrapes of the targets, from their `up` and start times. A failed scrape (up is 0) saw no series."""
    times: dict[tuple[str, str], set[float]] = defaultdict(set)
    starts: dict[tuple[str, str], set[float]] = defaultdict(set)
    for one in series:
        key = (one.labels.get("job", ""), one.labels.get("instance", ""))
        if one.labels.get("__name__") == _UP:
            times[key].update(time for time, value in one.samples if value == 1)
        else:
            starts[key].update(value for _, value in one.samples)
    return {
        target: Scrapes(tuple(sorted(times[target[0], target[1]])), tuple(sorted(starts[target[0], target[1]])))
        for target in wanted
    }


def _one_of(names: Iterable[str]) -> str:
    """A regular expression, inside a double-quoted string."""
    pattern = "|".join(re.escape(name) for name in sorted(names))
    return pattern.replace("\\", "\\\\").replace('"', '\\"')
