"""The traffic providers by name; a new one is its file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from truststream.errors import SpecError
from truststream.traffic.base import Capability, Objects, TrafficProvider
from truststream.traffic.feature_flag import FeatureFlag
from truststream.traffic.gateway_api import GatewayAPI
from truststream.traffic.replicas import Replicas

_PATH: Final = "spec.traffic"

PROVIDERS: Final[dict[str, type[Any]]] = {
    "FeatureFlag": FeatureFlag,
    "GatewayAPI": GatewayAPI,
    "Replicas": Replicas,
}


def provider(name: str, config: Mapping[str, Any], objects: Objects) -> TrafficProvider:
    """The provider of that name with its settings read.

    Raises:
        SpecError: no such provider, or its settings are wrong; the path is that of the field.
    """
    if name not in PROVIDERS:
        raise SpecError(
            f"no provider {name!r}; known: {_list(PROVIDERS)}", path=f"{_PATH}.provider", reason="UnknownProvider"
        )
    made: TrafficProvider = PROVIDERS[name](_settings(name, config), objects)
    return made


def require(chosen: TrafficProvider, capability: Capability) -> None:
    """Refuse a provider for something that it cannot do.

    Raises:
        SpecError: it cannot; the text lists those that can.
    """
    if capability in chosen.capabilities:
        return
    able = _list(name for name, kind in PROVIDERS.items() if capability in kind.capabilities)
    raise SpecError(
        f"{chosen.name} cannot do {_WORDS[capability]}; providers that can: {able}", path=f"{_PATH}.provider"
    )


_WORDS: Final = {
    Capability.WEIGHTS: "weights",
    Capability.ANY_BACKEND: "targetRef.kind Services (it needs a Deployment to scale)",
    Capability.HOLD: "holding a route against other writers",
}


def _settings(name: str, config: Mapping[str, Any]) -> Any:
    try:
        return PROVIDERS[name].Config.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = f"{_PATH}.config" + "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]
        )
        raise SpecError(f"{first['msg'].removeprefix('Value error, ')} (provider {name})", path=path) from error


def _list(names: Any) -> str:
    return ", ".join(sorted(names))
