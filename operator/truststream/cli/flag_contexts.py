"""Evaluation contexts from the command line: JSON, a file of JSON, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from truststream.errors import SpecError


def context_of(text: str) -> dict[str, Any]:
    """A context out of JSON, or of the file that `@FILE` names.

    Raises:
        SpecError: it is no JSON object.
    """
    if text.startswith("@"):
        return _object(_text(Path(text[1:])), f"--context {text}")
    return _object(text, "--context")


def contexts_in(file: Path) -> Iterator[dict[str, Any]]:
    """Those of a file, a JSON object a line; empty lines do not count.

    Raises:
        SpecError: a line is no JSON object.
    """
    for number, line in enumerate(_text(file).splitlines(), start=1):
        if line.strip():
            yield _object(line, f"{file}:{number}")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise SpecError(f"{file}: cannot be read ({error})") from error


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{where}: this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise SpecError(f'{where}: a context is an object, such as {{"targetingKey": "user-1", "plan": "gold"}}')
    return found
