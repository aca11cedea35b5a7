"""YAML that other people wrote: read fast, bounded in depth, and without aliases that grow a line into gigabytes."""

from __future__ import annotations

from typing import Any, Final

import orjson
import yaml

DEEPEST: Final = 64


class _Loader(yaml.CSafeLoader):
    """libyaml's, which is faster. Without times: what looks like a date is a string, as it is for kubectl."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(text: str, *, aliases: bool = False) -> list[Any]:
    """Every document of a text.

    Raises:
        ValueError: it is no YAML, is nested deeper than `DEEPEST`, or has aliases where they are not allowed.
    """
    if text[:1] in ("{", "["):  # most likely JSON, which is read a hundred times as fast
        try:
            return [orjson.loads(text)]
        except orjson.JSONDecodeError:
            pass
    try:
        _examine(text, aliases)
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise ValueError(f"this is no YAML: {' '.join(str(error).split())}") from error


def _examine(text: str, aliases: bool) -> None:
    """By events, which need no stack: the loader's own recursion would end the process, not raise."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent) and not aliases:
            raise ValueError("it has aliases (*name); write the values out")
