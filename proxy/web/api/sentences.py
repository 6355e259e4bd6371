"""The sentences under the fields of models, as descriptions in a JSON schema.

pydantic would read each module's source again for every model in it, which takes a gateway half of its time to start; they
are read here when the schema is made.
"""

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import lru_cache

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

Fields = Mapping[str, str]


class Told(GenerateJsonSchema):
    """Makes JSON schemas whose properties say what they are."""

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        properties = made.get("properties", {})
        for name, sentence in sentences(model).items():
            told = properties.get(model.model_fields[name].alias or name)
            if told is not None:
                told.setdefault("description", sentence)
        return made


def sentences(model: type[BaseModel]) -> Fields:
    """What stands under each field of a model, or of the base that declares it last."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        declared = _declared(each.__module__).get(each.__name__, {})
        found = {**{name: text for name, text in found.items() if name not in declared}, **declared}
    return {name: text for name, text in found.items() if text and name in model.model_fields}


@lru_cache(256)
def _declared(module: str) -> Mapping[str, Fields]:
    """Class -> its own fields -> what stands under them, which may be nothing."""
    if module == "builtins" or module.startswith("pydantic"):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {each.name: _fields(each) for each in tree.body if isinstance(each, ast.ClassDef)}


def _fields(declared: ast.ClassDef) -> Fields:
    return {
        field.target.id: _sentence(below)
        for field, below in zip(declared.body, [*declared.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }


def _sentence(statement: ast.stmt | None) -> str:
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
        case _:
            return ""
