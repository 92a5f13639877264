"""The JSON Schema of every public wire type, printed by ``python -m models.schema``; the TypeScript is made from it."""

import json
import sys
from types import ModuleType
from typing import Any, Literal, cast, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import is_typeddict

from models import http, wire
from models.text import MAX_TEXT


def document() -> dict[str, Any]:
    """Return one JSON Schema whose ``$defs`` are the public types of ``models.wire`` and ``models.http``.

    What the hub says has every field; what it is told keeps those fields optional that have a default. Numbers both
    sides must agree on are there as constants. Raises ``ValueError`` if the modules use one name for two things.
    """
    types = _public(wire)
    for name, value in _public(http).items():
        if types.setdefault(name, value) is not value:
            raise ValueError(f"models.wire and models.http both define {name}")
    roots, schema = TypeAdapter.json_schemas(
        [(name, _mode(value), TypeAdapter(value)) for name, value in types.items()]
    )
    defs: dict[str, Any] = dict(schema["$defs"])
    for (name, _), root in roots.items():
        defs.setdefault(name, root)
    for name, number in {"PROTOCOL": wire.PROTOCOL, "MAX_TEXT": MAX_TEXT}.items():
        defs[name] = {"const": number}
    return {"$defs": cast("dict[str, Any]", _untitled(dict(sorted(defs.items()))))}


def _public(module: ModuleType) -> dict[str, Any]:
    """A module's own models, typed dicts and closed sets of words, by name."""
    return {name: value for name, value in vars(module).items() if _is_type(value, module.__name__)}


def _is_type(value: object, module: str) -> bool:
    if get_origin(value) is Literal:
        return True
    is_model = isinstance(value, type) and issubclass(value, BaseModel)
    return (is_model or is_typeddict(value)) and getattr(value, "__module__", "") == module and value is not wire.Wire


def _mode(value: object) -> JsonSchemaMode:
    return "serialization" if is_typeddict(value) else "validation"


def _untitled(node: object) -> object:
    """Drop the titles Pydantic makes up, which would each become an alias; a property called title stays."""
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _untitled(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}


def main() -> None:
    """Print the document."""
    json.dump(document(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
