"""Published schemas as hosts take them: flat and plain, saying no less than the models enforce."""

from typing import Any

Schema = dict[str, Any]


def plain(schema: Schema) -> Schema:
    """A pydantic schema without titles, definitions, references and null alternatives.

    Several hosts refuse `$ref`, `anyOf` with null and type arrays. "Not given" needs no null in the
    schema: the argument is left out, and null is still taken. Only what a result always gives, null
    included, keeps its null.
    """
    definitions = schema.get("$defs", {})
    shrunk = _shrunk({key: part for key, part in schema.items() if key != "$defs"}, definitions)
    return {**shrunk, "additionalProperties": False}


def outline(schema: Schema) -> Schema:
    """A plain schema of a result, down to the lists in it.

    No host validates a result deeper than that, and each definition costs every conversation; a
    row's members say themselves in the result.
    """
    kept = {key: part for key, part in schema.items() if key != "description"}
    properties = schema["properties"].items()
    return {**kept, "properties": {name: _without_members(part) for name, part in properties}}


def _without_members(schema: Schema) -> Schema:
    if schema.get("items", {}).get("type") == "object":
        return {**schema, "items": {"type": "object"}}
    return schema


def _shrunk(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**target, **{key: part for key, part in schema.items() if key != "$ref"}}
    if "anyOf" in schema and "default" in schema:
        schema = _without_null(schema, definitions)
    result = {
        key: part
        for key, part in schema.items()
        if key not in {"title", "properties", "items"} and not (key == "default" and not part)
    }
    if "properties" in schema:
        result["properties"] = {
            name: _shrunk(part, definitions) for name, part in schema["properties"].items()
        }
    if "items" in schema:
        result["items"] = _shrunk(schema["items"], definitions)
    if "const" in result:
        result["enum"] = [result.pop("const")]
    return result


def _without_null(schema: Schema, definitions: Schema) -> Schema:
    (kept,) = (part for part in schema["anyOf"] if part.get("type") != "null")
    rest = {key: part for key, part in schema.items() if key not in {"anyOf", "default"}}
    return {**_shrunk(kept, definitions), **rest}
