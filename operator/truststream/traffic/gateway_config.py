"""The settings of the provider GatewayAPI: whose route, which rule of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from truststream.api.base import ApiModel
from truststream.api.quantities import Duration


class RouteKind(StrEnum):
    """Kinds of route whose backends have weights."""

    HTTP = "HTTPRoute"
    GRPC = "GRPCRoute"


class Telemetry(StrEnum):
    """Whose counters see this route's traffic."""

    AUTO = "Auto"
    CONTOUR = "Contour"
    PODS = "Pods"


class GatewayAPIConfig(ApiModel):
    """`spec.traffic.config` with `provider: GatewayAPI`."""

    kind: RouteKind = Field(RouteKind.HTTP, description="HTTPRoute or GRPCRoute.")
    route: str = Field(min_length=1, max_length=253, description="Name of your route.")
    route_namespace: str | None = Field(
        None, min_length=1, max_length=63, description="Its namespace; by default the CanaryDeployment's."
    )
    rule: str | None = Field(
        None, min_length=1, max_length=253, description="Name of the rule; not needed when it is the only one."
    )
    rule_index: int | None = Field(None, ge=0, description="Position of the rule, from 0, where rules have no names.")
    matches: list[dict[str, Any]] | None = Field(
        None, description="With ruleIndex: the rule's matches, so that a rule put before it is noticed."
    )
    hold_route: bool = Field(False, description="Keep the rule's backends against other writers while a release runs.")
    telemetry: Telemetry = Field(
        Telemetry.AUTO, description="Whose counters to read; Auto looks at the route's controller."
    )
    settle: Duration = Field(5.0, description="Time the data plane is given to follow a change of the route.")

    @model_validator(mode="after")
    def _one_way_to_name_the_rule(self) -> Self:
        if self.rule is not None and self.rule_index is not None:
            raise ValueError("rule and ruleIndex both name the rule; keep one of them")
        if self.matches is not None and self.rule_index is None:
            raise ValueError("matches belongs to ruleIndex; set ruleIndex or remove matches")
        return self
