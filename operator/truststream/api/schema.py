"""From a pydantic model to a structural schema, as a CustomResourceDefinition wants it.

Structural means: everything in place (no references), one type each, no `null` alternatives, no
`additionalProperties: false` (the API server prunes what it does not know).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import SchemaSerializer, core_schema

from truststream.api.base import ApiModel

Schema = dict[str, Any]

_DROPPED: Final = ("title", "$defs")
_INT_FORMAT: Final = "int64"


def structural(model: type[ApiModel], decorate: Callable[[str, Schema], None], *, defaults: bool = True) -> Schema:
    """The model's schema; `decorate` gets every object schema with its model's name and may add to it.

    Without `defaults` the API server fills nothing in: right for a status, of which only the operator writes.
    """
    source = model.model_json_schema(by_alias=True, schema_generator=_WithFactories)
    return _Converter(source.get("$defs", {}), decorate, defaults).convert(source)


def walk(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every field below a structural schema with its path, `[]` for list items and `{}` for map values."""
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, field
        yield from walk(field, here)
    if isinstance(items := schema.get("items"), dict):
        yield from walk(items, f"{path}[]")
    if isinstance(values := schema.get("additionalProperties"), dict):
        yield from walk(values, f"{path}{{}}")


class _WithFactories(GenerateJsonSchema):
    """pydantic leaves out defaults that a factory makes and those of types with a schema of their own."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = self.generate_inner(schema["schema"])
        factory = schema.get("default_factory")
        value = factory() if factory else schema.get("default")  # type: ignore[call-arg]
        if value is not None:
            result = {**result, "default": _encode(value, schema["schema"])}
        return result


def _encode(value: object, schema: core_schema.CoreSchema) -> object:
    """As YAML has it. An object's fields have their own defaults: the API server fills an empty one."""
    if isinstance(value, ApiModel):
        return {}
    if isinstance(value, list):
        return [
            item.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            if isinstance(item, ApiModel)
            else _whole(item)
            for item in value
        ]
    if isinstance(value, dict):
        return dict(value)
    return _whole(SchemaSerializer(schema).to_python(value, mode="json"))


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value == int(value) else value


class _Converter:
    def __init__(
        self, definitions: Mapping[str, Schema], decorate: Callable[[str, Schema], None], defaults: bool
    ) -> None:
        self._definitions = definitions
        self._decorate = decorate
        self._defaults = defaults

    def convert(self, source: Mapping[str, Any]) -> Schema:
        """One schema and everything below it."""
        schema, title = self._flatten(source)
        if not self._defaults or schema.get("default", ...) is None:
            schema.pop("default", None)
        self._bounds(schema)
        self._children(schema)
        if "properties" in schema:
            self._decorate(title, schema)
        return _ordered(schema)

    def _flatten(self, source: Mapping[str, Any]) -> tuple[Schema, str]:
        """Follow references and drop the `null` alternative; what stands nearer to the field wins."""
        schema = dict(source)
        while True:
            if "$ref" in schema:
                target = self._definitions[schema.pop("$ref").rpartition("/")[2]]
            elif "anyOf" in schema:
                (target,) = (choice for choice in schema.pop("anyOf") if choice.get("type") != "null")
                schema.pop("title", None)
            else:
                break
            schema = {**target, **schema}
        title = str(schema.get("title", ""))
        return {key: value for key, value in schema.items() if key not in _DROPPED}, title

    def _bounds(self, schema: Schema) -> None:
        """OpenAPI 3.0 writes what is exclusive as a flag, and one value as an enum."""
        for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if flag in schema:
                schema[bound], schema[flag] = schema[flag], True
        if "const" in schema:
            schema["enum"] = [schema.pop("const")]
        if schema.get("type") == "integer":
            schema["format"] = _INT_FORMAT

    def _children(self, schema: Schema) -> None:
        schema.pop("propertyNames", None)
        if "patternProperties" in schema:  # a map whose keys have a pattern: structural schemas know none
            (schema["additionalProperties"],) = schema.pop("patternProperties").values()
        if "properties" in schema:
            schema.pop("additionalProperties", None)
            schema["properties"] = {name: self.convert(field) for name, field in schema["properties"].items()}
        elif isinstance(schema.get("additionalProperties"), dict):
            schema["additionalProperties"] = self.convert(schema["additionalProperties"])
        elif "additionalProperties" in schema:
            del schema["additionalProperties"]
        if "items" in schema:
            schema["items"] = self.convert(schema["items"])


def _ordered(schema: Schema) -> Schema:
    """Description, type and default first: the file is read by people too."""
    first = [key for key in ("description", "type", "default", "enum") if key in schema]
    return {key: schema[key] for key in (*first, *(key for key in schema if key not in first))}
