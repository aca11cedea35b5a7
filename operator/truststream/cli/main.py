"""`truststream`, also as `kubectl truststream`: one module a verb, each with `register(app)`."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import typer

from truststream.errors import TrustStreamError

_HELP: Final = "Release software by evidence: canaries whose verdicts hold."
_VERBS: Final = (
    "status",
    "promote",
    "rollback",
    "pause",
    "resume",
    "retry",
    "skip",
    "lint",
    "config",
    "run",
    "eject",
    "generate",
    "version",
)


class _App(typer.Typer):
    """Expected errors are one line; only what nobody expected is a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except TrustStreamError as error:
            typer.echo(f"error: {error}", err=True)
            sys.exit(1)


def build() -> typer.Typer:
    """The whole command line."""
    app = _App(name="truststream", help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False)
    for verb in _VERBS:
        module = f"truststream.cli.{verb}"
        if find_spec(module):
            import_module(module).register(app)
    return app


app = build()
