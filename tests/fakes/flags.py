"""A catalog, a gate and a recorder in memory, as the protocols of serving/base.py want them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from truststream.api.featureflag import FeatureFlagSpec
from truststream.flags.evaluation import Context, Evaluation, Reason
from truststream.flags.flagset import CompiledFlag, FlagSet
from truststream.serving.base import Caller, Credentials, Refused, Scope

TYPES = {bool: "Boolean", str: "String", int: "Number", float: "Number", dict: "Object"}


def flag(key: str, value: Any, *, next_change: float | None = None) -> CompiledFlag:
    """A flag with one variant; in flagd's JSON too. Its answer names the unit where the value is `unit`."""
    kind = TYPES[type(value)]
    spec = FeatureFlagSpec.model_validate({"type": kind, "variants": {"it": value}, "defaultVariant": "it"})

    def decide(context: Context, _now: float) -> Evaluation:
        told = repr(dict(context)) if value == "context" else value
        return Evaluation(key, told, "it", Reason.STATIC)

    return CompiledFlag(
        namespace="shop",
        name=key,
        key=key,
        type=spec.type,
        digest=f"{value!r}",
        spec=spec,
        decide=decide,
        static=True,
        flagd={"state": "ENABLED", "variants": spec.variants, "defaultVariant": "it"},
        metadata={"owner": "team-a"},
        next_change=next_change,
    )


def flag_set(namespace: str, *flags: CompiledFlag, environment: str = "") -> FlagSet:
    """Its version is that of its flags."""
    by_key = {one.key: one for one in sorted(flags, key=lambda one: one.key)}
    version = ";".join(f"{key}={one.digest}" for key, one in by_key.items())
    changes = [one.next_change for one in flags if one.next_change is not None]
    return FlagSet(namespace, environment, version, by_key, next_change=min(changes, default=None))


class Listener:
    """One subscription."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def changed(self) -> None:
        """Returns once something changed since the last call."""
        await self.event.wait()
        self.event.clear()


@dataclass
class FakeCatalog:
    """Holds what a test put in."""

    sets: dict[str, FlagSet] = field(default_factory=dict)
    listeners: dict[str, list[Listener]] = field(default_factory=dict)
    ready: bool = True
    stale_since: float | None = None

    def put(self, namespace: str, *flags: CompiledFlag) -> None:
        """Everything a namespace has now; who listens is told."""
        self.sets[namespace] = flag_set(namespace, *flags)
        self.tell(namespace)

    def tell(self, namespace: str) -> None:
        """As a schedule's boundary does."""
        for listener in self.listeners.get(namespace, ()):
            listener.event.set()

    def flags(self, scope: Scope) -> FlagSet:
        """The same in every environment."""
        found = self.sets.get(scope.namespace, flag_set(scope.namespace))
        return replace(found, environment=scope.environment)

    @contextmanager
    def subscribe(self, namespace: str) -> Iterator[Listener]:
        """To be told of changes."""
        listener = Listener()
        self.listeners.setdefault(namespace, []).append(listener)
        try:
            yield listener
        finally:
            self.listeners[namespace].remove(listener)


@dataclass
class FakeGate:
    """Tokens name their namespaces; anonymous callers may have `shop` alone."""

    tokens: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    busy: bool = False
    anonymous: bool = True

    async def admit(self, credentials: Credentials, selector: str, *, cost: int = 1) -> tuple[Caller, Scope]:
        """As the real gate's."""
        if self.busy:
            raise Refused(429, "too many requests; slow down", retry_after=7.0)
        home = self._home(credentials)
        if not home and not self.anonymous:
            raise Refused(401, "send a token")
        if not selector and not home:
            raise Refused(400, "send flagd-selector: flagSetId=<namespace>")
        if selector and not selector.startswith("flagSetId="):
            raise Refused(400, f"the selector {selector!r} is not flagSetId=<namespace>")
        namespace, _, environment = (selector.removeprefix("flagSetId=") or home).partition("/")
        if not home and namespace != "shop":
            raise Refused(401, "send a token")
        if home and namespace != home:
            raise Refused(403, f"{home} may not have the flags of {namespace}")
        return Caller(home or "anonymous", home), Scope(namespace, environment)

    def _home(self, credentials: Credentials) -> str:
        if credentials.bearer and credentials.bearer not in self.tokens:
            raise Refused(401, "unknown token")
        return self.tokens.get(credentials.bearer, "") or self.keys.get(credentials.api_key, "")


@dataclass
class FakeRecorder:
    """Remembers."""

    evaluations: list[tuple[Scope, str, Context]] = field(default_factory=list)
    lists: list[Scope] = field(default_factory=list)
    syncs: list[tuple[Scope, str, str]] = field(default_factory=list)

    def evaluated(self, scope: Scope, flag: CompiledFlag, evaluation: Evaluation, context: Context) -> None:
        """One."""
        assert evaluation.key == flag.key
        self.evaluations.append((scope, flag.key, context))

    def listed(self, scope: Scope, evaluations: Mapping[str, Evaluation]) -> None:
        """Many."""
        assert all(one.error is None for one in evaluations.values())
        self.lists.append(scope)

    def synced(self, scope: Scope, provider_id: str, user_agent: str) -> None:
        """A client holds a set."""
        self.syncs.append((scope, provider_id, user_agent))
