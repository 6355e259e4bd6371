"""What is asked of a directory: filters in which nothing that somebody typed is more than a value."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from ldap3.utils.conv import escape_bytes, escape_filter_chars

_PLACEHOLDER: Final = re.compile(r"\$?\{([a-z]+)\}")
_ANYTHING: Final = "*"
_GUID: Final = "objectguid"


def placeholders(text: str) -> set[str]:
    """What a filter leaves open: `{username}`, also spelled `${username}`."""
    return set(_PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The filter with these values in it, each escaped (RFC 4515 section 3); what a value says is not looked at again."""
    return _PLACEHOLDER.sub(lambda found: escape_filter_chars(values[found[1]]), text)


def of_typed(text: str, typed: str) -> str:
    """The filter for whoever typed this name or address."""
    return filled(text, {"username": typed, "email": typed})


def of_subject(text: str, attribute: str, subject: str) -> str:
    """The filter for one account by its lasting key; it must still satisfy the rest of what a login is asked."""
    anybody = _PLACEHOLDER.sub(_ANYTHING, text)
    return f"(&({attribute}={_key(attribute, subject)}){anybody})"


def subject_text(attribute: str, value: bytes) -> str:
    """The lasting key as text: a GUID as Active Directory's tools show it. Raises ValueError."""
    if attribute.lower() == _GUID:
        return str(UUID(bytes_le=value))
    return value.decode()


def _key(attribute: str, subject: str) -> str:
    """Raises ValueError where the attribute has no such values."""
    if attribute.lower() == _GUID:
        return str(escape_bytes(UUID(subject).bytes_le))
    return str(escape_filter_chars(subject))
