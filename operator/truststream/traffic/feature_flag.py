"""The share of a flag's units that get a variant: `status.overlay` of the FeatureFlag, whose owner is one canary.

While a release runs the overlay is `{owner, variant, percentage}`, and `defaultVariant` where an earlier promotion
stands that Git has not caught up with. A promotion leaves `{owner, defaultVariant}`. Every server of flags follows the
resource by a watch. Raising a share stands on the overlay as it was read; taking it back stands on nothing but that
the overlay is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from pydantic import Field

from truststream.api.base import ApiModel
from truststream.api.flagstatus import FlagState
from truststream.api.names import FIELD_MANAGER
from truststream.api.quantities import Duration
from truststream.canary.observation import RouteView
from truststream.errors import Conflict, Missing, TrafficError
from truststream.flags.examine import examine
from truststream.flags.served import Served, served
from truststream.flags.source import source_of
from truststream.traffic.base import Capability, Manifest, Objects, PatchOp, Split

_KIND: Final = "FeatureFlag"
_STATUS: Final = "status"
_PATH: Final = "/status/overlay"
_FULL: Final = 100.0
_ATTEMPTS: Final = 4  # each after a fresh look; more means that somebody writes all the time
_SOON: Final = 0.2

Overlay = Mapping[str, Any]


class FeatureFlagConfig(ApiModel):
    """`spec.traffic.config` with `targetRef.kind: FeatureFlag`."""

    settle: Duration = Field(
        1.0, description="Time that servers and in-process clients are given to follow a change of the flag."
    )


class FeatureFlag:
    """The overlay of one flag."""

    name: ClassVar[str] = "FeatureFlag"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.WEIGHTS})
    weight_by_replicas: ClassVar[bool] = False
    watches: ClassVar[tuple[str, ...]] = (_KIND,)
    Config: ClassVar[type[FeatureFlagConfig]] = FeatureFlagConfig

    def __init__(self, config: FeatureFlagConfig, objects: Objects) -> None:
        self._config = config
        self._objects = objects

    @property
    def settle(self) -> float:
        """Seconds until evaluations follow: a watch event, and a little for clients that are told by a server."""
        return self._config.settle

    def read(self, split: Split) -> RouteView:
        """The overlay as the cached resource has it; it is the truth as soon as it is stored."""
        flag = self._cached(split)
        if flag is None:
            return RouteView(found=False, problem=f"FeatureFlag {split.namespace}/{split.flag} does not exist")
        found = overlay_of(flag)
        mine = found.get("owner") == split.owner
        promoted = mine and "variant" not in found and found.get("defaultVariant") == split.canary
        attached = mine and (found.get("variant") == split.canary or (promoted and split.memory is not None))
        return RouteView(
            found=True,
            attached=attached,
            weight=_FULL if attached and promoted else float(found.get("percentage") or 0) if attached else 0.0,
            ready=True,
            reset_by=_reset_by(flag, split),
            foreign=bool(found) and not mine,
        )

    def note(self, split: Split) -> dict[str, Any]:
        """What an earlier promotion left, which has to stand again after a rollback; and what Git says."""
        flag = self._cached(split) or {}
        found, spec = overlay_of(flag), (served_of(flag).spec if flag else None) or {}
        kept = found.get("defaultVariant") if found.get("owner") == split.owner else None
        return {"flag": split.flag, "git": git_default(spec), **({"defaultVariant": kept} if kept else {})}

    async def attach(self, split: Split) -> None:
        """The variant with a share of 0. What another hand left there is replaced: the core has asked before."""
        flag = self._existing(split)
        if not self.read(split).attached:
            await self._write_as_read(split, flag, _sharing(flag, split, 0.0))

    async def set_weight(self, split: Split, weight: float) -> None:
        """0 works on whatever it finds of ours; more needs the overlay to be what was read."""
        if weight == 0:
            await self._write_anyway(split, lambda flag: _sharing(flag, split, 0.0) if _shares(flag, split) else None)
            return
        flag = self._existing(split)
        if not self.read(split).attached:
            raise TrafficError(
                f"variant {split.canary} is not on FeatureFlag {split.namespace}/{split.flag} by this release; it has "
                "to be attached first",
                retry_after=_SOON,
            )
        promoted = {"owner": split.owner, "defaultVariant": split.canary}
        await self._write_as_read(split, flag, promoted if weight >= _FULL else _sharing(flag, split, weight))

    async def restore(self, split: Split) -> None:
        """Without the share. What an earlier release promoted stays, unless the note says that nothing had been."""
        await self._write_anyway(split, lambda flag: _without_share(flag, split))

    def telemetry(self, split: Split) -> str:  # noqa: ARG002 - the contract's signature
        """No proxy and no pod tells variants apart by itself: the queries have to. See `metrics.arms`."""
        return "Variants"

    def port(self, split: Split) -> int | None:  # noqa: ARG002 - the contract's signature
        """No route, no port."""
        return None

    def concerns(self, split: Split, kind: str, namespace: str, name: str) -> bool:
        """The flag alone."""
        return (kind, namespace, name) == (_KIND, split.namespace, split.flag)

    async def _write_as_read(self, split: Split, flag: Manifest, wanted: Overlay) -> None:
        if overlay_of(flag) == wanted:
            return
        try:
            await self._patch(split, [*_as_read(flag), *_change(flag, wanted)])
        except Conflict as error:
            title = f"FeatureFlag {split.namespace}/{split.flag}"
            raise TrafficError(f"{title} changed since it was read; nothing was written", retry_after=_SOON) from error
        except Missing as error:
            raise _gone(split) from error

    async def _write_anyway(self, split: Split, plan: Callable[[Manifest], Overlay | None]) -> None:
        """Plan on the cache; when that was behind, on the live flag. One that is gone needs nothing."""
        flag = self._cached(split)
        try:
            for _ in range(_ATTEMPTS):
                wanted = plan(flag) if flag else None
                if flag is None or wanted is None or overlay_of(flag) == wanted:
                    return
                try:
                    await self._patch(split, [_owned(split), *_change(flag, wanted)])
                    return
                except Conflict:
                    flag = await self._patch(split, [{"op": "test", "path": "/kind", "value": _KIND}])
        except Missing:
            return
        raise TrafficError(
            f"FeatureFlag {split.namespace}/{split.flag} is rewritten all the time; it was not put back",
            retry_after=_SOON,
        )

    async def _patch(self, split: Split, ops: list[PatchOp]) -> Manifest:
        return await self._objects.json_patch(_KIND, split.namespace, split.flag, ops, subresource=_STATUS)

    def _cached(self, split: Split) -> Manifest | None:
        return self._objects.get(_KIND, split.namespace, split.flag)

    def _existing(self, split: Split) -> Manifest:
        flag = self._cached(split)
        if flag is None:
            raise _gone(split)
        return flag


def overlay_of(flag: Manifest) -> Overlay:
    """What is on it; empty without one."""
    return (flag.get(_STATUS) or {}).get("overlay") or {}


def served_of(flag: Manifest) -> Served:
    """Which spec is served of the resource. Its review says whether the newest is fine; before that, it itself."""
    status, metadata = flag.get(_STATUS) or {}, flag["metadata"]
    source = source_of(flag)
    if status.get("observedGeneration") == metadata.get("generation"):
        return served(source, valid=status.get("state") != FlagState.STALLED)
    return served(source, valid=examine(source.spec, source.key).fine)


def git_default(spec: Mapping[str, Any]) -> str:
    """The variant that the spec gives everybody for whom nothing else is said."""
    whole = spec.get("rolloutVariant") and float(spec.get("rolloutPercentage") or 0) >= _FULL
    return str(spec.get("rolloutVariant") if whole else spec.get("defaultVariant") or "")


def _gone(split: Split) -> TrafficError:
    return TrafficError(f"FeatureFlag {split.namespace}/{split.flag} does not exist, so there is no share to set")


def _shares(flag: Manifest, split: Split) -> bool:
    """Whether the overlay is ours and gives anybody the variant of the release: by a share, or promoted just now."""
    found = overlay_of(flag)
    return found.get("owner") == split.owner and ("variant" in found or found.get("defaultVariant") == split.canary)


def _before(flag: Manifest, split: Split) -> str | None:
    """The default variant of an earlier promotion: as noted; without a note as it stands."""
    if split.memory is not None:
        return split.memory.get("defaultVariant")
    found = overlay_of(flag)
    return found.get("defaultVariant") if found.get("owner") == split.owner else None


def _sharing(flag: Manifest, split: Split, percentage: float) -> Overlay:
    kept = _before(flag, split)
    share = {"variant": split.canary, "percentage": round(percentage, 3)}
    return {"owner": split.owner, **({"defaultVariant": kept} if kept else {}), **share}


def _without_share(flag: Manifest, split: Split) -> Overlay | None:
    """None: it is not ours to change."""
    if overlay_of(flag).get("owner") != split.owner:
        return None
    kept = _before(flag, split)
    return {"owner": split.owner, "defaultVariant": kept} if kept else {}


def _owned(split: Split) -> PatchOp:
    return {"op": "test", "path": f"{_PATH}/owner", "value": split.owner}


def _as_read(flag: Manifest) -> list[PatchOp]:
    found = overlay_of(flag)
    if found:
        return [{"op": "test", "path": _PATH, "value": dict(found)}]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": flag["metadata"]["resourceVersion"]}]


def _change(flag: Manifest, wanted: Overlay) -> list[PatchOp]:
    if not wanted:
        return [{"op": "remove", "path": _PATH}]
    if not flag.get(_STATUS):
        return [{"op": "add", "path": f"/{_STATUS}", "value": {"overlay": dict(wanted)}}]
    return [{"op": "add", "path": _PATH, "value": dict(wanted)}]


def _reset_by(flag: Manifest, split: Split) -> str:
    """Who wrote of the overlay last what is not as we wrote it; in a release that began one that is gone was taken."""
    owners: dict[str, set[str]] = {}
    for entry in flag["metadata"].get("managedFields") or ():
        fields = ((entry.get("fieldsV1") or {}).get("f:status") or {}).get("f:overlay") or {}
        owners.setdefault(str(entry.get("manager", "")), set()).update(fields)
    ours = owners.pop(FIELD_MANAGER, set())
    others = sorted(manager for manager, fields in owners.items() if fields - ours - {"."})
    if others:
        return others[0]
    found = overlay_of(flag)
    taken = not found or ("variant" in found and "percentage" not in found)
    return "somebody" if split.memory is not None and taken else ""
