"""From a FeatureFlag as the API server has it to what the core is told of it. Pure, so that real ones can be tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from truststream.canary.flag import BASE, Began, FlagView, GitDefaults
from truststream.cluster.kinds import Manifest
from truststream.cluster.views import condition
from truststream.flags.served import Served, Why
from truststream.traffic.base import Split
from truststream.traffic.feature_flag import overlay_of, served_of

Raw = Mapping[str, Any]

_SCHEDULED: Final = ("defaultVariant", "rolloutVariant", "rolloutPercentage", "enabled")


def view(flag: Manifest, split: Split) -> FlagView:
    """What is served of it, and whose overlay is on it."""
    found, overlay = served_of(flag), overlay_of(flag)
    spec, ours = found.spec or {}, overlay.get("owner") == split.owner
    environments = spec.get("environments") or {}
    memory = split.memory
    return FlagView(
        name=str(flag["metadata"]["name"]),
        variants=tuple(spec.get("variants") or ()),
        git={BASE: _defaults(spec), **{name: _defaults(own) for name, own in environments.items()}} if spec else {},
        enabled=spec.get("enabled") is not False,
        unserved=_unserved(flag, found),
        waiting=found.why is not Why.CURRENT,
        owner=str(overlay.get("owner") or ""),
        ours=ours,
        promoted=str(overlay.get("defaultVariant") or "") if ours else "",
        sharing=ours and "variant" in overlay,
        began=Began(str(memory.get("git") or ""), str(memory.get("defaultVariant") or "")) if memory else None,
    )


def warnings(flag: Manifest, split: Split) -> tuple[str, ...]:
    """What a person should know of a flag that is released."""
    spec = served_of(flag).spec or {}
    return (*_of_rules(spec, split.canary), *_of_environments(spec), *_of_schedule(spec))


def _defaults(own: Raw) -> GitDefaults:
    share = own.get("rolloutPercentage")
    return GitDefaults(
        default=own.get("defaultVariant"),
        rollout=own.get("rolloutVariant"),
        percentage=None if share is None else float(share),
        inherits=own.get("inherits"),
    )


def _unserved(flag: Manifest, found: Served) -> str:
    stalled = condition(flag, "Stalled")
    said = str(stalled.get("message") or "") or "see its status"
    if stalled.get("status") == "True" and stalled.get("reason") == "KeyTaken":
        return said
    if found.spec is not None:
        return ""
    return "its spec waits for its approval" if found.why is Why.AWAITING_APPROVAL else f"its spec is wrong: {said}"


def _of_rules(spec: Raw, variant: str) -> Iterator[str]:
    """Those whom a rule gives the variant have it whatever the release says."""
    environments = (spec.get("environments") or {}).values()
    rules = [rule for one in (spec, *environments) for rule in one.get("rules") or ()]
    names = dict.fromkeys(str(rule.get("name")) for rule in rules if _gives(rule, variant))
    if names:
        yield (
            f"rules give variant {variant} already, whatever the weight is ({', '.join(names)}): a rollback does not "
            "take it from them"
        )


def _gives(rule: Raw, variant: str) -> bool:
    dealt = (one.get("variant") for one in rule.get("distribution") or ())
    return rule.get("variant") == variant or variant in dealt


def _of_environments(spec: Raw) -> Iterator[str]:
    names = [name for name, own in (spec.get("environments") or {}).items() if own.get("defaultVariant") is not None]
    if names:
        yield (
            f"environments have a defaultVariant of their own ({', '.join(names)}): the release gives its share there, "
            "too, and its promotion replaces theirs"
        )


def _of_schedule(spec: Raw) -> Iterator[str]:
    if any(field in change for change in spec.get("schedule") or () for field in _SCHEDULED):
        yield (
            "the flag has a schedule: its rollout rests while a release runs, but a scheduled defaultVariant or "
            "enabled holds when its time comes"
        )
