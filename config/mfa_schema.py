"""The `mfa` section of flowward.yaml: who has to prove a second factor, and for how long a browser is remembered."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator, WithJsonSchema, field_validator

from config.base import Section, wrong
from config.names import parse_space
from config.times import Duration

_WORDS: Final = ("none", "admins", "all")
_LONGEST: Final = 64


def parse_enforce(value: object) -> str | tuple[str, ...]:
    """none, admins, all, or slugs of spaces. One slug alone is refused: `admin` would be a space that nobody is in."""
    if value in _WORDS:
        return str(value)
    slugs = value.split(",") if isinstance(value, str) and "," in value else value
    if not isinstance(slugs, list | tuple) or not slugs:
        message = "must be none, admins, all or a list of space slugs"
        raise wrong(message, "Write for example enforce: admins, or enforce: [acme].")
    return tuple(parse_space(slug.strip() if isinstance(slug, str) else slug) for slug in slugs)


_SLUGS: Final = {"type": "array", "items": {"type": "string", "title": "slug"}}
Enforce = Annotated[
    str | tuple[str, ...],
    PlainValidator(parse_enforce),
    WithJsonSchema({"anyOf": [{"enum": list(_WORDS)}, _SLUGS]}),
]


class Mfa(Section):
    """Second factors. Whoever has set one up is asked for it in any case; this says who must set one up."""

    enforce: Enforce = Field(
        default="none",
        description="Who may do nothing before they have set one up: none, admins, all, or the slugs of spaces whose "
        "members must.",
    )
    remember: Duration = Field(
        default=2592000.0,
        description="For how long a browser can be remembered in which one was proven; 0 asks at every login.",
    )
    issuer: str = Field(default="Flowward", description="Name of this gateway in authenticator apps and for passkeys.")

    @field_validator("issuer")
    @classmethod
    def _is_a_label(cls, value: str) -> str:
        # The colon stands between issuer and account in the label that authenticator apps read.
        if not 0 < len(value) <= _LONGEST or ":" in value or not value.isprintable():
            raise wrong(f"must be 1 to {_LONGEST} printable characters without a colon", "Write for example Acme.")
        return value
