"""What segments are made from: labelled ConfigMaps of the namespace, each key a segment's name, each value its YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from truststream.api.featureflag import Segment
from truststream.flags.yamltext import documents


@dataclass(frozen=True, slots=True)
class SegmentSource:
    """One ConfigMap. `created` orders rivals for one segment name: the older ConfigMap has it."""

    namespace: str
    name: str
    uid: str
    created: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Segments:
    """Those that can be read, by name; and a sentence for each that cannot, or that another ConfigMap has already."""

    known: Mapping[str, Segment]
    warnings: tuple[str, ...] = ()


def segment_source_of(manifest: Mapping[str, Any]) -> SegmentSource:
    """From a ConfigMap's manifest as the API server gives it."""
    metadata = manifest["metadata"]
    return SegmentSource(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        created=str(metadata.get("creationTimestamp", "")),
        data=dict(manifest.get("data") or {}),
    )


def read_segments(sources: Iterable[SegmentSource]) -> Segments:
    """All segments of one namespace; what is wrong with one hinders no other."""
    known: dict[str, Segment] = {}
    owner: dict[str, str] = {}
    warnings: list[str] = []
    for source in sorted(sources, key=lambda one: (one.created, one.name)):
        for name, text in sorted(source.data.items()):
            place = f"ConfigMap {source.name}: {name}"
            if name in owner:
                warnings.append(f"{place}: the older ConfigMap {owner[name]} has this segment; rename one of them")
                continue
            owner[name] = source.name
            segment = _read(text, place, warnings)
            if segment is not None:
                known[name] = segment
    return Segments(known, tuple(warnings))


def _read(text: str, place: str, warnings: list[str]) -> Segment | None:
    try:
        found = documents(text)
        if len(found) > 1:
            raise ValueError("it has several documents; give each segment a key of its own")
        # Through JSON and strictly, as the API server would take it.
        return Segment.model_validate_json(json.dumps(found[0] if found and found[0] is not None else {}), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the segment"
        warnings.append(f"{place}: {where}: {str(first['msg']).removeprefix('Value error, ')}")
    except (ValueError, TypeError, RecursionError) as error:
        warnings.append(f"{place}: {error}")
    return None
