"""Weights on one rule of the user's own HTTPRoute or GRPCRoute (Gateway API).

The canary becomes one more backend of the rule, after the user's; the user's Service is never replaced (a proxy
answers 503 for a moment when its first backend changes). Raising a weight stands on exactly what was read; taking it
back stands on nothing but the backends' names and asks the API server itself when the cache is behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

from truststream.api import names
from truststream.canary.observation import RouteView
from truststream.errors import Conflict, Missing, SpecError, TrafficError
from truststream.traffic import gateway_patch as patch
from truststream.traffic import gateway_status as status
from truststream.traffic.base import Capability, Manifest, Objects, PatchOp, Split
from truststream.traffic.gateway_config import GatewayAPIConfig, RouteKind, Telemetry
from truststream.traffic.gateway_note import note_of, strangers
from truststream.traffic.gateway_rule import CONFIG, Place, find, find_canary, identity, is_service
from truststream.traffic.weights import percent_of

_COUNTERS: Final = {"projectcontour.io/gateway-controller": Telemetry.CONTOUR}
_ATTEMPTS: Final = 4  # each after a fresh look; more means that somebody writes all the time
_SOON: Final = 0.2


class GatewayAPI:
    """One rule of a route that the user wrote."""

    name: ClassVar[str] = "GatewayAPI"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.WEIGHTS, Capability.ANY_BACKEND, Capability.HOLD}
    )
    weight_by_replicas: ClassVar[bool] = False
    watches: ClassVar[tuple[str, ...]] = tuple(kind.value for kind in RouteKind)
    Config: ClassVar[type[GatewayAPIConfig]] = GatewayAPIConfig

    def __init__(self, config: GatewayAPIConfig, objects: Objects) -> None:
        self._config = config
        self._objects = objects

    @property
    def settle(self) -> float:
        """Seconds; the route's status says when a controller has read it, not when every proxy follows."""
        return self._config.settle

    def read(self, split: Split) -> RouteView:
        """What the cached route says; a route that cannot be used still tells what the canary gets."""
        route = self._cached(split)
        if route is None:
            return RouteView(found=False, problem=str(self._missing(split)))
        carrier = find_canary(route, self._config, split)
        waiting = status.waiting_for(route, split)
        return RouteView(
            found=True,
            problem=self._problem(route, split),
            attached=carrier is not None,
            weight=percent_of(carrier.weight(carrier.stable), carrier.weight(carrier.canary)) if carrier else 0.0,
            ready=not waiting,
            waiting_for=waiting,
            reset_by=status.reset_by(route),
            foreign=self._foreign(route, split),
        )

    def note(self, split: Split) -> dict[str, Any]:
        """Weights and annotation as the user has them, and which route it is: the spec may name another one later."""
        kind, namespace, name = self._where(split)
        route = {"kind": kind, "namespace": namespace, "name": name}
        return {**note_of(self._place(split), split), "route": route}

    async def attach(self, split: Split) -> None:
        """One patch: the backend and, with holdRoute, the annotation."""
        place = self._place(split)
        await self._write_as_read(split, patch.attach(place, split, hold=self._config.hold_route))

    async def set_weight(self, split: Split, weight: float) -> None:
        """0 works on whatever it finds; more needs the route to be what was read."""
        if weight == 0:
            await self._write_anyway(split, lambda route: self._silence(route, split))
            return
        place = self._place(split)
        if place.canary is None:
            raise TrafficError(
                f"Service {split.canary} is not a backend of {place.title}; it has to be attached first",
                retry_after=_SOON,
            )
        await self._write_as_read(split, patch.weigh(place, split, weight))

    async def restore(self, split: Split) -> None:
        """Backends and weights only where our canary still is: whoever took it away wrote the whole list."""
        await self._write_anyway(split, lambda route: self._restore(route, split))

    def telemetry(self, split: Split) -> str:
        """The controller's query set.

        Raises:
            SpecError: a controller that nobody has queries for.
            TrafficError: no controller has answered yet.
        """
        if self._config.telemetry is not Telemetry.AUTO:
            return self._config.telemetry.value
        route = self._cached(split)
        served_by = status.controllers(route) if route else []
        if not served_by:
            raise TrafficError(
                f"no gateway controller has answered for {self._title(split)} yet, so its counters are not known"
            )
        return _counters(served_by, self._title(split))

    def port(self, split: Split) -> int | None:
        """Of the stable backend on the rule; the canary's is the same."""
        route = self._cached(split)
        place = find_canary(route, self._config, split) if route else None
        if place is None or place.stable is None:
            return None
        port: int | None = place.refs[place.stable].get("port")
        return port

    def concerns(self, split: Split, kind: str, namespace: str, name: str) -> bool:
        """Only the route itself, now and of the next release: what it depends on shows in its status."""
        return (kind, namespace, name) in (self._where(split), self._meant(split))

    def _silence(self, route: Manifest, split: Split) -> list[PatchOp]:
        place = find_canary(route, self._config, split)
        return patch.silence(place, split) if place else []

    def _restore(self, route: Manifest, split: Split) -> list[PatchOp]:
        place = find_canary(route, self._config, split)
        return [*(patch.restore(place, split) if place else []), *patch.unhold(route, split)]

    def _problem(self, route: Manifest, split: Split) -> str:
        try:
            place = find(route, self._config, split)
            patch.check(place, split)
            self._check_ports(place, split)
        except SpecError as error:
            return str(error)
        return _strangers_problem(place, split) or status.rejected(route)

    def _check_ports(self, place: Place, split: Split) -> None:
        """The canary takes over the stable backend's port; a Service that is not there yet is not our question."""
        port = place.refs[place.stable].get("port") if place.stable is not None else None
        for name in (split.stable, split.canary):
            service = self._objects.get("Service", split.namespace, name)
            ports = [entry["port"] for entry in (service or {}).get("spec", {}).get("ports") or ()]
            if port is not None and ports and port not in ports:
                listed = ", ".join(map(str, ports))
                raise SpecError(
                    f"{place.title} sends to port {port}, but Service {name} has {listed}; correct either",
                    path=f"{CONFIG}.route",
                )

    def _foreign(self, route: Manifest, split: Split) -> bool:
        try:
            place = find(route, self._config, split)
        except SpecError:
            return False
        return any(owner not in {"", split.owner} for owner in self._owners(place, split))

    def _owners(self, place: Place, split: Split) -> Iterator[str]:
        """The CanaryDeployments that made Services on the rule, other than the two meant here."""
        for ref in place.refs:
            group, kind, namespace, name = identity(ref, place.route)
            if (group, kind) == ("", "Service") and not is_service(ref, split.canary, split.namespace, place.route):
                service = self._objects.get("Service", namespace, name) or {}
                yield str((service.get("metadata", {}).get("labels") or {}).get(names.OWNER_LABEL, ""))

    def _place(self, split: Split) -> Place:
        """For verbs: `read` has told the core what is wrong, so meeting it here is a race; try again."""
        try:
            route = self._cached(split)
            if route is None:
                raise self._missing(split)
            place = find(route, self._config, split)
            patch.check(place, split)
        except SpecError as error:
            raise TrafficError(str(error)) from error
        return place

    async def _write_as_read(self, split: Split, ops: list[PatchOp]) -> None:
        if not ops:
            return
        try:
            await self._patch(split, ops)
        except Conflict as error:
            raise TrafficError(
                f"{self._title(split)} changed since it was read; nothing was written", retry_after=_SOON
            ) from error

    async def _write_anyway(self, split: Split, plan: Callable[[Manifest], list[PatchOp]]) -> None:
        """Plan on the cache; when that was behind, on the live route. A route that is gone needs nothing."""
        route = self._cached(split)
        try:
            for _ in range(_ATTEMPTS):
                if route is None or not (ops := plan(route)):
                    return
                try:
                    await self._patch(split, ops)
                    return
                except Conflict:
                    route = await self._live(split)
        except Missing:
            return
        raise TrafficError(f"{self._title(split)} is rewritten all the time; it was not put back", retry_after=_SOON)

    async def _live(self, split: Split) -> Manifest:
        """A patch that changes nothing is answered with the object as it is now."""
        return await self._patch(split, [{"op": "test", "path": "/kind", "value": self._where(split)[0]}])

    async def _patch(self, split: Split, ops: list[PatchOp]) -> Manifest:
        return await self._objects.json_patch(*self._where(split), ops)

    def _cached(self, split: Split) -> Manifest | None:
        return self._objects.get(*self._where(split))

    def _meant(self, split: Split) -> tuple[str, str, str]:
        """Kind, namespace and name of the route that the spec names."""
        return self._config.kind.value, self._config.route_namespace or split.namespace, self._config.route

    def _where(self, split: Split) -> tuple[str, str, str]:
        """Those of the route that the running release began on: it ends there, whatever the spec says since."""
        noted = (split.memory or {}).get("route")
        return (noted["kind"], noted["namespace"], noted["name"]) if noted else self._meant(split)

    def _title(self, split: Split) -> str:
        kind, namespace, name = self._where(split)
        return f"{kind} {namespace}/{name}"

    def _missing(self, split: Split) -> SpecError:
        return SpecError(
            f"{self._title(split)} does not exist; create it, or correct route and routeNamespace",
            path=f"{CONFIG}.route",
        )


def _strangers_problem(place: Place, split: Split) -> str:
    came = strangers(place, split)
    if not came:
        return ""
    return (
        f"{', '.join(came)} came onto {place.title} during the release, so its proportion is not known: "
        "remove it until the release is over, or roll back"
    )


def _counters(controllers: list[str], title: str) -> str:
    found = {_COUNTERS.get(name) for name in controllers}
    if len(found) == 1 and (only := found.pop()) is not None:
        return only.value
    settable = ", ".join(kind.value for kind in Telemetry if kind is not Telemetry.AUTO)
    raise SpecError(
        f"{title} is served by {', '.join(controllers)}, whose counters are not known; set one of: {settable}",
        path=f"{CONFIG}.telemetry",
        reason="UnknownTelemetry",
    )
