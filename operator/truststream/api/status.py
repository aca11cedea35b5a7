"""CanaryDeployment: what the operator says and remembers (`status`). All state of a release lives here."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from truststream.api.base import ApiModel

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339, UTC, microseconds: ``2026-01-01T00:00:00.000000Z``."""


class Phase(StrEnum):
    """Where a release stands."""

    IDLE = "Idle"
    STARTING = "Starting"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLING_BACK = "RollingBack"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Verdict(StrEnum):
    """What the numbers say; silence and outage are not evidence."""

    GOOD = "Good"
    BAD = "Bad"
    NOT_ENOUGH_DATA = "NotEnoughData"
    SOURCE_DOWN = "SourceDown"


class Health(StrEnum):
    """The whole resource at a glance."""

    HEALTHY = "Healthy"
    WARNING = "Warning"
    CRITICAL = "Critical"
    UNKNOWN = "Unknown"


class Stage(StrEnum):
    """Where a promotion stands; observed state alone cannot tell these apart."""

    TO_CANARY = "ToCanary"  # canary grows to full size, then takes all requests
    RELEASING = "Releasing"  # marked promoting, un-pinned, hold lifted by a tested patch
    ROLLING = "Rolling"  # the Deployment rolls by its own strategy
    RETURNING = "Returning"  # requests go back to the user's own Service
    CLEANING = "Cleaning"  # second backend, canary Deployment and Service go


class Condition(ApiModel):
    """As kstatus reads it."""

    type: str = Field(description="Ready, Reconciling, Stalled, and those of the kind.")
    status: str = Field(description="True, False or Unknown.")
    reason: str = Field(description="One word for machines.")
    message: str = Field("", description="A sentence for people.")
    last_transition_time: Time = Field(description="When status last changed.")
    observed_generation: int = Field(0, description="Generation of the spec that this is about.")


class ArmCounts(ApiModel):
    """What one arm was asked and how often it failed: at this weight, or over the metric's window."""

    requests: float = Field(0, description="Requests counted.")
    bad: float = Field(0, description="Bad ones among them.")
    value: float | None = Field(None, description="The metric's value for this arm, in its unit.")


class Evidence(ApiModel):
    """What the counts prove, as natural logarithms of e-values: what is needed is ln(1/alpha)."""

    against: float = Field(0, description="For worse than stable by more than the tolerance; rolls back when reached.")
    against_needed: float = Field(0, description="ln(1/rollbackAlpha).")
    proof: float | None = Field(None, description="For the promotion criteria at this weight.")
    proof_needed: float = Field(0, description="ln(1/promotionAlpha).")
    ratio: float | None = Field(None, description="The canary's rate over stable's, as estimated.")
    lower: float | None = Field(None, description="Lower end of the ratio's confidence sequence.")
    upper: float | None = Field(None, description="Upper end of the ratio's confidence sequence.")
    level: float = Field(0, description="Level of the confidence sequence.")
    phi: float = Field(0, description="Largest cluster of errors that is allowed for.")
    calibrated: bool = Field(
        False, description="Whether phi was learned from the hour before; without a history it is a default of 2."
    )
    blocks: int = Field(0, description="Blocks of counts used.")
    block: str = Field("", description="Length of a block.")


class MetricStatus(ApiModel):
    """One metric's reading at the last look."""

    name: str = Field(description="Name of the metric.")
    verdict: Verdict = Field(description="Good, Bad, NotEnoughData or SourceDown.")
    stable: ArmCounts | None = Field(None, description="The stable arm.")
    canary: ArmCounts | None = Field(None, description="The canary arm.")
    unit: str = Field("", description="%, ms or empty.")
    evidence: Evidence | None = Field(None, description="Modes TwoKey and Fast: what the counts prove.")
    message: str = Field("", description="The verdict in words, with what is still needed.")


class CommandStatus(ApiModel):
    """The last command and what became of it."""

    command: str = Field(description="promote, rollback, pause, resume, retry or skip.")
    by: str = Field("", description="Who asked, as the API server knows them.")
    reason: str = Field("", description="Why, in their words.")
    at: Time = Field(description="When it was taken.")
    accepted: bool = Field(description="Whether it did anything.")
    acknowledged: bool = Field(False, description="Whether its annotations are gone; until then it is not taken again.")
    message: str = Field("", description="What it did, or why it could not.")


class HistoryEntry(ApiModel):
    """A finished release."""

    revision: str = Field(description="Hash of the template, the revision string, or the variant.")
    outcome: str = Field(description="Promoted, RolledBack, Superseded, Reverted or Aborted.")
    reason: str = Field("", description="Why.")
    started_at: Time = Field(description="When it started.")
    ended_at: Time = Field(description="When it ended.")
    weight: float = Field(0, description="The highest weight it had.")


class ReleaseStatus(ApiModel):
    """What has to be remembered of the release that runs; gone when it ends."""

    revision: str = Field(description="What is released.")
    started_at: Time = Field(description="When it started.")
    weight_since: Time | None = Field(None, description="When the weight last changed.")
    judged_since: Time | None = Field(None, description="When the first requests that count were sent.")
    looked_at: Time | None = Field(None, description="When the judge last looked.")
    highest_weight: float = Field(0, description="The highest weight so far.")
    step: int = Field(0, description="Index of the weight in the plan; 0 is initialTraffic.")
    approved: list[float] = Field(default_factory=list, description="Weights that a person let pass.")
    paused: bool = Field(False, description="Whether a person paused it by command.")
    skip: bool = Field(False, description="Whether a person asked to leave this weight without waiting.")
    cleared: bool = Field(
        False, description="Whether the last look at this weight found nothing bad and enough requests."
    )
    proven: bool = Field(False, description="Whether the last look at this weight proved every criterion.")
    starved: bool = Field(True, description="Whether the last look at this weight lacked requests or an answer.")
    told: list[str] = Field(default_factory=list, description="Warnings already posted at this weight.")
    contested: str = Field("", description="Who keeps resetting the route or a Service; nothing is written any more.")
    outcome: str = Field("", description="How it is ending, once that is decided.")
    outcome_reason: str = Field("", description="Why it is ending.")
    reject: bool = Field(False, description="Whether its revision is refused from now on.")
    stage: Stage | None = Field(None, description="Where the promotion stands.")
    put_back: int = Field(0, description="How often a route or Service was put back after somebody reset it.")
    shrunk: bool = Field(False, description="Whether the canary was shrunk once for a promotion without room.")
    stalled_since: Time | None = Field(None, description="Since when the cluster has refused what the release needs.")
    stalled_for: str = Field("", description="What it is that the cluster refuses, in one word.")
    drain_since: Time | None = Field(None, description="Since when the data plane has been given time.")
    endpoints: int = Field(0, description="Ready endpoints of the Service before it was pinned.")
    route: Annotated[
        dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ] = Field(default_factory=dict, description="The provider's note on how to put the route back.")
    evidence: Annotated[
        dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ] = Field(default_factory=dict, description="What the judge carries from look to look.")


class CanaryDeploymentStatus(ApiModel):
    """Everything that the operator says of a CanaryDeployment."""

    observed_generation: int = Field(0, description="Generation of the spec that this is about.")
    phase: Phase = Field(Phase.IDLE, description="Where the release stands.")
    weight: float = Field(0, description="Percent of the requests, or of a flag's units, that the canary gets now.")
    step: str = Field("", description="Which weight of how many, as 2/5.")
    verdict: Verdict | None = Field(None, description="What the numbers say.")
    samples: str = Field("", description="Requests judged: of the canary / of stable.")
    health: Health = Field(Health.UNKNOWN, description="Healthy, Warning, Critical or Unknown.")
    message: str = Field("", description="One sentence: what happens, and what it waits for.")
    stable_revision: str = Field(
        "", description="Hash of the template that serves, the revision string, or the variant that serves."
    )
    active_service: str = Field("", description="Kind Services: the Service that is stable now.")
    rejected: list[str] = Field(default_factory=list, description="Revisions refused until somebody says retry.")
    release: ReleaseStatus | None = Field(None, description="The release that runs.")
    metrics: list[MetricStatus] = Field(default_factory=list, description="The metrics at the last look.")
    warnings: list[str] = Field(default_factory=list, description="What a person should know.")
    conditions: list[Condition] = Field(default_factory=list, description="As kstatus reads them.")
    last_command: CommandStatus | None = Field(None, description="The last command.")
    history: list[HistoryEntry] = Field(default_factory=list, description="The last ten releases, newest first.")
