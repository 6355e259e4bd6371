"""What passes between the gateway and a plugin: plain values, both ways."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a provider says about a visitor. The gateway decides which of its users that is."""

    subject: str
    """The provider's own, lasting key for the person; names and addresses change, this does not."""
    username: str
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()
    amr: tuple[str, ...] = ("pwd",)
    """How the visitor authenticated (RFC 8176)."""

    def __post_init__(self) -> None:
        if not self.subject or not self.username:
            raise ValueError("an identity needs a subject and a username: without them it could be anyone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of a login form."""

    name: str
    label: str
    kind: Literal["text", "password"] = "text"
    autocomplete: str = "off"
    """The purpose as HTML spells it (WHATWG HTML, autofill), so that password managers find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Ask the visitor for these fields; what is posted comes back in the next `LoginRequest`."""

    fields: tuple[Field, ...]
    message: str = ""
    """A sentence shown above the fields, where one is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Send the visitor to another address, such as an identity provider's."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Something the plugin publishes, such as metadata for an identity provider."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """One step of an interactive login."""

    fields: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the form posted; empty at the first step."""
    callback: str = ""
    """The address of the gateway that an identity provider may send the visitor back to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """A request that may carry a credential: only what the plugin declares in `reads`."""

    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """By lower-case name; present only where the request has them."""
    peer: str = ""
    """The address of the connection's other end, before any trusted proxy is looked through."""
    certificate: bytes = b""
    """The client's TLS certificate as DER; empty where there is none."""


class Refused(Exception):
    """The credential is wrong. `code` is stable and goes to logs and audit; it is not shown to the visitor."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unavailable(Exception):
    """The question could not be asked: the gateway answers 503 and counts no failed attempt."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Misconfigured(Exception):
    """The plugin cannot work with its settings; raised at start. `detail` names the option, its value and the remedy."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
