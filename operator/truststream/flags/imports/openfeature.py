"""The OpenFeature operator's `FeatureFlag`: flagd's definitions inside a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from truststream.api.featureflag import BucketingVersion
from truststream.flags.imports.base import Effect, Harvest, Imported, Unsupported, finished
from truststream.flags.imports.flagd import add_flags

GROUP: Final = "core.openfeature.dev"


def import_openfeature(
    manifests: Iterable[Any],
    *,
    namespace: str | None = None,
    version: BucketingVersion = BucketingVersion.FLAGD_V2,
) -> Imported:
    """Manifests, of which those of kind FeatureFlag of group core.openfeature.dev are read.

    Raises:
        Unsupported: there is none; or two of them have a flag of the same key, or one is of an unknown version.
    """
    harvest, seen = Harvest(), 0
    for manifest in manifests:
        for one in _resources(manifest):
            seen += 1
            _add(harvest, one, version)
    if not seen:
        raise Unsupported("", f"there is no FeatureFlag of group {GROUP}")
    return finished(harvest, namespace)


def _resources(manifest: Any) -> list[Mapping[str, Any]]:
    if not isinstance(manifest, Mapping):
        return []
    items = manifest.get("items") if manifest.get("kind", "").endswith("List") else [manifest]
    ours = [one for one in items or () if isinstance(one, Mapping) and one.get("kind") == "FeatureFlag"]
    return [one for one in ours if str(one.get("apiVersion", "")).startswith(f"{GROUP}/")]


def _add(harvest: Harvest, manifest: Mapping[str, Any], version: BucketingVersion) -> None:
    name = str((manifest.get("metadata") or {}).get("name", ""))
    if manifest["apiVersion"] != f"{GROUP}/v1beta1":
        raise Unsupported(f"{name}.apiVersion", f"{manifest['apiVersion']} is not read; v1beta1 is")
    content = (manifest.get("spec") or {}).get("flagSpec")
    fresh = Harvest(harvest.report)
    add_flags(fresh, content, version, f"{name}.spec.flagSpec.")
    for key, spec in fresh.specs.items():
        harvest.report.flag = key
        if key in harvest.specs:
            said = "another FeatureFlag of the file has this key too; in one namespace only one can have it"
            harvest.report.add(f"{name}.spec.flagSpec.flags.{key}", Effect.OMITTED, said)
            continue
        harvest.specs[key] = spec
    harvest.segments |= fresh.segments
