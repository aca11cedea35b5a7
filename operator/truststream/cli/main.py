"""`truststream`, also as `kubectl truststream`: one module a verb, each with `register(app)`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import typer

from truststream.errors import TrustStreamError

_HELP: Final = "Release software by evidence: canaries whose verdicts hold."
VERBS: Final = (
    "status",
    "promote",
    "rollback",
    "pause",
    "resume",
    "retry",
    "skip",
    "lint",
    "backtest",
    "simulate",
    "config",
    "run",
    "server",
    "flags",
    "stale",
    "eject",
    "generate",
    "version",
)


class _App(typer.Typer):
    """Expected errors are one line; only what nobody expected is a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.registered_commands and not self.registered_groups:
            add(self, _needed(sys.argv[1:]))
        try:
            return super().__call__(*args, **kwargs)
        except TrustStreamError as error:
            typer.echo(f"error: {error}", err=True)
            sys.exit(1)


def _needed(arguments: Sequence[str]) -> Sequence[str]:
    """The verb that is called: importing all of them, with the whole operator, takes seconds.

    All for help and completion, and for `generate`, which describes them.
    """
    verb = arguments[0] if arguments else ""
    return [verb] if verb in VERBS and verb != "generate" else VERBS


def add(app: typer.Typer, verbs: Sequence[str]) -> None:
    """Register these verbs."""
    for verb in verbs:
        import_module(f"truststream.cli.{verb}").register(app)


def build(verbs: Sequence[str] = ()) -> typer.Typer:
    """A command line with these verbs; without any it takes those that it needs when it is called."""
    made = _App(name="truststream", help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False)
    made.callback()(_no_verb)  # with a single verb Typer would otherwise take its name for an argument
    add(made, verbs)
    return made


def _no_verb() -> None:
    """Nothing happens without a verb."""


app = build()
