"""FeatureFlag: what the operator says and remembers (`status`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from truststream.api.base import ApiModel
from truststream.api.status import Condition, Time

RawSpec = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})]


class FlagState(StrEnum):
    """The whole flag in a word."""

    SERVED = "Served"
    DISABLED = "Disabled"
    AWAITING_APPROVAL = "AwaitingApproval"  # an earlier spec is served, or none yet
    STALLED = "Stalled"  # the spec cannot be served; an earlier one is, or none


class Delivery(StrEnum):
    """Which way a flag reaches applications."""

    EVERYWHERE = "Everywhere"
    OFREP_ONLY = "OFREPOnly"  # flagd's language cannot express it


class ServedSpec(ApiModel):
    """The last spec that was fine and approved: what is served while a newer one is not."""

    generation: int = Field(description="Of the object when it had this spec.")
    digest: str = Field(description="Hash of the spec.")
    spec: RawSpec = Field(description="The spec itself.")
    since: Time = Field(description="When it began to be served.")
    by: str = Field("", description="Who wrote it, as the API server says.")
    approved_by: list[str] = Field(default_factory=list, description="Who approved it.")


class FlagOverlay(ApiModel):
    """What a release holds against the spec; removed once the spec says the same."""

    owner: str = Field(description="The CanaryDeployment that owns the share.")
    default_variant: str | None = Field(None, description="Promoted: served instead of spec.defaultVariant.")
    variant: str | None = Field(None, description="The canary: served instead of spec.rolloutVariant.")
    percentage: float | None = Field(None, description="Its share, instead of spec.rolloutPercentage.")


class FlagApproval(ApiModel):
    """One person's consent to one generation."""

    generation: int = Field(description="What was approved.")
    by: str = Field(description="Who, as the API server says.")
    at: Time = Field(description="When.")


class FlagChange(ApiModel):
    """One entry of the audit trail."""

    generation: int = Field(description="Of the object after the change.")
    by: str = Field("", description="Who, as the API server says; empty where no policy could stamp it.")
    at: Time = Field(description="When it was noticed.")
    changes: list[str] = Field(default_factory=list, description="What, as `rolloutPercentage: 10 -> 20`.")


class VariantUse(ApiModel):
    """How often a variant was given."""

    name: str = Field(description="The variant.")
    evaluations: int = Field(0, description="Counted by all servers since the flag's usage began.")
    last_used: Time | None = Field(None, description="To the minute.")


class FlagUsage(ApiModel):
    """What applications really asked; in-process evaluations are not seen."""

    since: Time | None = Field(None, description="Since when it is counted.")
    evaluations: int = Field(0, description="Of all variants.")
    last_evaluated: Time | None = Field(None, description="To the minute.")
    last_synced: Time | None = Field(
        None, description="When an in-process client last held this flag: its evaluations are not counted."
    )
    without_unit: int = Field(0, description="Evaluations that needed a unit and had none: they got the default.")
    sole_variant: str = Field("", description="The only variant given since soleSince.")
    sole_since: Time | None = Field(None, description="Since when all got soleVariant.")
    sole_evaluations: int = Field(0, description="How many got it since then.")
    variants: list[VariantUse] = Field(default_factory=list, description="By variant.")


class FeatureFlagStatus(ApiModel):
    """All that is known of a flag."""

    observed_generation: int = Field(0, description="Generation of the spec that this is about.")
    key: str = Field("", description="What applications call it.")
    state: FlagState = Field(FlagState.STALLED, description="Served, Disabled, AwaitingApproval or Stalled.")
    default_variant: str = Field("", description="What is served by default now.")
    rollout: str = Field("", description="Who gets something else, as `3 rules, 10 % on`.")
    delivery: Delivery | None = Field(None, description="Everywhere, or OFREPOnly where flagd cannot express it.")
    in_process: list[str] = Field(
        default_factory=list, description="In-process evaluators that bucket as this flag's version does."
    )
    stale: str = Field("", description="Why it should be removed, in a word; empty while it should not.")
    next_change: Time | None = Field(None, description="When the schedule changes it next.")
    message: str = Field("", description="One sentence.")
    served: ServedSpec | None = Field(None, description="The last spec that was fine and approved.")
    overlay: FlagOverlay | None = Field(None, description="What a release holds against the spec.")
    approvals: list[FlagApproval] = Field(default_factory=list, description="Of the generation that waits.")
    usage: FlagUsage | None = Field(None, description="What applications asked.")
    history: list[FlagChange] = Field(default_factory=list, description="The last twenty changes, newest first.")
    warnings: list[str] = Field(default_factory=list, description="What a person should know.")
    conditions: list[Condition] = Field(default_factory=list, description="As kstatus reads them.")
