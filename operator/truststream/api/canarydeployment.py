"""CanaryDeployment: what the user asks for (`spec`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from truststream.api.base import ApiModel
from truststream.api.featureflag import VariantName
from truststream.api.names import METRIC_NAME, SERVICE_NAME, SUBDOMAIN_NAME
from truststream.api.quantities import (
    REPLICAS_SCHEMA,
    Duration,
    Interval,
    Limit,
    Percent,
    PositiveDuration,
    parse_replicas,
)


class TargetKind(StrEnum):
    """What is released."""

    DEPLOYMENT = "Deployment"
    SERVICES = "Services"
    FEATURE_FLAG = "FeatureFlag"


FLAG_PROVIDER: Final = "FeatureFlag"


class MetricKind(StrEnum):
    """What a metric's numbers are."""

    RATIO = "Ratio"
    DISTRIBUTION = "Distribution"
    VALUE = "Value"


class Direction(StrEnum):
    """Which way a metric is better."""

    LOWER = "LowerIsBetter"
    HIGHER = "HigherIsBetter"


class Comparison(StrEnum):
    """How a promotion criterion compares the canary's value with its threshold."""

    LESS_THAN = "LessThan"
    GREATER_THAN = "GreaterThan"


class Policy(StrEnum):
    """What happens at the deadline when the numbers cannot tell."""

    HOLD = "Hold"
    ROLLBACK = "Rollback"
    PROMOTE = "Promote"


class Mode(StrEnum):
    """Which judge decides."""

    TWO_KEY = "TwoKey"
    FAST = "Fast"
    THRESHOLD = "Threshold"


class TargetRef(ApiModel):
    """What is released: a Deployment by name, a pair of Services with a revision string, or a variant of a flag."""

    kind: TargetKind = Field(
        TargetKind.DEPLOYMENT,
        description="Deployment (held and released by its template), Services (only the route is touched) or "
        "FeatureFlag (only who gets the variant).",
    )
    name: str | None = Field(
        None,
        min_length=1,
        max_length=253,
        pattern=SUBDOMAIN_NAME,
        description="Name of the Deployment or of the FeatureFlag, in this namespace.",
    )
    stable: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        pattern=SERVICE_NAME,
        description="Service that takes the traffic before the first release; for kind Services.",
    )
    canary: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        pattern=SERVICE_NAME,
        description="Service that takes the first release; for kind Services.",
    )
    revision: str | None = Field(
        None,
        min_length=1,
        max_length=253,
        description="A string of yours; a new one starts a release; for kind Services.",
    )
    variant: VariantName | None = Field(
        None,
        description="One of the flag's variants; one that is not served by default starts a release; for kind "
        "FeatureFlag.",
    )
    allow_recreate: bool = Field(
        False,
        description="Accept a Deployment of strategy Recreate: its promotion stops all old pods before new ones start.",
    )


class Traffic(ApiModel):
    """Who splits the requests."""

    provider: str = Field(
        "Replicas",
        min_length=1,
        max_length=63,
        description="Name of the traffic provider: Replicas (no mesh) or GatewayAPI. Kind FeatureFlag needs none: "
        "its provider is always FeatureFlag.",
    )
    config: Annotated[
        dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ] = Field(default_factory=dict, description="The provider's own settings; see the provider's page.")


class Metric(ApiModel):
    """A metric that is watched: built in, named in the operator's configuration, or inline PromQL."""

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=METRIC_NAME,
        description="errorRate, successRate, responseTime, one of the configuration, or your own with queries.",
    )
    kind: MetricKind | None = Field(None, description="Ratio, Distribution or Value; needed with queries of your own.")
    bad: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Ratio: PromQL selector of the counter of bad requests of one arm.",
    )
    total: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Ratio: PromQL selector of the counter of all requests of one arm.",
    )
    buckets: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Distribution: PromQL selector of the histogram's buckets of one arm.",
    )
    query: str | None = Field(
        None, min_length=1, max_length=4096, description="Value: PromQL expression that gives one number for one arm."
    )
    direction: Direction | None = Field(None, description="Value: which way is better; needed for a Value.")
    quantile: float | None = Field(
        None, gt=0, lt=1, description="Distribution: the quantile compared with limits; default 0.99."
    )


class Criterion(ApiModel):
    """What has to be proven before promotion."""

    # CEL does not see a field without a type, which a limit is: the schema itself has to say it.
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["threshold"]}, {"required": ["margin"]}]})

    metric: str = Field(min_length=1, max_length=63, description="Name of a metric of monitoringMetrics.")
    threshold: Limit | None = Field(
        None,
        description="Limit for the canary alone: 1 or 1% for ratios, 250 or 250ms for latencies, a number for values.",
    )
    margin: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Percent by which the canary's rate may be above stable's: 50 proves less than 1.5 times as many.",
    )
    comparison: Comparison | None = Field(
        None, description="LessThan or GreaterThan; by default what is better for the metric."
    )
    window: PositiveDuration | None = Field(
        None,
        description="Mode Threshold and values: how far back the requests count; by default since the weight changed.",
    )


class RollbackCriteria(ApiModel):
    """What happens when the numbers are bad, missing or undecided."""

    automatic: bool = Field(True, description="Roll back by itself on a bad verdict; false holds the weight and asks.")
    on_no_data: Literal[Policy.HOLD, Policy.ROLLBACK] = Field(
        Policy.HOLD, description="At the deadline without enough requests: Hold or Rollback."
    )
    on_source_down: Literal[Policy.HOLD, Policy.ROLLBACK] = Field(
        Policy.HOLD, description="At the deadline while the metric source does not answer: Hold or Rollback."
    )
    on_inconclusive: Policy = Field(
        Policy.HOLD, description="At the deadline with data but without proof: Hold, Rollback or Promote."
    )
    deadline: PositiveDuration = Field(
        3600.0, description="How long a weight may wait for a verdict before the policies above apply."
    )


class Analysis(ApiModel):
    """How often and how strictly the judge looks."""

    interval: Interval = Field(30.0, description="Time between two looks; at least 1s.")
    mode: Mode = Field(
        Mode.TWO_KEY,
        description="TwoKey: evidence that holds however often one looks, under either of two assumptions; "
        "Fast: sooner, under both of them; Threshold: limits over a window, no error rate claimed.",
    )
    rollback_alpha: float = Field(
        0.01, gt=0, le=0.2, description="How often at most a release that is not worse may ever be rolled back."
    )
    promotion_alpha: float = Field(
        0.05, gt=0, le=0.2, description="How often at most a release that is worse than the criteria may be promoted."
    )
    tolerance: float = Field(
        25.0,
        ge=0,
        le=1000,
        description="Percent by which the canary's rate may be above stable's without being called bad.",
    )
    warmup: Duration = Field(0.0, description="Time after the first weight whose requests are not judged.")
    minimum_requests: int = Field(
        100, ge=1, description="Requests that the canary must have answered before it is judged."
    )


class Gate(ApiModel):
    """A weight that is only set after a person agreed."""

    step: Percent = Field(description="The weight that waits; one of initialTraffic and increments.")
    approval: Literal["Manual"] = Field("Manual", description="Manual: `promote` lets this weight pass.")


class CanaryDeploymentSpec(ApiModel):
    """How something is released step by step, and what proves that it is good."""

    target_ref: TargetRef = Field(description="What is released.")
    service: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        pattern=SERVICE_NAME,
        description="The user's own Service that takes the traffic; by default named like the target.",
    )
    traffic: Traffic = Field(default_factory=Traffic, description="Who splits the requests, and its settings.")
    initial_traffic: Percent = Field(5.0, description="Percent of the requests that the canary gets first.")
    increments: list[Percent] = Field(
        default_factory=lambda: [10.0, 25.0, 50.0, 100.0],
        min_length=1,
        max_length=50,
        description="The weights after the first, rising; 100 means promotion.",
    )
    step_duration: PositiveDuration = Field(60.0, description="The least time at each weight.")
    automatic_promotion: bool = Field(
        True, description="Promote by itself once proven; false waits for the command promote."
    )
    monitoring_metrics: list[Metric] = Field(
        default_factory=lambda: [Metric(name="errorRate")], min_length=1, max_length=20, description="What is watched."
    )
    promotion_criteria: list[Criterion] = Field(
        default_factory=list,
        max_length=20,
        description="What must be proven before promotion; by default of every counted metric: not worse than "
        "stable by more than half, or bad in less than 1 % of the requests.",
    )
    rollback_thresholds: dict[str, Limit] = Field(
        default_factory=dict, description="Limits by metric name beyond which the canary is bad."
    )
    rollback_criteria: RollbackCriteria = Field(
        default_factory=lambda: RollbackCriteria.model_validate({}),
        description="What happens when numbers are bad, missing or undecided.",
    )
    analysis: Analysis = Field(default_factory=lambda: Analysis.model_validate({}), description="How the judge looks.")
    canary_replicas: Annotated[
        int | Literal["MatchWeight", "Full"], BeforeValidator(parse_replicas), WithJsonSchema(REPLICAS_SCHEMA)
    ] = Field("MatchWeight", description="Pods of the canary: MatchWeight, Full (as many as stable) or a number.")
    gates: list[Gate] = Field(default_factory=list, max_length=20, description="Weights that wait for a person.")
    paused: bool = Field(False, description="Keep the weight where it is until this is false again.")

    @property
    def target_name(self) -> str:
        """Name that events and messages use for the target."""
        return self.target_ref.name or self.target_ref.stable or ""

    @property
    def provider(self) -> str:
        """Name of the traffic provider: a flag has its own, whatever stands here by default."""
        flag = self.target_ref.kind is TargetKind.FEATURE_FLAG
        return FLAG_PROVIDER if flag else self.traffic.provider

    @property
    def service_name(self) -> str:
        """The user's own Service: given, or named like the target."""
        return self.service or self.target_ref.stable or self.target_ref.name or ""
