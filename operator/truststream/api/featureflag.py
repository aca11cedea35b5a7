"""FeatureFlag: what the user asks for (`spec`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from truststream.api.base import ApiModel
from truststream.api.quantities import PositiveDuration
from truststream.api.status import Time

KEY: Final = "^[a-zA-Z0-9]([-._/a-zA-Z0-9]*[a-zA-Z0-9])?$"
VARIANT: Final = "^[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$"
ENVIRONMENT: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
FIELD: Final = r"^[^.\s]+([.][^.\s]+)*$"
TARGETING_KEY: Final = "targetingKey"


THOUSANDTHS: Final = "takes at most three digits after the point: 0.001 is the smallest share"


def _thousandths(value: float) -> float:
    if int(value * 1e6 + 0.5) % 1000:
        raise ValueError(THOUSANDTHS)
    return round(value, 3)


# Not `multipleOf`: the API server rounds it to 0 where the value is written as an integer.
_IN_THOUSANDTHS: Final = {
    "rule": "int(self * 1e6 + 0.5) % 1000 == 0",
    "message": THOUSANDTHS,
}
_ANY: Final = {"x-kubernetes-preserve-unknown-fields": True, "nullable": True}
Json = Annotated[Any, WithJsonSchema(_ANY)]
"""Any JSON value."""

VariantName = Annotated[str, Field(min_length=1, max_length=63, pattern=VARIANT)]
EnvironmentName = Annotated[str, Field(min_length=1, max_length=63, pattern=ENVIRONMENT)]
FlagKey = Annotated[str, Field(min_length=1, max_length=253, pattern=KEY)]
FieldPath = Annotated[str, Field(min_length=1, max_length=253, pattern=FIELD)]
Share = Annotated[
    float,
    Field(ge=0, le=100),
    AfterValidator(_thousandths),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100, "x-kubernetes-validations": [_IN_THOUSANDTHS]}),
]
"""Percent of the units, to 0.001."""


class FlagType(StrEnum):
    """Of all variants' values."""

    BOOLEAN = "Boolean"
    STRING = "String"
    NUMBER = "Number"
    OBJECT = "Object"


class Operator(StrEnum):
    """How a condition compares the context's field with its value."""

    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER_THAN = "GreaterThan"
    GREATER_OR_EQUAL = "GreaterOrEqual"
    LESS_THAN = "LessThan"
    LESS_OR_EQUAL = "LessOrEqual"
    IN = "In"
    NOT_IN = "NotIn"
    CONTAINS = "Contains"
    NOT_CONTAINS = "NotContains"
    STARTS_WITH = "StartsWith"
    ENDS_WITH = "EndsWith"
    MATCHES = "Matches"
    SEM_VER = "SemVer"
    CIDR = "Cidr"
    EXISTS = "Exists"
    TIME_OF_DAY = "TimeOfDay"
    WEEKDAY = "Weekday"
    BEFORE = "Before"
    AFTER = "After"
    PERCENTAGE = "Percentage"
    IN_SEGMENT = "InSegment"
    NOT_IN_SEGMENT = "NotInSegment"


class BucketingVersion(StrEnum):
    """How a unit becomes a place between 0 and 100 %; pinned, for another version moves nearly everybody."""

    FLAGD_V2 = "FlagdV2"
    FLAGD_V3 = "FlagdV3"
    RENDEZVOUS = "Rendezvous"


class FlagCondition(ApiModel):
    """What must hold of the context."""

    field: FieldPath | None = Field(
        None, description="Field of the context; dots go into objects, numbers into lists: user.groups.0."
    )
    operator: Operator = Field(description="How field and value are compared.")
    value: Json = Field(None, description="What the field is compared with; what it may be depends on the operator.")
    time_zone: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="TimeOfDay, Weekday, Before and After: name of a zone such as Europe/Berlin; default UTC.",
    )


class WeightedVariant(ApiModel):
    """A variant and its share."""

    variant: VariantName = Field(description="One of variants.")
    weight: Share = Field(description="Percent of the units that the distribution is for.")


class FlagRule(ApiModel):
    """Who gets another variant than the default; the first rule that holds and includes the unit decides."""

    name: str = Field(
        min_length=1, max_length=63, pattern=VARIANT, description="Its name, shown by evaluations; no two alike."
    )
    description: str | None = Field(None, max_length=1024, description="Why the rule is there.")
    priority: int = Field(100, ge=0, le=1_000_000, description="Lower ones are tried first; of equals the first.")
    conditions: list[FlagCondition] = Field(
        default_factory=list, max_length=100, description="All must hold; without any the rule is for everybody."
    )
    rollout_percentage: Share = Field(
        100.0, description="Percent of those for whom the conditions hold; growing keeps who is in."
    )
    variant: VariantName | None = Field(None, description="What they get; or a distribution.")
    distribution: list[WeightedVariant] | None = Field(
        None, min_length=1, max_length=50, description="Several variants by share, 100 in sum."
    )


class FlagOverrides(ApiModel):
    """What an environment replaces; what it leaves out is as in the flag."""

    enabled: bool | None = Field(None, description="False: everybody gets the default variant.")
    default_variant: VariantName | None = Field(None, description="One of variants.")
    target_type: str | None = Field(None, min_length=1, max_length=63, description="As in the flag.")
    target_id: str | None = Field(None, min_length=1, max_length=253, description="As in the flag.")
    rules: list[FlagRule] | None = Field(None, max_length=1000, description="Instead of the flag's rules.")
    rollout_percentage: Share | None = Field(None, description="As in the flag.")
    rollout_variant: VariantName | None = Field(None, description="As in the flag.")


class FlagEnvironment(FlagOverrides):
    """The flag in one environment."""

    inherits: EnvironmentName | None = Field(
        None, description="Another environment whose overrides hold where this one says nothing."
    )


class ScheduledChange(ApiModel):
    """Other values from a moment on; of two that hold the later one wins, field by field."""

    at: Time = Field(description="When it begins to hold.")
    until: Time | None = Field(None, description="When it ends; without one it stays.")
    enabled: bool | None = Field(None, description="False: everybody gets the default variant.")
    default_variant: VariantName | None = Field(None, description="One of variants.")
    rollout_percentage: Share | None = Field(None, description="As in the flag.")
    rollout_variant: VariantName | None = Field(None, description="As in the flag.")


class Prerequisite(ApiModel):
    """Another flag that must give one of these variants, or this one gives its default."""

    flag: FlagKey = Field(description="Key of the other flag, in the same namespace.")
    variants: list[VariantName] = Field(min_length=1, max_length=50, description="Any of them is fine.")


class Bucketing(ApiModel):
    """How units are dealt to percentages and distributions."""

    version: BucketingVersion = Field(
        BucketingVersion.FLAGD_V2,
        description="FlagdV2 (flagd itself, Go, Node, Java, Python up to 0.5), FlagdV3 (Python from 0.6) or Rendezvous "
        "(OFREP only: shares of a distribution may change in any way and a growing variant keeps its units).",
    )
    by: FieldPath = Field(TARGETING_KEY, description="Field of the context that names the unit.")
    salt: str | None = Field(
        None,
        min_length=1,
        max_length=253,
        description="Flags with the same salt deal the same units alike; default the flag's key.",
    )


class Approval(ApiModel):
    """Who has to agree before a changed spec is served."""

    required: int = Field(ge=1, le=10, description="How many people, the author of the change not among them.")
    groups: list[Annotated[str, Field(min_length=1, max_length=253)]] = Field(
        min_length=1, max_length=20, description="They must be members of one of these groups of the cluster."
    )


class FeatureFlagSpec(ApiModel):
    """A flag: its variants, and who gets which."""

    key: FlagKey | None = Field(None, description="What applications call it; default metadata.name.")
    description: str | None = Field(None, max_length=4096, description="What it is for.")
    type: FlagType = Field(description="Of the variants' values: Boolean, String, Number or Object.")
    variants: dict[VariantName, Json] = Field(
        min_length=1, max_length=50, description="The values by name, all of the type."
    )
    default_variant: VariantName = Field(description="What everybody gets for whom nothing else is said.")
    enabled: bool = Field(
        True, description="False: everybody gets the default variant, at once and without an approval."
    )
    target_type: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        description="Only for contexts whose targetType is this; others get the default variant.",
    )
    target_id: str | None = Field(
        None, min_length=1, max_length=253, description="Only for contexts whose targetId is this."
    )
    rules: list[FlagRule] = Field(default_factory=list, max_length=1000, description="Tried by priority.")
    rollout_percentage: Share | None = Field(
        None, description="Percent of the units, of those that no rule takes, that get rolloutVariant."
    )
    rollout_variant: VariantName | None = Field(None, description="What they get; needed with rolloutPercentage.")
    environments: dict[EnvironmentName, FlagEnvironment] = Field(
        default_factory=dict, max_length=20, description="What is different where."
    )
    schedule: list[ScheduledChange] = Field(
        default_factory=list, max_length=50, description="What is different when; on top of the environment."
    )
    prerequisites: list[Prerequisite] = Field(
        default_factory=list, max_length=20, description="Flags that must be on before this one can be."
    )
    bucketing: Bucketing = Field(
        default_factory=lambda: Bucketing.model_validate({}), description="How units are dealt."
    )
    owner: str | None = Field(None, min_length=1, max_length=253, description="Who answers for it.")
    expires_at: Time | None = Field(None, description="When it should have been removed; only told, never enforced.")
    stale_after: PositiveDuration = Field(
        720 * 3600.0, description="How long all may get one variant, or nobody ask, before the flag counts as stale."
    )
    tags: list[Annotated[str, Field(min_length=1, max_length=63)]] = Field(
        default_factory=list, max_length=50, description="Words to find it by."
    )
    approval: Approval | None = Field(None, description="Changes are served only once others agreed.")
    record_exposures: bool = Field(
        False, description="Keep who was given which variant, once a unit and exposureWindow, for experiments."
    )
    exposure_window: PositiveDuration = Field(
        24 * 3600.0, description="How long the same unit with the same variant counts as one exposure."
    )


class Segment(ApiModel):
    """Units described once and used by many flags; one key of a ConfigMap labelled truststream.dev/segments."""

    description: str | None = Field(None, max_length=1024, description="Who they are.")
    conditions: list[FlagCondition] = Field(
        default_factory=list, max_length=100, description="All must hold; segments cannot be nested."
    )
    included: list[str] = Field(
        default_factory=list, max_length=10_000, description="Targeting keys that belong to it whatever holds."
    )
    excluded: list[str] = Field(
        default_factory=list, max_length=10_000, description="Targeting keys that never do; wins over all else."
    )
