"""YAML and JSON in and out, one way for the whole command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import yaml

from truststream.errors import TrustStreamError


class Format(StrEnum):
    """What `-o` takes; without it there is a table for people."""

    JSON = "json"
    YAML = "yaml"


class UnreadableError(TrustStreamError):
    """A file that is no YAML."""


class _Dumper(yaml.SafeDumper):
    """Without anchors: every value stands where it is needed."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the dumper's own signature
        return True


class _Loader(yaml.SafeLoader):
    """Without times: what looks like a date is a string, as it is for kubectl."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def to_yaml(document: Any) -> str:
    """One document, its keys in their order."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def to_text(document: Any, form: Format) -> str:
    """The document as `-o` wants it, ending with a newline."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n" if form is Format.JSON else to_yaml(document)


_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, which still knows where its fields stand."""

    content: Any
    node: yaml.Node

    def line(self, path: str) -> int:
        """The line of the field at `path` (``spec.increments[2]``), or of its nearest parent that is there."""
        node, found = self.node, self.node
        for name, index in _STEP.findall(path):
            child = _child(node, name, index)
            if child is None:
                break
            found, node = child
        return int(found.start_mark.line) + 1


def _child(node: yaml.Node, name: str, index: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Where the child is written, and its value."""
    if isinstance(node, yaml.MappingNode) and name:
        return next(((key, value) for key, value in node.value if key.value == name), None)
    if isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
        item = node.value[int(index)]
        return item, item
    return None


def read(text: str, file: str) -> Iterator[Document]:
    """Every document of a file that is not empty.

    Raises:
        UnreadableError: the file is no YAML; the message names file and line.
    """
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            content = loader.construct_document(node) if node else None
            if node and content is not None:
                yield Document(content, node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UnreadableError(f"{file}:{line}: this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UnreadableError(f"{file}: this is no YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()
