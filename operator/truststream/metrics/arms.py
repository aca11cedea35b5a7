"""By which placeholders the arms of each kind of target can be told apart."""

from __future__ import annotations

from typing import Final

from truststream.api.canarydeployment import MetricKind
from truststream.errors import SpecError
from truststream.metrics import templates
from truststream.metrics.base import Query

VARIANTS: Final = "Variants"
"""The telemetry of a FeatureFlag: nobody counts its arms by itself."""

EXAMPLE: Final = (
    'nothing counts requests by variant by itself; write kind and queries, like total: http_requests_total{variant="'
    '{{variant}}"} and bad: the same with status=~"5.."'
)

_OF_SERVICES: Final = ("service", "port", "pods", "target", "workload")
_OF_FLAGS: Final = ("flag", "variant")
_TELL_APART: Final = frozenset(("variant", "arm"))


def arms_told_apart(query: Query, telemetry: str, path: str) -> Query:
    """The query, once it is known to read one arm at a time.

    Raises:
        SpecError: a placeholder that stands for nothing here, or counts of a flag that are the same for both arms.
    """
    of_flag = telemetry == VARIANTS
    texts = {"bad": query.bad, "total": query.total, "buckets": query.buckets, "query": query.expression}
    for field, text in texts.items():
        used = templates.used(text)
        if strange := [name for name in (_OF_SERVICES if of_flag else _OF_FLAGS) if name in used]:
            kinds = "kind FeatureFlag has none; use {{variant}}" if of_flag else "only kind FeatureFlag has one"
            raise SpecError(f"{{{{{strange[0]}}}}} stands for nothing here: {kinds}", path=f"{path}.{field}")
        counted = bool(text) and query.kind is not MetricKind.VALUE
        if of_flag and counted and not used & _TELL_APART:
            raise SpecError(f"reads the same for both arms: {EXAMPLE}", path=f"{path}.{field}")
    return query
