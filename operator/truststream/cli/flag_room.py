"""The flags of one namespace as a verb sees them, out of a file or out of the cluster, compiled as the server would."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from truststream.api.names import SEGMENTS_LABEL
from truststream.cli.access import Manifest, Resources
from truststream.cli.documents import UnreadableError, read
from truststream.errors import SpecError
from truststream.flags.build import build
from truststream.flags.flagset import CompiledFlag, FlagSet
from truststream.flags.moments import moment
from truststream.flags.segmentsource import SegmentSource, read_segments, segment_source_of
from truststream.flags.source import FlagSource, source_of

FLAG: Final = "FeatureFlag"
CONFIG_MAP: Final = "ConfigMap"
_DEFAULT: Final = "default"

EnvironmentOption = Annotated[
    str, typer.Option("--environment", "-e", help="As in this environment; by default as in the spec itself.")
]
AtOption = Annotated[
    str,
    typer.Option("--at", help="As at this moment, such as 2026-12-01T09:00:00Z; by default now.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Room:
    """All flags and segments that belong together; `origin` is told in errors."""

    origin: str
    namespace: str
    flags: Mapping[str, FlagSource]  # by resource name
    segments: tuple[SegmentSource, ...] = ()

    def with_newer(self, newer: Room, name: str) -> Room:
        """One flag as another room has it, as if it were applied and approved; what a release holds stays."""
        source, old = newer.flags[name], self.flags.get(name)
        applied = replace(source, namespace=self.namespace, overlay=old.overlay if old else None, served=None)
        renewed = {one.name for one in newer.segments}
        kept = tuple(one for one in self.segments if one.name not in renewed)
        return replace(self, flags={**self.flags, name: applied}, segments=kept + newer.segments)

    def compile(self, environment: str, now: float) -> FlagSet:
        """Ready to be evaluated; `now` in epoch seconds."""
        segments = read_segments(self.segments)
        for warning in segments.warnings:
            typer.echo(f"warning: {self.origin}: {warning}", err=True)
        sources = self.flags.values()
        return build(sources, segments.known, namespace=self.namespace, environment=environment, now=now)

    def name_of(self, name: str) -> str:
        """The resource that is meant by its name or by its key.

        Raises:
            SpecError: there is none; the message lists those that are there.
        """
        if name in self.flags:
            return name
        for source in self.flags.values():
            if source.key == name:
                return source.name
        there = ", ".join(sorted(self.flags)) or "none"
        raise SpecError(f"{self.origin} has no FeatureFlag {name}; there is: {there}")

    def only(self) -> str:
        """The resource's name where there is one alone.

        Raises:
            SpecError: there is none, or there are several.
        """
        if len(self.flags) == 1:
            return next(iter(self.flags))
        there = ", ".join(sorted(self.flags)) or "none"
        raise SpecError(f"{self.origin}: say which FeatureFlag is meant with --flag; there is: {there}")


def flag_in(flags: FlagSet, room: Room, name: str) -> CompiledFlag:
    """The flag of a resource, compiled.

    Raises:
        SpecError: it cannot be served as it is; the message is the first problem.
    """
    problems = flags.problems.get(name, ())
    found = next((flag for flag in flags.flags.values() if flag.name == name), None)
    if problems and (found is None or room.flags[name].served is None):
        raise SpecError(f"{room.origin}: FeatureFlag {name}: {problems[0]}")
    if found is None:
        raise SpecError(f"{room.origin}: FeatureFlag {name} is not served; look at its conditions")
    for problem in problems:
        typer.echo(f"warning: {name}: the last good spec is served, for {problem}", err=True)
    return found


def room_in(file: Path) -> Room:
    """The FeatureFlags of a file, and the ConfigMaps with its segments.

    Raises:
        UnreadableError: it is no file, or no YAML.
        SpecError: its flags belong to several namespaces.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UnreadableError(f"{file}: cannot be read ({error})") from error
    manifests = [one for document in read(text, str(file)) for one in _items(document.content)]
    flags = [source_of(one) for one in manifests if one.get("kind") == FLAG]
    namespaces = {flag.namespace for flag in flags if flag.namespace} or {_DEFAULT}
    if len(namespaces) > 1:
        raise SpecError(f"{file}: has flags of several namespaces ({', '.join(sorted(namespaces))}): one file for each")
    maps = [one for one in manifests if one.get("kind") == CONFIG_MAP and _has_segments(one)]
    return _room(str(file), namespaces.pop(), flags, maps)


async def live_room(resources: Resources, namespace: str) -> Room:
    """Those of the cluster."""
    flags = [source_of(one) for one in await resources.list(FLAG, namespace)]
    maps = await resources.list(CONFIG_MAP, namespace, labels=SEGMENTS_LABEL)
    return _room(f"namespace {namespace}", namespace, flags, maps)


def now_or(text: str) -> float:
    """Epoch seconds of `--at`.

    Raises:
        SpecError: it is no moment.
    """
    if not text:
        return time.time()
    at = moment(text)
    if at is None:
        raise SpecError(f"--at: {text!r} is no moment; write it like 2026-12-01T09:00:00Z")
    return at


def _room(origin: str, namespace: str, flags: Iterable[FlagSource], maps: Iterable[Manifest]) -> Room:
    named = {flag.name: replace(flag, namespace=namespace) for flag in flags}
    return Room(origin, namespace, named, tuple(map(segment_source_of, maps)))


def _items(content: Any) -> Iterator[Manifest]:
    if not isinstance(content, dict):
        return
    listed = content.get("items") if content.get("kind") == "List" else [content]
    for one in listed or ():
        if isinstance(one, dict) and isinstance(one.get("metadata"), dict) and one["metadata"].get("name"):
            yield one


def _has_segments(manifest: Manifest) -> bool:
    return SEGMENTS_LABEL in (manifest["metadata"].get("labels") or {})
