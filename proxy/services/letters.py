"""What is written to people: plain text that says what happened, who did it, and what to do if it was not they.

Nothing that a stranger typed is in a mail to somebody else, but for the names of whoever invites.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

_LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail before it has a receiver."""

    kind: str
    """What it is about, for logs."""
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What every mail begins and ends with."""

    product: str
    """What people know the gateway as."""
    home: str
    """The gateway's own origin."""
    contact: str
    """Whom to ask; empty for an admin."""

    def called(self, product: str) -> "Letterhead":
        """The same from an organisation that calls the gateway by a name of its own; as it is where there is none."""
        return replace(self, product=product) if product else self

    @property
    def whom(self) -> str:
        return self.contact or "an admin"

    def reset_link(self, username: str, token: str, *, address: str, until: float) -> Letter:
        return self._letter(
            "reset-link",
            "Choose a new password",
            f"Hello {plain(username)},",
            f"a new password for your account was asked for{_from(address)}. Choose it here, once, before {_time(until)}:",
            f"{self.home}/-/reset/{token}",
            "If it was not you, you need do nothing: your password stays as it is, and nobody but you has this link. "
            f"If it happens again and again, tell {self.whom}.",
        )

    def activation_link(self, username: str, link: str, *, by: str, until: float) -> Letter:
        return self._letter(
            "activation-link",
            f"Your account at {self.product}",
            f"Hello {plain(username)},",
            f"{plain(by)} sends you this link, by which you choose a password and log in, once, before {_time(until)}:",
            link,
            f"If you expected nothing of the kind, you need do nothing; tell {self.whom}.",
        )

    def password_changed(self, username: str, *, address: str, at: float) -> Letter:
        return self._letter(
            "password-changed",
            "Your password was changed",
            f"Hello {plain(username)},",
            f"the password of your account was changed at {_time(at)}{_from(address)}. All other sessions have ended.",
            f"If it was not you, somebody else has your account: choose another password at once at {self.home}/-/forgot, "
            f"and tell {self.whom}.",
        )

    def locked(self, username: str, *, address: str, until: float) -> Letter:
        return self._letter(
            "account-locked",
            "Your account is locked for a while",
            f"Hello {plain(username)},",
            f"too many logins with a wrong password were tried at your account, the last{_from(address)}. Until "
            f"{_time(until)} every login is refused, also with the right password; only where you have logged in from "
            "lately, it is not.",
            f"If it was you, wait, or choose a new password at {self.home}/-/forgot, which unlocks it. If it was not you, "
            f"your password was not found out: you need do nothing. If it happens again and again, tell {self.whom}.",
        )

    def factor_locked(self, username: str, *, address: str, until: float) -> Letter:
        return self._letter(
            "factor-locked",
            "Somebody has your password",
            f"Hello {plain(username)},",
            f"after the right password too many wrong second factors were tried at your account, the last{_from(address)}. "
            f"Until {_time(until)} none is taken, also not a right one.",
            f"If it was you, wait. If it was not, somebody else knows your password: choose another at once at "
            f"{self.home}/-/forgot, and tell {self.whom}.",
        )

    def factors_reset(self, username: str, *, at: float) -> Letter:
        return self._letter(
            "factors-reset",
            "Your second factors were taken away",
            f"Hello {plain(username)},",
            f"an admin took all second factors of your account away at {_time(at)}. All of your sessions have ended.",
            f"Set up another one at {self.home}/-/security once you are logged in. If you asked nobody for this, tell "
            f"{self.whom}.",
        )

    def code(self, code: str, *, until: float) -> Letter:
        return self._letter(
            "sign-up-code",
            f"{code} is your code for {self.product}",
            "Hello,",
            f"somebody, we hope you, is making an account with this address. Type this code on the page that asks for it, "
            f"before {_time(until)}:",
            code,
            "If it was not you, you need do nothing: without the code no account is made. Tell it to nobody.",
        )

    def has_account(self, username: str) -> Letter:
        return self._letter(
            "sign-up-known",
            f"You have an account at {self.product}",
            f"Hello {plain(username)},",
            "somebody, perhaps you, tried to make an account with this address, but there is one already: yours.",
            f"Log in at {self.home}/-/login. If you forgot the password, choose another at {self.home}/-/forgot.",
            "If it was not you, you need do nothing: whoever it was has learned nothing.",
        )

    def address_link(self, token: str, *, until: float) -> Letter:
        return self._letter(
            "address-link",
            "Confirm your new mail address",
            "Hello,",
            f"this address is to become that of an account at {self.product}. Confirm it here, once, before "
            f"{_time(until)}:",
            f"{self.home}/-/email/{token}",
            "If it was not you, you need do nothing: without the link nothing changes.",
        )

    def address_taken(self, username: str) -> Letter:
        return self._letter(
            "address-taken",
            "Somebody wants your mail address",
            f"Hello {plain(username)},",
            "somebody wanted this address for another account. Nothing has changed: it is yours, and they have not been "
            "told so.",
            "If that was you, take it off this account first. If it was not, you need do nothing.",
        )

    def address_asked(self, username: str, *, address: str) -> Letter:
        return self._letter(
            "address-asked",
            "Your mail address is to be changed",
            f"Hello {plain(username)},",
            f"a change of your account's mail address was asked for{_from(address)}. It takes effect once the new address "
            "is confirmed; then mail goes there, and not here.",
            f"If it was not you, somebody else has your account: choose another password at once at {self.home}/-/forgot, "
            f"which ends all this, and tell {self.whom}.",
        )

    def address_changed(self, username: str, *, address: str) -> Letter:
        return self._letter(
            "address-changed",
            "Your mail address was changed",
            f"Hello {plain(username)},",
            f"your account has another mail address now, confirmed{_from(address)}. Mail goes there from now on, and not "
            "here. All sessions have ended.",
            f"If it was not you, somebody else has your account: tell {self.whom} at once.",
        )

    def invitation(self, by: str, space: str, *, sign_up: bool) -> Letter:
        way = f"If you have no account yet, make one with this address first: {self.home}/-/register" if sign_up else ""
        return self._letter(
            "invitation",
            f"You are invited at {self.product}",
            f"{plain(by)} invites you to join {plain(space)}. The invitation is good for seven days. Log in to accept it: "
            f"{self.home}/",
            way,
            "If you know nothing of it, you need do nothing.",
        )

    def _letter(self, kind: str, subject: str, *paragraphs: str) -> Letter:
        signature = f"-- \n{self.product}, {self.home}\n"
        text = "\n\n".join([*filter(None, paragraphs), signature])
        return Letter(kind=kind, subject=subject, text=text)


def plain(name: str) -> str:
    """A name as part of a sentence: on one line, short, and nothing in it that a mail program makes a link of."""
    text = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    for mark in ("://", "www."):
        text = text.replace(mark, mark[:-1] + " ")
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "…"


def _from(address: str) -> str:
    return f" from the address {address}" if address else ""


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
