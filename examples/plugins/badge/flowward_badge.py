"""Log in with the number of a badge and a PIN, as on the terminal of a machine: a list in a file says who has which.

One person per line: `number, username, name, PIN`, the PIN as `python flowward_badge.py` prints it.
"""

import csv
import getpass
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from typing_extensions import override

from auth_plugins import (
    AuthPlugin,
    Field,
    FileSetting,
    Form,
    Identity,
    Kit,
    LoginRequest,
    Misconfigured,
    PluginSettings,
    Refused,
)

NOBODYS_PIN = "00" * 16 + "$" + "00" * 32


class BadgeSettings(PluginSettings):
    """The options of an entry with `plugin: badge`."""

    people: FileSetting


@dataclass(frozen=True)
class Holder:
    """Whose badge it is."""

    username: str
    name: str
    pin: str


class Badge(AuthPlugin[BadgeSettings]):
    """A form with two fields, checked against the list."""

    form = Form(
        fields=(
            Field(name="badge", label="Number of your badge", autocomplete="username"),
            Field(name="pin", label="PIN", kind="password", autocomplete="current-password"),
        )
    )

    def __init__(self, settings: BadgeSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        try:
            with settings.people.open(newline="", encoding="utf-8") as lines:
                self.holders = {row[0]: Holder(*row[1:4]) for row in csv.reader(lines, skipinitialspace=True) if row}
        except (OSError, TypeError, UnicodeDecodeError) as error:
            detail = (
                f"option 'people' names {settings.people}, which cannot be read: {error}. Write one person per line."
            )
            raise Misconfigured("people_unreadable", detail) from error

    @override
    async def login(self, request: LoginRequest) -> Identity | Form:
        if not request.fields:
            return self.form
        return await self.check_password(request.fields.get("badge", "").strip(), request.fields.get("pin", ""))

    @override
    async def check_password(self, username: str, password: str) -> Identity:
        holder = self.holders.get(username)
        # Also where there is no such badge, so that the time it takes does not tell which there are.
        right = await self.kit.offload(is_right, password, holder.pin if holder else NOBODYS_PIN)
        if holder is None or not right:
            raise Refused("badge_or_pin_wrong", f"badge {username[:20]}")
        return Identity(subject=username, username=holder.username, name=holder.name, amr=("pin",))

    @override
    async def examine(self, sample: str) -> Identity:
        """Whose badge a number is, for `flowward auth test`."""
        if (holder := self.holders.get(sample)) is None:
            raise Refused("badge_unknown", f"no line of {self.settings.people} begins with {sample[:20]}")
        return Identity(subject=sample, username=holder.username, name=holder.name)


def is_right(pin: str, kept: str) -> bool:
    """Whether that is the PIN. It takes a while on purpose: a PIN has few digits."""
    salt, _, digest = kept.partition("$")
    return bool(pin) and hmac.compare_digest(_digest(pin, bytes.fromhex(salt)), bytes.fromhex(digest))


def hashed(pin: str) -> str:
    """What stands in the list."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_digest(pin, salt).hex()}"


def _digest(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


if __name__ == "__main__":
    print(hashed(getpass.getpass("PIN: ")))
