"""What the fields of a FeatureFlag must be to each other, and the whole examination of one.

As in `rules`: every rule once, in CEL for the CRD and in Python. What the CRD's CEL cannot see (values of any type have
no type there) or may not afford is in `flagvalues`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from truststream.api.base import ApiModel
from truststream.api.featureflag import FeatureFlagSpec, FlagRule, ScheduledChange
from truststream.api.flagvalues import VALUES, misfits
from truststream.api.rules import Rule
from truststream.api.validate import Manifest, Problem, broken, read

KIND: Final = "FeatureFlag"
TIME_MESSAGE: Final = "must be a time like 2026-12-01T09:00:00Z"

# As the API server's date-time: the zone has to be given.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.]\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


def moment(text: str | None) -> datetime | None:
    """A time of the spec; None for what the API server would not call one."""
    if text is None or not _TIME.match(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def _ends_later(change: ScheduledChange) -> bool:
    start, end = moment(change.at), moment(change.until)
    return start is None or end is None or end > start


def _inherits(spec: FeatureFlagSpec) -> list[str]:
    """Environments that inherit from themselves or from what is not there."""
    return [
        f"{name} from {one.inherits}"
        for name, one in spec.environments.items()
        if one.inherits is not None and (one.inherits == name or one.inherits not in spec.environments)
    ]


def _rolls_out_nothing(spec: FeatureFlagSpec) -> list[str]:
    """Environments with a percentage and no variant for it."""
    if spec.rollout_variant is not None:
        return []
    named = spec.environments.items()
    return [
        name
        for name, one in named
        if one.rollout_percentage is not None and one.rollout_variant is None and one.inherits is None
    ]


_SPEC: Final = (
    Rule(
        "needs rolloutVariant",
        "!has(self.rolloutPercentage) || has(self.rolloutVariant)",
        lambda s: s.rollout_percentage is None or s.rollout_variant is not None,
        field="rolloutPercentage",
    ),
    Rule(
        "needs targetType",
        "!has(self.targetId) || has(self.targetType)",
        lambda s: s.target_id is None or s.target_type is not None,
        field="targetId",
    ),
    Rule(
        "inherits must name another one of the environments",
        "self.environments.all(e, !has(self.environments[e].inherits) || "
        "(self.environments[e].inherits != e && self.environments[e].inherits in self.environments))",
        lambda s: not _inherits(s),
        field="environments",
        detail=lambda s: f": {', '.join(_inherits(s))}",
    ),
    Rule(
        "rolloutPercentage needs rolloutVariant, here or in the flag",
        "has(self.rolloutVariant) || self.environments.all(e, !has(self.environments[e].rolloutPercentage) || "
        "has(self.environments[e].rolloutVariant) || has(self.environments[e].inherits))",
        lambda s: not _rolls_out_nothing(s),
        field="environments",
        detail=lambda s: f": {', '.join(_rolls_out_nothing(s))}",
    ),
    Rule(
        "rolloutPercentage needs rolloutVariant, here or in the flag",
        "has(self.rolloutVariant) || self.schedule.all(c, !has(c.rolloutPercentage) || has(c.rolloutVariant))",
        lambda s: (
            s.rollout_variant is not None
            or all(c.rollout_percentage is None or c.rollout_variant is not None for c in s.schedule)
        ),
        field="schedule",
    ),
)

_RULE: Final = (
    Rule(
        "needs either a variant or a distribution",
        "has(self.variant) != has(self.distribution)",
        lambda r: (r.variant is None) is not (r.distribution is None),
    ),
)

_CHANGE: Final = (
    Rule("must be later than at", "!has(self.until) || self.until > self.at", _ends_later, field="until"),
)

RULES: Final[Mapping[type[ApiModel], tuple[Rule, ...]]] = {
    FeatureFlagSpec: _SPEC,
    FlagRule: _RULE,
    ScheduledChange: _CHANGE,
}

_OWN_MESSAGE: Final = "a flag cannot be a prerequisite of itself"
_KEY: Final = "(has({0}.spec.key) ? {0}.spec.key : {0}.metadata.name)"
ROOT: Final = (
    {
        "rule": f"{_KEY.format('self')} == {_KEY.format('oldSelf')}",
        "message": "the key cannot be changed, for applications ask for it; make a new FeatureFlag for another one",
        "fieldPath": ".spec.key",
        "reason": "FieldValueForbidden",
    },
    {
        "rule": f"!self.spec.prerequisites.exists(p, p.flag == {_KEY.format('self')})",
        "message": _OWN_MESSAGE,
        "fieldPath": ".spec.prerequisites",
        "reason": "FieldValueInvalid",
    },
)
"""Rules about the object itself."""


def examine_flag(manifest: Manifest) -> tuple[FeatureFlagSpec | None, list[Problem]]:
    """The spec as far as it can be read, and everything that is wrong with the object by itself.

    Not what other objects decide: segments and prerequisites; nor what only compiling tells: expressions, versions,
    networks and zones (`flags.problems`).
    """
    spec, unread = read(manifest, FeatureFlagSpec, KIND)
    if spec is None:
        return None, unread
    return spec, [
        *broken(spec, "spec", RULES),
        *_times(spec),
        *_twice(spec),
        *_own_prerequisite(manifest, spec),
        *misfits(spec, VALUES),
    ]


def _times(spec: FeatureFlagSpec) -> Iterator[Problem]:
    given: list[tuple[str, str | None]] = [("spec.expiresAt", spec.expires_at)]
    for index, change in enumerate(spec.schedule):
        given += [(f"spec.schedule[{index}].at", change.at), (f"spec.schedule[{index}].until", change.until)]
    for path, text in given:
        if text is not None and moment(text) is None:
            yield Problem(path, f"{TIME_MESSAGE}, not {text!r}")


def _twice(spec: FeatureFlagSpec) -> Iterator[Problem]:
    """Entries with one name; the API server says so by the list's key."""
    parts = {"spec": spec.rules, **{f"spec.environments.{name}": one.rules for name, one in spec.environments.items()}}
    for path, rules in parts.items():
        yield from _duplicates(f"{path}.rules", [rule.name for rule in rules or ()])
    yield from _duplicates("spec.prerequisites", [one.flag for one in spec.prerequisites])


def _duplicates(path: str, names: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Problem(f"{path}[{index}]", f'Duplicate value: "{name}"')
        seen.add(name)


def _own_prerequisite(manifest: Manifest, spec: FeatureFlagSpec) -> Iterator[Problem]:
    metadata: Any = manifest.get("metadata")
    name = str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""
    if any(one.flag == (spec.key or name) for one in spec.prerequisites):
        yield Problem("spec.prerequisites", _OWN_MESSAGE)
