"""Pydantic's errors, told in our words: what it must be, what it is, what to do."""

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.problems import Problem
from config.shape import section_at, suggestion
from config.source import Key, Source, key_text, shown

_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "Add {name}."),
    "string_type": ("must be text", "Put it in quotes."),
    "bool_type": ("must be true or false", "Write true or false."),
    "int_type": ("must be a whole number", "Write it in digits."),
    "literal_error": ("must be {expected}", "Choose one of them."),
    "tuple_type": ("must be a list", "Write [first, second]."),
    "model_type": ("must be a mapping", "Write key: value lines below it."),
    "mapping_type": ("must be a mapping", "Write key: value lines below it."),
    "greater_than_equal": ("must be at least {ge}", "Raise it."),
    "too_short": ("must have at least {min_length} entry", "Add one, or leave {name} out for the default."),
    "string_too_short": ("must not be empty", "Write a text."),
    "string_too_long": ("must be at most {max_length} characters long", "Shorten it."),
}


def _problem(error: ErrorDetails, schema: type[BaseModel], source: Source) -> Problem:
    # Pydantic marks an error in the key of a mapping itself by a last part "[key]".
    key: Key = error["loc"][:-1] if error["loc"][-1:] == ("[key]",) else error["loc"]
    name = key_text(key[-1:])
    context = error.get("ctx", {})
    value = None if error["type"] == "missing" else shown(key, error["input"])
    if error["type"] == "extra_forbidden":
        section = section_at(schema, key[:-1])
        known = section.model_fields if section is not None else ()
        return source.problem(key, "is not a setting", suggestion(name, known))
    if error["type"] == "setting":
        return source.problem(key, context["message"], context["remedy"], value=value)
    message, remedy = _WORDS.get(error["type"], (error["msg"], "Correct it."))
    words = {"name": name, **context}
    return source.problem(key, message.format_map(words), remedy.format_map(words), value=value)


def problems_of(error: ValidationError, schema: type[BaseModel], source: Source) -> list[Problem]:
    """Every problem of a mapping that does not fit the schema, in the order of the file."""
    details = error.errors(include_url=False)
    refused = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    # A list whose entries are all refused counts as too short as well, which tells nothing new.
    told = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in refused]
    return sorted((_problem(detail, schema, source) for detail in told), key=lambda problem: problem.line or 0)
