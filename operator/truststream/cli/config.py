"""`config validate`: check the operator's configuration file before it is rolled out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from truststream.api.configuration import FILE, Configuration, load
from truststream.errors import ConfigurationError
from truststream.metrics.queries import check


def register(app: typer.Typer) -> None:
    """Add the group and its verb."""
    group = typer.Typer(no_args_is_help=True, help="The operator's own configuration.")
    group.command("validate")(validate)
    app.add_typer(group, name="config")


def validate(
    file: Annotated[Path, typer.Argument(help="The configuration file, or the ConfigMap that holds it.")],
) -> None:
    """Check a configuration: its fields, and the PromQL of the metrics that it names."""
    configuration = load_file(file)
    names = ", ".join(sorted(configuration.metrics)) or "none"
    default = [configuration.prometheus.address] if configuration.prometheus else []
    sources = ", ".join([*default, *sorted(configuration.sources)]) or "no metric source"
    typer.echo(f"{file}: valid; {sources}; metrics of its own: {names}")


def load_file(file: Path) -> Configuration:
    """The configuration in a file, or in the ConfigMap manifest that the file is.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong.
    """

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    configuration = load(_unwrapped(text), str(file))
    check(configuration, str(file))
    return configuration


def _unwrapped(text: str) -> str:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return text  # `load` says what is wrong with it
    if isinstance(document, dict) and document.get("kind") == "ConfigMap":
        return str((document.get("data") or {}).get(FILE, ""))
    return text
