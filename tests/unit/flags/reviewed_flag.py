"""A FeatureFlag that people change and approve, and the reviews of it, as the controller would make them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from truststream.api import names
from truststream.api.featureflag import Segment
from truststream.api.flagstatus import FeatureFlagStatus
from truststream.flags.build import build
from truststream.flags.life.review import review
from truststream.flags.life.reviewed import Facts, Review, view_of
from truststream.flags.source import source_of

DAY = 86_400.0
NOW = 1_800_000_000.0
CREATED = "2027-01-01T00:00:00Z"  # two weeks before NOW
BOOLEAN: dict[str, Any] = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
TWO_OF_LEADS = {"required": 2, "groups": ["leads"]}


@dataclass
class ReviewedFlag:
    """`shop/beta`. `others` are manifests beside it."""

    spec: dict[str, Any]
    by: str = "ada"
    generation: int = 1
    now: float = NOW
    status: dict[str, Any] | None = None
    notes: dict[str, str] = field(default_factory=dict)
    others: list[dict[str, Any]] = field(default_factory=list)
    segments: dict[str, Segment] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)

    def manifest(self) -> dict[str, Any]:
        notes = {names.CHANGED_BY_ANNOTATION: self.by, **self.notes} if self.by else dict(self.notes)
        metadata = {"name": "beta", "namespace": "shop", "generation": self.generation, "annotations": notes}
        made: dict[str, Any] = {"metadata": {**metadata, "creationTimestamp": CREATED}, "spec": self.spec}
        return {**made, "status": self.status} if self.status else made

    def change(self, by: str = "ada", **spec: Any) -> None:
        """Somebody writes these fields; None takes one away."""
        merged = {**self.spec, **spec}
        self.spec = {key: value for key, value in merged.items() if value is not None}
        self.by, self.generation = by, self.generation + 1

    def approve(self, by: str, *groups: str, generation: int | None = None) -> Review:
        """The annotation, as the policy stamps it; the review after it."""
        self.notes = {
            names.APPROVE_ANNOTATION: str(generation or self.generation),
            names.APPROVE_BY_ANNOTATION: by,
            names.APPROVE_GROUPS_ANNOTATION: ",".join(groups),
        }
        done = self.look()
        assert done.acknowledge
        self.notes = {}
        return done

    def look(self, after: float = 0.0) -> Review:
        """A review, so many seconds later; its status is the flag's from then on."""
        self.now += after
        before = FeatureFlagStatus.model_validate(self.status or {})
        manifest = self.manifest()
        done = review(view_of(manifest), before, self._facts(manifest), self.now)
        if done.adopts:
            adopted = {**manifest, "status": done.status.dump()}
            done = review(view_of(manifest), before, self._facts(adopted), self.now)
        self.status = done.status.dump()
        return done

    def told(self) -> FeatureFlagStatus:
        """The status as it was written last."""
        return FeatureFlagStatus.model_validate(self.status)

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason."""
        found = next(one for one in self.told().conditions if one.type == kind)
        return found.status, found.reason

    def _facts(self, manifest: dict[str, Any]) -> Facts:
        sources = [source_of(one) for one in (manifest, *self.others)]
        flags = build(sources, self.segments, namespace="shop", environment="", now=self.now)
        flag = next((one for one in flags.flags.values() if one.name == "beta"), None)
        return replace(self.facts, problems=flags.problems.get("beta", ()), flag=flag)


def reasons(done: Review) -> list[str]:
    """Of its events."""
    return [event.reason for event in done.events]
