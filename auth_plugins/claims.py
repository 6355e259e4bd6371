"""What a provider says of a person, from its JSON to an Identity: the one place where claims get a type."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Final

from pydantic import BeforeValidator

from auth_plugins.contract import PluginSettings
from auth_plugins.values import Identity, Refused
from config.base import Listing

LONGEST_TEXT: Final = 1024
"""Characters of one claim; RFC 7519 sets no limit, OpenID Connect 255 for `sub`."""
MOST_GROUPS: Final = 2000
_ILLEGIBLE: Final = {"Cc", "Cs"}
"""Control characters and halves of characters, as Unicode calls them."""


@dataclass(frozen=True, slots=True)
class Claims:
    """A JSON object of a provider. What is wrong in it is Refused; what is absent is empty or None."""

    values: Mapping[str, object]

    def at(self, path: str) -> object:
        """The value at a name, or at a path with dots (`realm_access.roles`); names may hold dots themselves."""
        return _at(self.values, path)

    def text(self, path: str) -> str:
        """Text, or a number as text; empty where it is absent."""
        match self.at(path):
            case None:
                return ""
            case str(value):
                return _legible(path, value)
            case int(number) if not isinstance(number, bool):
                return str(number)
            case other:
                raise Refused("claim_malformed", f"claim {path} must be text, and is {_kind(other)}")

    def number(self, path: str) -> float | None:
        """A number that is one: text of digits, booleans and infinities are not (RFC 7519 section 2, NumericDate)."""
        value = self.at(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15 or not isfinite(value):
            raise Refused("claim_malformed", f"claim {path} must be a number of seconds, and is {_kind(value)}")
        return float(value)

    def texts(self, path: str) -> tuple[str, ...] | None:
        """A list of texts; one text stands for the parts between its commas."""
        match self.at(path):
            case None:
                return None
            case str(value):
                parts: Sequence[object] = [part.strip() for part in value.split(",")]
            case list(several):
                parts = several
            case other:
                raise Refused("claim_malformed", f"claim {path} must be a list of texts, and is {_kind(other)}")
        if len(parts) > MOST_GROUPS:
            raise Refused("claim_too_long", f"claim {path} lists {len(parts)} entries; {MOST_GROUPS} are the limit")
        return tuple(dict.fromkeys(_each(path, part) for part in parts if part != ""))

    def true(self, path: str) -> bool:
        """Whether it says yes: true, or, as some providers write it, 1 or the text of either."""
        return self.at(path) in (True, "true", "1")

    def has(self, path: str, accepted: Sequence[str]) -> bool:
        """Whether a text, a list or the words of a text (as in `scope`) hold one of these."""
        match self.at(path):
            case str(value):
                return not {value, *value.split()}.isdisjoint(accepted)
            case list(several):
                return any(each in accepted for each in several if isinstance(each, str))
            case _:
                return False


class ClaimNames(PluginSettings):
    """Which claim says what; a path with dots reaches into objects."""

    subject: str = "sub"
    username: str = "preferred_username"
    email: str = "email"
    email_verified: str = "email_verified"
    name: str = "name"
    image: str = "picture"
    groups: Annotated[Listing[str], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)] = (
        "groups",
    )
    """Several are taken together; none means that the provider says nothing of groups."""


def parsed(text: str | bytes) -> Claims:
    """The claims in a JSON object. Raises ValueError, also where a name stands twice: readers differ on which counts."""
    if isinstance(found := loaded(text), dict):
        return Claims(found)
    raise ValueError("it is not a JSON object")


def loaded(text: str | bytes) -> object:
    """Any JSON, as strictly. Raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def identity_of(claims: Claims, names: ClaimNames, *, keep: str = "", ends: float | None = None) -> Identity:
    """Who the claims speak of. Raises Refused where they name nobody, or something in them has the wrong shape."""
    subject = claims.text(names.subject)
    if not subject.strip():
        raise Refused("subject_missing", f"claim {names.subject} is absent, so it is not said who this is")
    email = claims.text(names.email)
    image = _shown(claims.at(names.image))
    return Identity(
        subject=subject,
        username=claims.text(names.username) or email or subject,
        email=email,
        email_verified=bool(email) and claims.true(names.email_verified),
        name=_shown(claims.at(names.name)),
        image=image if image.startswith("https://") else "",
        groups=_groups(claims, names.groups),
        amr=claims.texts("amr") or (),
        session=claims.text("sid"),
        keep=keep,
        ends=ends,
    )


def check_required(claims: Claims, required: Mapping[str, Sequence[str]]) -> None:
    """Raise Refused unless each of these claims has one of the values named with it."""
    for path, accepted in required.items():
        if not claims.has(path, accepted):
            raise Refused("claim_required", f"claim {path} is none of {', '.join(accepted)} (option require)")


def _groups(claims: Claims, paths: Sequence[str]) -> tuple[str, ...] | None:
    found = [groups for groups in map(claims.texts, paths) if groups is not None]
    return tuple(dict.fromkeys(name for groups in found for name in groups)) if found else None


def _at(value: object, path: str) -> object:
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    found = (_at(value[head], path[len(head) + 1 :]) for head in _heads(value, path))
    return next((each for each in found if each is not None), None)


def _heads(value: Mapping[str, object], path: str) -> Iterator[str]:
    """The longest first, so that a client named `my.app` is not taken for `my`."""
    return iter(sorted((name for name in value if path.startswith(f"{name}.")), key=len, reverse=True))


def _each(path: str, part: object) -> str:
    if not isinstance(part, str):
        raise Refused("claim_malformed", f"claim {path} must list texts, and holds {_kind(part)}")
    return _legible(path, part)


def _legible(path: str, value: str) -> str:
    """The very same text, as keys of people are to be compared."""
    if len(value) > LONGEST_TEXT:
        raise Refused("claim_too_long", f"claim {path} has {len(value)} characters; {LONGEST_TEXT} are the limit")
    if any(unicodedata.category(character) in _ILLEGIBLE for character in value):
        raise Refused("claim_malformed", f"claim {path} holds control characters or half of a character")
    return value


def _shown(value: object) -> str:
    """What is shown and never compared, cleaned where it needs to be."""
    if not isinstance(value, str):
        return ""
    legible = (" " if unicodedata.category(character) in _ILLEGIBLE else character for character in value)
    return " ".join("".join(legible).split())[:LONGEST_TEXT]


def _kind(value: object) -> str:
    return {bool: "a boolean", str: "a text", list: "a list", dict: "an object"}.get(type(value), "something else")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in it")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
