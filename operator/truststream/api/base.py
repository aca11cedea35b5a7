"""What all models of the API share: camelCase in YAML, nothing unknown, never changed in place."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """Frozen, strict about names; `dump()` is what goes to the API server."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_enum_values=False,
    )

    def dump(self) -> dict[str, object]:
        """JSON-ready, camelCase, without what was never set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
