"""What the schema has at a key, asked where an unknown key needs a suggestion or a variable needs a type."""

import difflib
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel

from config.source import Key


def section_in(annotation: object) -> type[BaseModel] | None:
    """The section that an annotation holds: itself, or inside of a list, a mapping or an option."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := section_in(inner))), None)


def section_at(root: type[BaseModel], key: Key) -> type[BaseModel] | None:
    """The section at a key; None where the schema has none there."""
    section: type[BaseModel] | None = root
    inside = False
    for part in key:
        if section is None:
            return None
        if isinstance(part, int) or inside:
            inside = False
        elif part in section.model_fields:
            annotation = section.model_fields[part].annotation
            section = section_in(annotation)
            inside = "Mapping" in str(annotation)
        else:
            return None
    return section


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that names what was probably meant, or all that could be."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known here: {', '.join(names)}." if names else "Remove it."
