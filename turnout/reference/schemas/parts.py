"""What schemas are made of."""

from typing import Any

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(description: str, properties: dict[str, Any], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object in which everything is there but for the optional."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "required": required, "properties": properties, **more}


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def or_null(schema: Schema, description: str) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


TIME: Schema = {"type": "string", "format": "date-time", "description": "UTC, with microseconds."}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
SECONDS: Schema = {"type": "string", "pattern": "^[0-9]{1,14}(\\.[0-9]{1,6})?$"}
"""Since 1970, as a text; larger ones are milliseconds (D7)."""
NOT_BLANK = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
"""A text with something in it, and without the one character that no value holds (B6)."""
