"""What is known of the FeatureFlag that is released, and what follows from it. Plain facts; decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_ALL: Final = 100.0
BASE: Final = ""
"""The flag itself, among its environments."""


@dataclass(frozen=True, slots=True)
class GitDefaults:
    """Who gets what without a rule: as the spec says it of the flag, or as an environment replaces it."""

    default: str | None = None  # defaultVariant
    rollout: str | None = None  # rolloutVariant
    percentage: float | None = None  # rolloutPercentage
    inherits: str | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """What stood when the release began: in Git, and as an earlier promotion that Git has not caught up with."""

    git: str
    promoted: str = ""


@dataclass(frozen=True, slots=True)
class FlagView:
    """A FeatureFlag: the spec that is served, and the overlay that releases put on it."""

    name: str
    variants: tuple[str, ...] = ()
    git: Mapping[str, GitDefaults] = field(default_factory=dict)  # by environment; BASE is always there when served
    enabled: bool = True
    unserved: str = ""  # why nothing of it is served
    waiting: bool = False  # a newer spec is not served yet: it waits for its approval, or is wrong
    owner: str = ""  # whose overlay is on it
    ours: bool = False
    promoted: str = ""  # default variant of our overlay
    sharing: bool = False  # our overlay gives a variant to a part of the units
    began: Began | None = None  # noted when the release began; None outside of releases

    @property
    def says(self) -> str:
        """The variant that Git gives everybody for whom nothing else is said."""
        own = self.effective(BASE)
        return (own.rollout if _share(own) >= _ALL else own.default) or ""

    @property
    def stable(self) -> str:
        """What everybody gets whom the release does not give its variant."""
        if self.began is not None:
            return self.began.promoted or self.says
        return self.promoted or self.says

    @property
    def changed(self) -> bool:
        """Whether Git says something else than when the release began."""
        return self.began is not None and bool(self.began.git) and self.says != self.began.git

    def effective(self, environment: str) -> GitDefaults:
        """With what is inherited; a ring ends where it closes."""
        chain: list[str] = []
        name: str | None = environment
        while name and name in self.git and name not in chain:
            chain.append(name)
            name = self.git[name].inherits
        found = [self.git[one] for one in (*chain, BASE) if one in self.git]
        return GitDefaults(
            default=next((one.default for one in found if one.default is not None), None),
            rollout=next((one.rollout for one in found if one.rollout is not None), None),
            percentage=next((one.percentage for one in found if one.percentage is not None), None),
        )

    def rollout(self) -> str:
        """The first rollout of its own that gives anybody anything, in words; empty without one."""
        for environment in self.git:
            own = self.effective(environment)
            if _share(own) > 0:
                where = f" in environment {environment}" if environment else ""
                return f"{own.rollout} to {_share(own):g} %{where}"
        return ""

    def in_git(self, variant: str) -> bool:
        """Whether Git gives everybody this variant, in every environment."""
        return bool(self.git) and all(self._gives(environment) == variant for environment in self.git)

    def _gives(self, environment: str) -> str:
        own = self.effective(environment)
        if _share(own) >= _ALL:
            return own.rollout or ""
        return "" if _share(own) > 0 else own.default or ""

    def patch(self, variant: str) -> dict[str, Any]:
        """The merge patch of the resource after which Git gives everybody this variant."""
        below = {name: change for name, own in self.git.items() if name and (change := _change(own, variant))}
        base = _change(self.git.get(BASE, GitDefaults()), variant)
        return {"spec": {**base, **({"environments": below} if below else {})}}

    def command(self, namespace: str, variant: str) -> str:
        """The same, ready to paste."""
        patch = json.dumps(self.patch(variant), separators=(",", ":"))
        return f"kubectl patch featureflag/{self.name} -n {namespace} --type=merge -p '{patch}'"


def _share(own: GitDefaults) -> float:
    return own.percentage or 0.0 if own.rollout else 0.0


def _change(own: GitDefaults, variant: str) -> dict[str, str | None]:
    """What of the flag, or of one environment, has to change; a rollout goes with it."""
    change: dict[str, str | None] = {}
    if own.default is not None and own.default != variant:
        change["defaultVariant"] = variant
    if own.percentage is not None:
        change["rolloutPercentage"] = None
    if own.rollout is not None:
        change["rolloutVariant"] = None
    return change


def refusal(flag: FlagView, variant: str) -> tuple[str, str] | None:
    """Why this variant cannot be released over the flag now: the condition's reason, and what has to be done."""
    if flag.owner and not flag.ours:
        return "AlreadyManaged", (
            f"the share of FeatureFlag {flag.name} belongs to CanaryDeployment {flag.owner}; delete one of the two"
        )
    if problem := trouble(flag, variant):
        return problem
    if own := flag.rollout():
        return "OwnRollout", (
            f"FeatureFlag {flag.name} gives {own} by a rollout of its own, which the release would replace: take "
            "rolloutVariant and rolloutPercentage out of the flag, or let the rollout do it without this release"
        )
    return None


def trouble(flag: FlagView, variant: str) -> tuple[str, str] | None:
    """Why the variant reaches nobody, also in the middle of a release."""
    if flag.unserved:
        return "FlagNotServed", f"FeatureFlag {flag.name} is not served: {flag.unserved}"
    if variant not in flag.variants:
        later = "; the spec that is served is an older one, for the newest is not served yet" if flag.waiting else ""
        return "UnknownVariant", (
            f"{variant} is no variant of FeatureFlag {flag.name}, which has {', '.join(flag.variants)}{later}"
        )
    if not flag.enabled:
        return "FlagDisabled", (
            f"FeatureFlag {flag.name} is disabled: everybody gets its default variant, so nothing would be released; "
            "set spec.enabled to true"
        )
    return None
