"""What `lint` says of FeatureFlags and of the ConfigMaps with their segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from truststream.api.featureflag import FeatureFlagSpec
from truststream.api.flagrules import KIND, examine_flag, moment
from truststream.api.names import API_VERSION, SEGMENTS_LABEL
from truststream.cli.findings import Finding, Level
from truststream.flags.build import build
from truststream.flags.flagset import CompiledFlag
from truststream.flags.problems import problems_of, unusable
from truststream.flags.segmentsource import SegmentSource, read_segments, segment_source_of
from truststream.flags.source import FlagSource, source_of

MANY: Final = 1000
"""Conditions of one flag; each is looked at in the worst evaluation."""
_ELSEWHERE: Final = {"UnknownPrerequisite", "UnknownSegment"}
"""Problems that may be none in the cluster: what is missing need not be in the files."""


Manifest = Mapping[str, Any]

_NAMELESS: Final = Finding(Level.ERROR, "metadata.name", "is missing")


@dataclass(frozen=True, slots=True)
class Files:
    """The flags and segments of all files, by namespace; what names none belongs together, too."""

    flags: Mapping[str, list[FlagSource]] = field(default_factory=dict)
    segments: Mapping[str, list[SegmentSource]] = field(default_factory=dict)
    now: float = 0.0


def is_flag(manifest: Any) -> bool:
    """Of the version that we know."""
    return isinstance(manifest, Mapping) and (manifest.get("kind"), manifest.get("apiVersion")) == (KIND, API_VERSION)


def is_segments(manifest: Any) -> bool:
    """A ConfigMap that carries our label."""
    if not isinstance(manifest, Mapping) or manifest.get("kind") != "ConfigMap":
        return False
    metadata = manifest.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return isinstance(labels, Mapping) and SEGMENTS_LABEL in labels


def _named(manifest: Any) -> bool:
    metadata = manifest.get("metadata") if isinstance(manifest, Mapping) else None
    return isinstance(metadata, Mapping) and bool(metadata.get("name"))


def gather(manifests: Iterable[Any], now: float) -> Files:
    """What the manifests say, taken together; `now` in seconds since the epoch."""
    flags: dict[str, list[FlagSource]] = defaultdict(list)
    segments: dict[str, list[SegmentSource]] = defaultdict(list)
    for manifest in filter(_named, manifests):
        if is_flag(manifest) and isinstance(manifest.get("spec"), Mapping):
            flags[_namespace(manifest)].append(source_of(manifest))
        elif is_segments(manifest) and isinstance(manifest.get("data"), Mapping):
            segments[_namespace(manifest)].append(segment_source_of(manifest))
    return Files(flags, segments, now)


def _namespace(manifest: Mapping[str, Any]) -> str:
    return str(manifest["metadata"].get("namespace") or "")


def flag_findings(manifest: Manifest, files: Files) -> list[Finding]:
    """Everything to say about one FeatureFlag."""
    spec, problems = examine_flag(manifest)
    if spec is None or not _named(manifest):
        nameless = [] if _named(manifest) else [_NAMELESS]
        return [*nameless, *(Finding(Level.ERROR, problem.path, problem.message) for problem in problems)]
    source, namespace = source_of(manifest), _namespace(manifest)
    found = [*_problems(source, namespace, files), *_taken(source, namespace, files), *_hints(spec, files.now)]
    if not any(finding.level is Level.ERROR for finding in found):
        found += _delivery(source, spec, namespace, files)
    return found


def _problems(source: FlagSource, namespace: str, files: Files) -> Iterator[Finding]:
    others: dict[str, FeatureFlagSpec] = {}
    for other in files.flags.get(namespace, ()):
        spec, _ = examine_flag({"metadata": {"name": other.name}, "spec": other.spec})
        if spec is not None and other.name != source.name:
            others[other.key] = spec
    segments = read_segments(files.segments.get(namespace, ())).known
    for problem in problems_of(source, others, segments):
        if problem.reason in _ELSEWHERE:
            said = f"{problem.message}; it is not in the files that were checked"
            yield Finding(Level.WARNING, problem.path, said)
        else:
            yield Finding(Level.ERROR, problem.path, problem.message)


def _taken(source: FlagSource, namespace: str, files: Files) -> Iterator[Finding]:
    for other in files.flags.get(namespace, ()):
        if other.key == source.key and other.name != source.name:
            path = "spec.key" if "key" in source.spec else "metadata.name"
            said = f"FeatureFlag {other.name} has the key {source.key!r} too; the older one of them is served"
            yield Finding(Level.ERROR, path, said)


def _hints(spec: FeatureFlagSpec, now: float) -> Iterator[Finding]:
    if spec.owner is None:
        yield _warn("spec.owner", "is missing: nobody will know whom to ask before the flag is removed")
    expires = moment(spec.expires_at)
    if expires is not None and expires.timestamp() <= now:
        yield _warn("spec.expiresAt", "has passed: remove the flag from the code, and then here")
    parts = [spec.rules, *(one.rules or () for one in spec.environments.values())]
    count = sum(len(rule.conditions) for rules in parts for rule in rules)
    if count > MANY:
        yield _warn("spec.rules", f"there are {count} conditions: move what they list into a segment")
    if spec.rollout_variant is not None and not _rolls_out(spec):
        yield _warn("spec.rolloutVariant", "nobody gets it: there is no rolloutPercentage, here or elsewhere")
    for index, change in enumerate(spec.schedule):
        if not change.model_fields_set - {"at", "until"}:
            yield _warn(f"spec.schedule[{index}]", "changes nothing")


def _rolls_out(spec: FeatureFlagSpec) -> bool:
    shares = [spec.rollout_percentage]
    shares += [one.rollout_percentage for one in spec.environments.values()]
    shares += [one.rollout_percentage for one in spec.schedule]
    return any(share is not None for share in shares)


def _delivery(source: FlagSource, spec: FeatureFlagSpec, namespace: str, files: Files) -> Iterator[Finding]:
    """What in-process clients of flagd will not see, in any environment; each reason once."""
    reasons: dict[str, str] = {}
    for environment in ("", *spec.environments):
        flag = _compiled(source, namespace, environment, files)
        for reason in flag.undeliverable if flag else ():
            reasons.setdefault(reason, environment)
    for reason, environment in reasons.items():
        where = f"spec.environments.{environment}" if environment else "spec"
        yield _warn(where, f"reaches applications over OFREP only: {reason}")


def _compiled(source: FlagSource, namespace: str, environment: str, files: Files) -> CompiledFlag | None:
    """None where it waits for something that is not in the files."""
    segments = read_segments(files.segments.get(namespace, ())).known
    sources = files.flags.get(namespace, [source])
    made = build(sources, segments, namespace=namespace, environment=environment, now=files.now)
    return next((flag for flag in made.flags.values() if flag.name == source.name), None)


def segment_findings(manifest: Manifest, files: Files) -> list[Finding]:
    """Everything to say about one ConfigMap with segments."""
    data = manifest.get("data")
    if not _named(manifest):
        return [_NAMELESS]
    if not isinstance(data, Mapping) or not data:
        return [Finding(Level.ERROR, "data", "is empty: each key is a segment's name, each value its YAML")]
    found: list[Finding] = []
    for name, text in data.items():
        found += _segment(segment_source_of({**manifest, "data": {str(name): text}}), str(name))
    for other in files.segments.get(_namespace(manifest), ()):
        for name in data.keys() & other.data.keys() if other.name != manifest["metadata"]["name"] else ():
            said = f"ConfigMap {other.name} has this segment too; that of the older ConfigMap is used"
            found.append(Finding(Level.ERROR, f"data.{name}", said))
    return found


def _segment(source: SegmentSource, name: str) -> Iterator[Finding]:
    path = f"data.{name}"
    if not isinstance(source.data[name], str):
        yield Finding(Level.ERROR, path, "must be a text: put a | before the segment's YAML")
        return
    segments = read_segments([source])
    for warning in segments.warnings:
        yield Finding(Level.ERROR, path, warning.removeprefix(f"ConfigMap {source.name}: {name}: "))
    for segment in segments.known.values():
        if said := unusable(name, segment):
            yield Finding(Level.ERROR, path, said)


def _warn(path: str, message: str) -> Finding:
    return Finding(Level.WARNING, path, message)
