"""A name and a password on every request (RFC 7617), checked by another way in."""

import base64
import binascii

from pydantic import Field
from typing_extensions import override

from auth_plugins.contract import AuthPlugin, Kit, PluginSettings
from auth_plugins.values import CredentialRequest, Identity, Misconfigured, Refused
from config.names import Slug


class BasicSettings(PluginSettings):
    """Whose passwords these are."""

    against: Slug = Field(description="Name of the entry that checks them, for example local.")


class Basic(AuthPlugin[BasicSettings]):
    """Takes `Authorization: Basic`, for programs that know no other way. Whoever it is, is whoever `against` says."""

    reads = frozenset({"authorization"})
    scheme = "Basic"

    def __init__(self, settings: BasicSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        if settings.against == kit.name:
            raise Misconfigured(
                "asks_itself", f"option 'against' is '{kit.name}', this entry itself; name one that checks passwords"
            )

    @override
    def speaks_for(self) -> str:
        return self.settings.against

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        pair = name_and_password(request.headers.get("authorization", ""))
        if pair is None:
            return None
        username, password = pair
        if not username or not password:
            raise Refused("credentials_missing")
        return await self.kit.passwords(self.settings.against, username, password)


def name_and_password(field: str) -> tuple[str, str] | None:
    """What an Authorization field of this scheme holds; None for another scheme. Raises Refused for what is neither."""
    scheme, _, encoded = field.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(" \t"), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused("credentials_malformed", "the field is no Base64 of UTF-8 text") from None
    username, colon, password = text.partition(":")
    # RFC 7617 section 2: "The user-id and password MUST NOT contain any control characters."
    if not colon or any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text):
        raise Refused("credentials_malformed", "there is no colon in it, or a control character")
    return username, password
