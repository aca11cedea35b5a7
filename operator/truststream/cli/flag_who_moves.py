"""`flags who-moves`: which share of the units gets another variant when a flag is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from truststream.cli.access import Access, ContextOption, KubeconfigOption, NamespaceOption
from truststream.cli.documents import Format, to_text
from truststream.cli.flag_contexts import contexts_in
from truststream.cli.flag_room import AtOption, EnvironmentOption, Room, flag_in, live_room, now_or, room_in
from truststream.cli.flag_tables import percent, show
from truststream.errors import SpecError
from truststream.flags.evaluation import Context
from truststream.flags.flagset import CompiledFlag
from truststream.flags.moves import Moves, units, who_moves


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("who-moves")(run)


def run(
    files: Annotated[list[Path], typer.Argument(help="OLD.yaml NEW.yaml; with --live only NEW.yaml.")],
    live: Annotated[str, typer.Option("--live", help="Compare with this FeatureFlag of the cluster.")] = "",
    flag: Annotated[str, typer.Option("--flag", help="Which one, in files with several.")] = "",
    count: Annotated[int, typer.Option("--units", min=1, max=10_000_000, help="How many made-up units.")] = 100_000,
    contexts: Annotated[
        Path | None, typer.Option("--contexts", help="Instead of made-up units: contexts, a JSON object a line.")
    ] = None,
    environment: EnvironmentOption = "",
    at: AtOption = "",
    output: Annotated[Format | None, typer.Option("-o", "--output", help="json or yaml instead of a table.")] = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    kube_context: ContextOption = None,
) -> None:
    """Show which share of units gets another variant between two revisions of a flag, before it is applied."""
    now, access = now_or(at), Access(kubeconfig, kube_context, namespace)
    before, after = _rooms(files, live, flag, access)
    (old_room, old_name), (new_room, new_name) = before, after
    old = flag_in(old_room.compile(environment, now), old_room, old_name)
    new = flag_in(new_room.compile(environment, now), new_room, new_name)
    asked: Iterable[Context] = contexts_in(contexts) if contexts else _units(old, new, count)
    moves = who_moves(old, new, asked, now)
    if output:
        typer.echo(to_text(_document(old.key, moves), output), nl=False)
        return
    _tell(new, moves, made_up=contexts is None)


def _rooms(files: list[Path], live: str, flag: str, access: Access) -> tuple[tuple[Room, str], tuple[Room, str]]:
    if len(files) != (1 if live else 2):
        raise typer.BadParameter("takes OLD.yaml and NEW.yaml, or --live NAME and NEW.yaml")
    newer = room_in(files[-1])
    if not live:
        old = room_in(files[0])
        return (old, _name(old, flag)), (newer, _name(newer, flag))
    there = access.run(lambda resources: live_room(resources, access.namespace))
    name = there.name_of(live)
    wanted = newer.name_of(flag or name) if len(newer.flags) > 1 else newer.only()
    if wanted != name:
        raise SpecError(f"{files[0]}: has FeatureFlag {wanted}, not {name}: applied it would be another flag")
    return (there, name), (there.with_newer(newer, name), name)


def _name(room: Room, flag: str) -> str:
    return room.name_of(flag) if flag else room.only()


def _units(old: CompiledFlag, new: CompiledFlag, count: int) -> Iterator[Context]:
    """Where the revisions look for the unit in different fields, both have it."""
    fields = [old.spec.bucketing.by, new.spec.bucketing.by]
    for one, other in zip(*(units(count, field) for field in fields), strict=True):
        yield _merged(dict(one), other)


def _merged(one: dict[str, Any], other: Context) -> dict[str, Any]:
    for name, value in other.items():
        mine = one.get(name)
        one[name] = _merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return one


def _document(key: str, moves: Moves) -> dict[str, Any]:
    return {
        "flag": key,
        "units": moves.total,
        "moved": moves.moved,
        "percent": round(moves.share, 4),
        "moves": [{"from": old, "to": new, "units": count} for (old, new), count in moves.by.items()],
        "sameVariantOtherValue": moves.regiven,
        "withoutUnit": moves.without_unit,
    }


def _tell(new: CompiledFlag, moves: Moves, *, made_up: bool) -> None:
    if moves.by:
        rows = [[old, to, f"{count:,}", percent(100 * count / moves.total)] for (old, to), count in moves.by.items()]
        show(["FROM", "TO", "UNITS", "SHARE"], rows)
        typer.echo("")
    typer.echo(f"{new.key}: {_sentence(moves)}")
    if moves.regiven:
        typer.echo(f"{moves.regiven:,} keep their variant, which has another value now.")
    if moves.without_unit:
        typer.echo(
            f"{moves.without_unit:,} contexts name no unit ({new.spec.bucketing.by}): they are in no percentage."
        )
    if made_up and any(condition.field for rule in new.spec.rules for condition in rule.conditions):
        typer.echo("Made-up units have no other fields, and rules look at some; give --contexts to see them hold.")


def _sentence(moves: Moves) -> str:
    if not moves.moved:
        return f"nobody of {moves.total:,} moves."
    return f"{percent(moves.share)} get another variant, {moves.moved:,} of {moves.total:,}."
