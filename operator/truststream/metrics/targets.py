"""When the targets were scraped, and when their processes started: what Prometheus itself records about them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from truststream.metrics.counters import Identity, Scrapes, Series, Target, identity
from truststream.metrics.growth import Records

_UP: Final = "up"
_START: Final = "process_start_time_seconds"
_CREATED: Final = "_created"
_SUFFIX: Final = re.compile("_(?:total|bucket)$")


def query_for(targets: Iterable[Target], counters: Iterable[Series] = ()) -> str:
    """The selector that tells about these targets and when these counters began.

    Empty where the targets carry no job and instance.
    """
    named = [(job, instance) for job, instance, _ in targets if job and instance]
    if not named:
        return ""
    jobs, instances = ({pair[place] for pair in named} for place in (0, 1))
    families = {_SUFFIX.sub("", one.labels.get("__name__", "")) + _CREATED for one in counters}
    names = "|".join((_UP, _START, *sorted(families - {_CREATED})))
    return f'{{__name__=~"{names}",job=~"{_one_of(jobs)}",instance=~"{_one_of(instances)}"}}'


def records_in(series: Iterable[Series], wanted: Iterable[Target]) -> Mapping[Target, Records]:
    """Records of the targets. A failed scrape (up is 0) saw no series."""
    times: dict[tuple[str, str], set[float]] = defaultdict(set)
    starts: dict[tuple[str, str], set[float]] = defaultdict(set)
    created: dict[Identity, tuple[float, ...]] = {}
    for one in series:
        key = (one.labels.get("job", ""), one.labels.get("instance", ""))
        name = one.labels.get("__name__", "")
        if name == _UP:
            times[key].update(time for time, value in one.samples if value == 1)
        elif name == _START:
            starts[key].update(value for _, value in one.samples)
        else:
            created[identity(one)] = tuple(sorted({value for _, value in one.samples}))
    return {
        target: Records(
            Scrapes(tuple(sorted(times[target[0], target[1]])), tuple(sorted(starts[target[0], target[1]]))), created
        )
        for target in wanted
    }


def _one_of(names: Iterable[str]) -> str:
    """A regular expression, inside a double-quoted string."""
    pattern = "|".join(re.escape(name) for name in sorted(names))
    return pattern.replace("\\", "\\\\").replace('"', '\\"')
