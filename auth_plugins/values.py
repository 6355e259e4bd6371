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
    email_verified: bool = False
    """Whether the provider vouches that the address is the person's."""
    name: str = ""
    image: str = ""
    """Address of a picture."""
    groups: tuple[str, ...] | None = None
    """None where the provider says nothing of groups, which is not the same as belonging to none."""
    amr: tuple[str, ...] = ("pwd",)
    """How the visitor authenticated (RFC 8176)."""
    session: str = ""
    """The provider's own session, by which it may end this login later: an OIDC `sid`, a SAML SessionIndex."""
    keep: str = ""
    """What the plugin wants back in `refresh` and `logout`; at most 16 KiB, kept with the session, never shown."""
    ends: float | None = None
    """When the provider wants the login to end (seconds since the epoch); the gateway's own times hold besides."""

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
    post: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Fields for the browser to post there; empty for a plain redirect."""
    keep: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the plugin wants back when the visitor returns, such as a nonce. It stays with the gateway, good once, and
    only for the browser that was sent away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Something the plugin publishes, such as metadata for an identity provider."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """One step of an interactive login."""

    fields: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the form posted, or what the provider sent back; empty at the first step."""
    flow: str = ""
    """A random name of this login, for the provider to send back in the plugin's `flow_field` (an OIDC `state`, a SAML
    RelayState). Empty when a provider sent a visitor who was never sent there."""
    returned: bool = False
    """Whether `fields` came with a visitor who comes back from the provider, and not from a form of the gateway."""
    keep: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the plugin kept in its last `Redirect`."""
    hint: str = ""
    """The name or address that the visitor has typed already, unproven."""
    again: bool = False
    """Whether the visitor is to prove anew who they are, though the provider may have a session of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """Somebody who logs out here, as the provider knows them."""

    subject: str
    session: str = ""
    keep: str = ""
    """Of the `Identity` they logged in by."""
    flow: str = ""
    """As in `LoginRequest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMessage:
    """What a provider sent to an address of the plugin other than its callback: through a browser, or on its own."""

    fields: Mapping[str, str]
    """Of the query and of a form in the body."""
    query: str = ""
    """As it came, undecoded: some signatures are over just these characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A login that ended at the provider; nobody's where both are empty, as when the provider confirms a logout here."""

    subject: str = ""
    """Whose logins by this provider all end, unless `session` names one."""
    session: str = ""
    """The provider's session whose logins end."""
    then: Redirect | None = None
    """Where the browser goes that brought the message; None answers it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a plugin found out about its provider, for whoever runs the gateway."""

    code: str
    """Stable, such as `certificate_expires`."""
    level: Literal["ok", "warning", "error"]
    detail: str
    """A sentence that names what was asked, what came back, and the remedy."""
    ends: float | None = None
    """When something ends that it warns of, such as a certificate (seconds since the epoch)."""


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
    """The credential is wrong. `code` is stable; it and `detail` go to logs and audit and are not shown to the visitor."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Unavailable(Exception):
    """The question could not be asked: the gateway answers 503 and counts no failed attempt."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Misconfigured(Exception):
    """The plugin cannot work with its settings; raised at start. `detail` names the option, its value and the remedy."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
