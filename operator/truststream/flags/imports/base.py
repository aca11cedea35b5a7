"""What an import is: manifests, and a report of everything that evaluates otherwise than where it came from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import yaml

from truststream.api.featureflag import KEY, Segment
from truststream.api.names import API_VERSION, SEGMENTS_LABEL
from truststream.flags.problems import problems_of
from truststream.flags.source import FlagSource

MAP_NAME: Final = "imported-segments"
_NAME_LIMIT: Final = 63


class Effect(StrEnum):
    """What a line of the report means for evaluations."""

    OMITTED = "Omitted"  # the flag is not imported
    CHANGED = "Changed"  # some contexts get something else than there
    STRICTER = "Stricter"  # contexts whose fields have other types than the flag expects get something else
    REDEALT = "Redealt"  # the shares are the same, but other units are in them
    NOTE = "Note"  # no evaluation is touched


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `path` is where it stands in the file that was read."""

    flag: str
    path: str
    effect: Effect
    reason: str


class Unsupported(Exception):
    """Something that a FeatureFlag cannot say; `path` is where it stands in the file."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(slots=True)
class Report:
    """Collects findings; the same one is kept once."""

    flag: str = ""
    findings: dict[Finding, None] = field(default_factory=dict)

    def add(self, path: str, effect: Effect, reason: str) -> None:
        """Of the flag that is being read."""
        self.findings[Finding(self.flag, path, effect, reason)] = None

    def omit(self, path: str, reason: str) -> None:
        """The flag that is being read is left out; what else was said of it is of no use any more."""
        self.findings = {one: None for one in self.findings if one.flag != self.flag}
        self.add(path, Effect.OMITTED, reason)

    def silent(self, flag: str) -> bool:
        """Whether the flag evaluates as it did there."""
        return not any(one.flag == flag and one.effect is not Effect.NOTE for one in self.findings)


@dataclass(slots=True)
class Harvest:
    """What is read so far: specs by key, segments by name."""

    report: Report = field(default_factory=Report)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    segments: dict[str, dict[str, Any]] = field(default_factory=dict)

    def segment_for(self, condition: Mapping[str, Any]) -> str:
        """The name of a segment with this one condition."""
        digest = hashlib.sha256(repr(sorted(condition.items())).encode("utf-8", "surrogatepass")).hexdigest()[:10]
        name = f"imported-{digest}"
        self.segments[name] = {"conditions": [dict(condition)]}
        return name


@dataclass(frozen=True, slots=True)
class Imported:
    """Manifests, ready to be applied, and the report."""

    manifests: Sequence[Mapping[str, Any]]
    report: Report


def finished(harvest: Harvest, namespace: str | None) -> Imported:
    """Manifests of all that is valid; a spec that we would refuse ourselves is left out and told."""
    known = {name: Segment.model_validate(segment) for name, segment in harvest.segments.items()}
    names = resource_names(harvest.specs)
    flags, wanted = [], dict[str, dict[str, Any]]()
    for key, spec in harvest.specs.items():
        harvest.report.flag = key
        source = FlagSource(namespace or "default", names[key], "", 0, "", {**spec, "key": key})
        problems = problems_of(source, None, known)
        if problems:
            harvest.report.omit(problems[0].path, f"the FeatureFlag would be refused: {problems[0]}")
            continue
        wanted |= {name: harvest.segments[name] for name in _segments_of(spec)}
        flags.append(
            _manifest("FeatureFlag", API_VERSION, names[key], namespace, {"spec": _keyed(key, names[key], spec)})
        )
    maps = [_config_map(wanted, namespace)] if wanted else []
    return Imported([*maps, *flags], harvest.report)


def resource_names(keys: Iterable[str]) -> dict[str, str]:
    """A name for each key that Kubernetes takes; keys that would have the same one are told apart by a hash."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        name = re.sub(r"[^a-z0-9.-]+", "-", key.lower()).strip("-.")
        name = re.sub(r"[.-]*[.][.-]*", ".", name)
        if name != key or len(name) > _NAME_LIMIT or name in taken:
            cut = name[: _NAME_LIMIT - 7].strip("-.") or "flag"
            name = name if name and name not in taken and len(name) <= _NAME_LIMIT else f"{cut}-{_short(key)}"
        taken.add(name)
        found[key] = name
    return found


def check_key(key: str) -> None:
    """Whether a FeatureFlag can have this key.

    Raises:
        Unsupported: it cannot.
    """
    if not re.match(KEY, key) or len(key) > 253:
        raise Unsupported("", f"{key!r} cannot be a key: letters, digits and ._/- between them, at most 253")


def _short(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:6]


def _keyed(key: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return dict(spec) if key == name else {"key": key, **spec}


def _segments_of(spec: Mapping[str, Any]) -> list[str]:
    places = [spec, *spec.get("environments", {}).values()]
    conditions = [one for place in places for rule in place.get("rules") or () for one in rule["conditions"]]
    listed = [one["value"] for one in conditions if one["operator"] in ("InSegment", "NotInSegment")]
    return [name for value in listed for name in (value if isinstance(value, list) else [value])]


def _config_map(segments: Mapping[str, Mapping[str, Any]], namespace: str | None) -> dict[str, Any]:
    data = {
        name: yaml.safe_dump(dict(segments[name]), sort_keys=False, allow_unicode=True) for name in sorted(segments)
    }
    made = _manifest("ConfigMap", "v1", MAP_NAME, namespace, {"data": data})
    made["metadata"]["labels"] = {SEGMENTS_LABEL: ""}
    return made


def _manifest(kind: str, version: str, name: str, namespace: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
