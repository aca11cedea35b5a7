"""The reference pages of the documentation, made from the schema, the models and the command line itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer

from truststream.api.configuration import Configuration
from truststream.api.crd import root_schema
from truststream.api.kinds import Kind
from truststream.api.names import API_VERSION
from truststream.api.schema import structural, walk

_MADE: Final = "<!-- Made by `make docs`; changes here are lost. -->\n"
_TABLE: Final = "| Field | Type | Default | Meaning |\n|---|---|---|---|\n"
_OWN_RULES: Final = "x-kubernetes-validations"


def resource_page(kind: Kind) -> str:
    """All fields of a kind and the rules between them."""
    root = root_schema(kind)
    spec, status = root["properties"]["spec"], root["properties"]["status"]
    parts = [
        f"{_MADE}# {kind.name}\n",
        f"`{API_VERSION}`, namespaced, short name `{kind.short}`, category `truststream`. "
        f"The same text is in the cluster: `kubectl explain {kind.name.lower()}.spec`.\n",
        "Durations are Go durations such as `90s` or `1h30m`. Percentages are 0 to 100. A field marked * has to be "
        "given.\n",
        f"## spec\n\n{spec['description']}\n\n{_TABLE}{_rows(spec)}",
        f"## Rules\n\nThe API server refuses what breaks one of these, and names the field.\n\n{_rules(root)}"
        + _policy(kind),
        f"## status\n\n{status['description']} Nobody else writes it.\n\n{_TABLE}{_rows(status)}",
    ]
    return "\n".join(parts)


def configuration_page() -> str:
    """All keys of the operator's configuration file."""
    schema = structural(Configuration, lambda _name, _schema: None)
    return "\n".join(
        [
            f"{_MADE}# The operator's configuration\n",
            "One file, `config.yaml`, in the ConfigMap of the chart. `truststream config validate FILE` checks it. "
            "Credentials are never in it: it names Secrets of the operator's namespace.\n",
            f"{_TABLE}{_rows(schema)}",
        ]
    )


def _rows(schema: Mapping[str, Any]) -> str:
    required = _required(schema)
    return "".join(
        f"| `{path}`{'*' if path in required else ''} | {_type(field)} | {_default(field)} | {_cell(_text(field))} |\n"
        for path, field in walk(schema)
        if not path.endswith(("[]", "{}"))
    )


def _required(schema: Mapping[str, Any], path: str = "") -> set[str]:
    here = {f"{path}{name}" for name in schema.get("required", ())}
    for name, field in schema.get("properties", {}).items():
        below = ((field, "."), (field.get("items"), "[]."), (field.get("additionalProperties"), "{}."))
        here |= {found for child, mark in below if child for found in _required(child, f"{path}{name}{mark}")}
    return here


def _text(field: Mapping[str, Any]) -> str:
    text = str(field.get("description", ""))
    values = field.get("enum") or (field.get("items") or {}).get("enum")
    listed = f" One of {', '.join(f'`{value}`' for value in values)}." if values else ""
    return text + ("" if all(str(value) in text for value in values or ()) else listed)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{{", "{&#8203;{")


def _type(field: Mapping[str, Any]) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    match field.get("type"):
        case "array":
            return f"list of {_type(field['items'])}s"
        case "object" if isinstance(values := field.get("additionalProperties"), dict):
            return f"map to {_type(values)}"
        case None:
            return "any value" if field.get("nullable") else "number or string"
    return "time" if field.get("format") == "date-time" else str(field["type"])


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    if default is None or default in ({}, []):
        return ""
    return f"`{_yaml(default)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(one)}" for key, one in value.items()) + "}"
    return str(value)


def _rules(root: Mapping[str, Any]) -> str:
    return "".join(f"- {line}\n" for line in dict.fromkeys(_rule_lines(root)))


def _policy(kind: Kind) -> str:
    if not kind.policy:
        return ""
    told = "".join(f"- `{field}`: {message}.\n" for field, message in kind.policy)
    return (
        f"\nAn admission policy of the chart refuses these; environments and their rules are looked at alike.\n\n{told}"
    )


def _rule_lines(root: Mapping[str, Any]) -> Iterator[str]:
    for path, field in [("", root), *walk(root)]:
        for rule in field.get(_OWN_RULES, ()):
            where = f"{path}{rule.get('fieldPath', '')}".removeprefix(".")
            yield f"`{where}`: {rule['message']}." if where else f"{rule['message']}."


def command_line_page(app: typer.Typer) -> str:
    """Every verb with its arguments and options."""
    root: Any = typer.main.get_command(app)
    verbs = "".join(_verb(name, command) for name, command in sorted(_commands(root, ""), key=lambda pair: pair[0]))
    usage = "Every verb works as `truststream VERB` and, with `kubectl-truststream` in the path, as a plugin: "
    return (
        f"{_MADE}# Command line\n\n{root.help}\n\n{usage}`kubectl truststream VERB`. The exit code is 0 when all is "
        f"well, 1 when something was refused or found, 2 when the command was not understood.\n{verbs}"
    )


def _commands(command: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """All that is not hidden; Typer brings its own copy of click, whose classes have no public names."""
    children = getattr(command, "commands", None)
    if children is None:
        yield prefix, command
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _commands(child, f"{prefix} {name}".strip())


def _verb(name: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    usage = " ".join([name, *(_usage(argument) for argument in arguments), "[OPTIONS]"])
    rows = "".join(_parameter(parameter) for parameter in command.params)
    table = f"\n| Parameter | Meaning |\n|---|---|\n{rows}" if rows else ""
    return f"\n## {name}\n\n```\ntruststream {usage}\n```\n\n{command.help or ''}\n{table}"


def _usage(argument: Any) -> str:
    word = str(argument.name).upper() + ("..." if argument.nargs != 1 else "")
    return word if argument.required else f"[{word}]"


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    if parameter.param_type_name == "argument":
        names = f"`{str(parameter.name).upper()}`"
    return f"| {names} | {_cell(str(getattr(parameter, 'help', '') or ''))} |\n"
