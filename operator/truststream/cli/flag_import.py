"""`flags import`: FeatureFlags out of other systems' files, with a report of what is not as it was there."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from truststream.api.featureflag import BucketingVersion
from truststream.cli.documents import UnreadableError, read, to_yaml
from truststream.errors import SpecError
from truststream.flags.imports.base import Effect, Imported, Unsupported
from truststream.flags.imports.flagd import import_flagd
from truststream.flags.imports.growthbook import import_growthbook
from truststream.flags.imports.openfeature import import_openfeature
from truststream.flags.imports.unleash import import_unleash

_STDIN: Final = "-"
_LOST: Final = (Effect.OMITTED, Effect.CHANGED)


class System(StrEnum):
    """Where the flags come from."""

    FLAGD = "flagd"
    OPENFEATURE = "openfeature"
    GROWTHBOOK = "growthbook"
    UNLEASH = "unleash"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("import")(run)


def run(
    file: Annotated[str, typer.Argument(help="JSON or YAML; - reads standard input.")],
    system: Annotated[System, typer.Option("--from", help="Whose format it is.")],
    report: Annotated[Path | None, typer.Option("--report", help="Write the report as JSON to this file.")] = None,
    namespace: Annotated[
        str | None, typer.Option("-n", "--namespace", help="Written into the manifests; by default none.")
    ] = None,
    bucketing: Annotated[
        BucketingVersion, typer.Option("--bucketing", help="flagd, openfeature: as which version dealt; FlagdV2 or V3.")
    ] = BucketingVersion.FLAGD_V2,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when a flag is left out or gives some contexts another value.")
    ] = False,
) -> None:
    """Print FeatureFlags, and segments, made from another system's flags. Every difference is reported on stderr.

    Omitted: the flag is not there. Changed: some contexts get something else. Stricter: so do contexts whose fields
    have other types than the flag is written for. Redealt: the shares stay, their members do not. Note: nothing that
    is evaluated differs.
    """
    if bucketing is BucketingVersion.RENDEZVOUS:
        raise typer.BadParameter("flagd deals by FlagdV2 or FlagdV3")
    contents = _contents(file)
    try:
        found = _IMPORTERS[system](contents, namespace, bucketing)
    except Unsupported as error:
        where = f"{error.path}: " if error.path else ""
        raise SpecError(f"{file}: {where}{error.reason}") from error
    if found.manifests:
        typer.echo("---\n".join(to_yaml(manifest) for manifest in found.manifests), nl=False)
    _tell(found, report)
    if strict and any(one.effect in _LOST for one in found.report.findings):
        raise typer.Exit(1)


def _contents(file: str) -> list[Any]:
    try:
        text = sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UnreadableError(f"{file}: cannot be read ({error})") from error
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"{file}: this is no JSON: {error}") from error
    return [document.content for document in read(text, file)]


def _only(contents: list[Any]) -> Any:
    if len(contents) != 1:
        raise Unsupported("", f"one document is expected, not {len(contents)}")
    return contents[0]


_IMPORTERS: Final[dict[System, Callable[[list[Any], str | None, BucketingVersion], Imported]]] = {
    System.FLAGD: lambda found, namespace, version: import_flagd(_only(found), namespace=namespace, version=version),
    System.OPENFEATURE: lambda found, namespace, version: import_openfeature(
        found, namespace=namespace, version=version
    ),
    System.GROWTHBOOK: lambda found, namespace, _: import_growthbook(_only(found), namespace=namespace),
    System.UNLEASH: lambda found, namespace, _: import_unleash(_only(found), namespace=namespace),
}


def _tell(found: Imported, report: Path | None) -> None:
    findings = list(found.report.findings)
    if report is not None:
        report.write_text(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False) + "\n")
    for one in findings:
        typer.echo(f"{one.flag}: {one.effect}: {one.path}: {one.reason}", err=True)
    counted = Counter(one.effect for one in findings)
    told = ", ".join(f"{counted[effect]} {effect.lower()}" for effect in Effect if counted[effect])
    flags = sum(one["kind"] == "FeatureFlag" for one in found.manifests)
    typer.echo(f"{flags} flag{'s' * (flags != 1)} imported{f'; in the report: {told}' if told else ''}", err=True)
