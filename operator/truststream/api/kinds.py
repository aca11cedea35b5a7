"""The kinds of the API: one row each, from which the CustomResourceDefinitions and their pages are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from truststream.api import flagpolicy, flagrules, rules
from truststream.api.base import ApiModel
from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.api.featureflag import FeatureFlagSpec
from truststream.api.flagstatus import FeatureFlagStatus
from truststream.api.names import GROUP
from truststream.api.status import CanaryDeploymentStatus

Validation = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """What `kubectl get` shows; `wide` only with `-o wide`."""

    name: str
    type: str
    path: str
    description: str
    wide: bool = False

    def printed(self) -> dict[str, Any]:
        """The entry of `additionalPrinterColumns`."""
        column = {"name": self.name, "type": self.type, "jsonPath": self.path, "description": self.description}
        return {**column, "priority": 1} if self.wide else column


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `lists` says how the API server merges a list (model, field) -> key of its entries, else as one value;
    `validations` are the rules of a model, `root` those of the object itself; `policy` is what an admission policy
    refuses besides: field and sentence."""

    name: str
    plural: str
    short: str
    summary: str
    spec: type[ApiModel]
    status: type[ApiModel]
    columns: tuple[Column, ...]
    lists: Mapping[tuple[str, str], str]
    validations: Mapping[str, tuple[Validation, ...]]
    root: tuple[Validation, ...]
    policy: tuple[tuple[str, str], ...] = ()

    @property
    def file_name(self) -> str:
        """Of its CustomResourceDefinition."""
        return f"{GROUP}_{self.plural}.yaml"


_AGE: Final = Column("Age", "date", ".metadata.creationTimestamp", "Since when the resource exists.")

CANARY_DEPLOYMENT: Final = Kind(
    name="CanaryDeployment",
    plural="canarydeployments",
    short="cdep",
    summary="CanaryDeployment releases something step by step and decides by evidence.",
    spec=CanaryDeploymentSpec,
    status=CanaryDeploymentStatus,
    columns=(
        Column("Phase", "string", ".status.phase", "Where the release stands."),
        Column("Weight", "number", ".status.weight", "Percent of the requests, or units, that the canary gets."),
        Column("Step", "string", ".status.step", "Which weight of how many."),
        Column("Verdict", "string", ".status.verdict", "What the numbers say."),
        Column("Samples", "string", ".status.samples", "Requests judged: canary / stable."),
        Column("Health", "string", ".status.health", "The whole at a glance."),
        _AGE,
        Column("Target", "string", ".spec.targetRef.name", "The Deployment or FeatureFlag to release.", wide=True),
        Column("Message", "string", ".status.message", "What happens, and what it waits for.", wide=True),
    ),
    lists={
        ("CanaryDeploymentSpec", "monitoringMetrics"): "name",
        ("CanaryDeploymentStatus", "conditions"): "type",
        ("CanaryDeploymentStatus", "metrics"): "name",
    },
    validations=rules.validations(rules.RULES, rules.TRANSITIONS),
    root=rules.ROOT,
)

FEATURE_FLAG: Final = Kind(
    name="FeatureFlag",
    plural="featureflags",
    short="fflag",
    summary="FeatureFlag is a value that an application asks for, and who gets which.",
    spec=FeatureFlagSpec,
    status=FeatureFlagStatus,
    columns=(
        Column("State", "string", ".status.state", "Served, Disabled, AwaitingApproval or Stalled."),
        Column("Default", "string", ".status.defaultVariant", "What is served by default."),
        Column("Rollout", "string", ".status.rollout", "Who gets something else."),
        Column("Delivery", "string", ".status.delivery", "Everywhere, or OFREPOnly."),
        Column("Evaluations", "integer", ".status.usage.evaluations", "How often applications asked."),
        Column("Last used", "date", ".status.usage.lastEvaluated", "How long ago."),
        Column("Stale", "string", ".status.stale", "Why it should be removed."),
        _AGE,
        Column("Key", "string", ".status.key", "What applications call it.", wide=True),
        # Of type string: a date is shown as an age, and this one is to come.
        Column("Next change", "string", ".status.nextChange", "When the schedule changes it.", wide=True),
        Column("Owner", "string", ".spec.owner", "Who answers for it.", wide=True),
        Column("Message", "string", ".status.message", "All of it in a sentence.", wide=True),
    ),
    lists={
        ("FeatureFlagSpec", "rules"): "name",
        ("FlagEnvironment", "rules"): "name",
        ("FeatureFlagSpec", "prerequisites"): "flag",
        ("FeatureFlagStatus", "conditions"): "type",
    },
    validations=rules.validations(flagrules.RULES, {}),
    root=flagrules.ROOT,
    policy=tuple(flagpolicy.sentences()),
)

KINDS: Final = (CANARY_DEPLOYMENT, FEATURE_FLAG)
