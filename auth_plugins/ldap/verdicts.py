"""What a directory's answer to a bind means: that it was them, that it was not, or that it could not be asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from auth_plugins.values import Refused, Unavailable

PASSWORD_POLICY: Final = ("1.3.6.1.4.1.42.2.27.8.5.1", False, None)
"""Asks servers that know it to say why they refuse (draft-behera-ldap-password-policy section 6.1)."""

# Result codes of RFC 4511 section 4.1.9.
SUCCESS: Final = 0
OPERATIONS_ERROR: Final = 1
SIZE_LIMIT_EXCEEDED: Final = 4
STRONGER_AUTH_REQUIRED: Final = 8
CONFIDENTIALITY_REQUIRED: Final = 13
CONSTRAINT_VIOLATION: Final = 19
NO_SUCH_OBJECT: Final = 32
INAPPROPRIATE_AUTHENTICATION: Final = 48
INVALID_CREDENTIALS: Final = 49
INSUFFICIENT_ACCESS: Final = 50
BUSY: Final = 51
UNAVAILABLE: Final = 52
UNWILLING: Final = 53

# Windows' reasons for a refusal, in the diagnostic message as "... AcceptSecurityContext error, data 52e, v4563".
_WINDOWS: Final[Mapping[str, tuple[str, str]]] = {
    "525": ("user_unknown", "Active Directory knows no such account (525)"),
    "52e": ("credentials_wrong", "the password is wrong (52e)"),
    "530": ("login_hours", "not allowed to log in at this hour (530)"),
    "531": ("login_place", "not allowed to log in from this computer (531)"),
    "532": ("password_expired", "the password has expired (532)"),
    "533": ("account_disabled", "the account is disabled (533)"),
    "701": ("account_expired", "the account has expired (701)"),
    "773": ("password_must_change", "the password must be changed first (773)"),
    "775": ("account_locked", "too many wrong passwords have locked the account (775)"),
}
_DATA: Final = re.compile(r"\bdata ([0-9a-f]{3,4})\b", re.IGNORECASE)

# Errors of the password policy control's answer (draft-behera-ldap-password-policy section 6.2).
_POLICY: Final[Mapping[int, tuple[str, str]]] = {
    0: ("password_expired", "the password has expired (password policy)"),
    1: ("account_locked", "the password policy has locked the account"),
    2: ("password_must_change", "the password must be changed first (password policy)"),
}
_POLICY_ERROR: Final = 0x81


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A server's result."""

    code: int
    message: str = ""
    policy: int | None = None
    """The password policy's objection."""

    @classmethod
    def of(cls, result: Mapping[str, object]) -> "Answered":
        """From ldap3's."""
        code, controls = result.get("result"), result.get("controls")
        control = controls.get(PASSWORD_POLICY[0]) if isinstance(controls, Mapping) else None
        value = control.get("value") if isinstance(control, Mapping) else None
        return cls(
            code=code if isinstance(code, int) else -1,
            message=str(result.get("message") or "").rstrip("\0"),
            policy=policy_error(value) if isinstance(value, bytes) else None,
        )

    @override
    def __str__(self) -> str:
        return f"result {self.code}" + (f", {self.message}" if self.message else "")


def policy_error(value: bytes) -> int | None:
    """The error in a PasswordPolicyResponseValue; it has no part longer than 127 bytes (X.690 section 8.1.3.4)."""
    rest = value[2:]
    while len(rest) > 2:
        if rest[0] == _POLICY_ERROR:
            return rest[2]
        rest = rest[2 + rest[1] :]
    return None


def judge(answered: Answered) -> None:
    """Return where the bind was right. Raises Refused where it is the visitor who is refused, else Unavailable."""
    if answered.policy is not None and (objection := _POLICY.get(answered.policy)):
        raise Refused(*objection)
    if answered.code == SUCCESS:
        return
    if answered.code in {INVALID_CREDENTIALS, NO_SUCH_OBJECT, INAPPROPRIATE_AUTHENTICATION}:
        found = _DATA.search(answered.message)
        known = _WINDOWS.get(found[1].lower()) if found else None
        raise Refused(*(known or ("credentials_wrong", f"the directory refuses the password ({answered})")))
    if answered.code == CONSTRAINT_VIOLATION:  # how 389 Directory Server and FreeIPA say it
        raise Refused("account_locked", f"too many wrong passwords have locked the account ({answered})")
    if answered.code == UNWILLING and "inactivated" in answered.message:  # likewise
        raise Refused("account_disabled", f"the account is disabled ({answered})")
    raise Unavailable(*trouble(answered))


def trouble(answered: Answered) -> tuple[str, str]:
    """Code and detail of an answer that says nothing of the visitor."""
    if answered.code in {STRONGER_AUTH_REQUIRED, CONFIDENTIALITY_REQUIRED}:
        return "tls_required", f"the directory takes passwords over TLS alone ({answered}); write ldaps:// or start_tls"
    return "directory_trouble", f"the directory answered {answered}"
