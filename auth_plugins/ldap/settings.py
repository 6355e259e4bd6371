"""What an operator writes about a directory, and what it means for OpenLDAP and for Active Directory."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import parse_filter
from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from typing_extensions import override

from auth_plugins.contract import FileSetting, PluginSettings, SecretSetting
from auth_plugins.ldap.filters import filled, placeholders
from config.base import wrong
from config.times import PositiveDuration

# AD's LDAP_MATCHING_RULE_IN_CHAIN: follows a chain of groups inside the directory (MS-ADTS 3.1.1.3.4.4.3).
IN_CHAIN: Final = "1.2.840.113556.1.4.1941"


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    tls: bool
    """From the first byte on (ldaps)."""

    @override
    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class Attributes(PluginSettings):
    """Which attribute says what; empty for the preset's."""

    username: str = ""
    email: str = ""
    name: str = ""


class GroupSource(PluginSettings):
    """Where the groups of a person come from."""

    mode: Literal["none", "member_of", "search"] | None = None
    base_dn: str = ""
    """Where the groups are; others do not count."""
    filter: str = ""
    """With `{dn}` (of the person, or with `nested: walk` of a group) and `{username}`."""
    nested: Literal["none", "walk", "rule"] = "none"
    name: str = "cn"
    """The attribute whose value is the group's name."""

    @field_validator("filter")
    @classmethod
    def _names_the_member(cls, value: str) -> str:
        return _sound(value, {"dn", "username"}) if value else value

    @model_validator(mode="after")
    def _fits_together(self) -> "GroupSource":
        if self.nested == "rule" and self.mode not in {None, "search"}:
            raise wrong("has nested: rule, which needs a search", f"Write mode: search, not mode: {self.mode}.")
        if self.filter and self.mode in {"none", "member_of"}:
            raise wrong(f"has a filter, which mode: {self.mode} does not use", "Write mode: search or remove it.")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a kind of directory names what we ask for."""

    user_filter: str
    subject: str
    username: str
    email: str
    name: str
    groups: Literal["none", "member_of"]


OPENLDAP: Final = Layout(
    user_filter="(uid={username})", subject="entryUUID", username="uid", email="mail", name="displayName", groups="none"
)
ACTIVE_DIRECTORY: Final = Layout(
    user_filter="(&(objectCategory=person)(objectClass=user)"
    "(|(sAMAccountName={username})(userPrincipalName={username})))",
    subject="objectGUID",
    username="sAMAccountName",
    email="mail",
    name="displayName",
    groups="member_of",
)


class LdapSettings(PluginSettings):
    """The options of an entry with `plugin: ldap`."""

    start_tls: bool = False
    insecure_plain: bool = False
    insecure_skip_verify: bool = False
    url: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(min_length=1)
    """ldaps://HOST[:PORT] or ldap://HOST[:PORT]; of several the first that answers is asked."""
    ca: FileSetting | None = None
    """Certificates that sign the servers' own (PEM); those of the system if left out."""
    bind_dn: str = ""
    """Who looks people up; anonymous if empty."""
    bind_password: SecretSetting | None = Field(default=None, validate_default=True)
    base_dn: str = Field(min_length=1)
    active_directory: bool = False
    user_filter: str = ""
    subject: str = ""
    """The attribute that stays the same for as long as there is the account."""
    attributes: Attributes = Attributes()
    email_verified: bool = True
    groups_from: GroupSource | None = None
    timeout: PositiveDuration = 2.2
    """Seconds for a whole answer; the login page waits no longer than 2.5."""
    connect_timeout: PositiveDuration = 1.0
    """Seconds for one address of a server to connect, and for a connection in use to show that it still is one."""
    connections: int = Field(default=4, ge=1, le=64)
    """Questions asked at the same time."""

    @field_validator("url")
    @classmethod
    def _keep_passwords_secret(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        encrypted, allowed = bool(info.data.get("start_tls")), bool(info.data.get("insecure_plain"))
        for address in map(address_of, value):
            if encrypted and address.tls:
                raise wrong(f"is {address}, but start_tls is true", "Write ldap:// for StartTLS, or remove start_tls.")
            if not (address.tls or encrypted or allowed or address.loopback):
                raise wrong(
                    f"is {address}, to which passwords would go in the clear",
                    "Write ldaps:// or start_tls: true; insecure_plain: true allows it all the same.",
                )
        return value

    @field_validator("user_filter")
    @classmethod
    def _names_the_person(cls, value: str) -> str:
        return _sound(value, {"username", "email"}) if value else value

    @field_validator("bind_password")
    @classmethod
    def _belongs_to_somebody(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (value is not None) != bool(info.data.get("bind_dn")):
            raise wrong("and bind_dn go together", "Write both, or neither to look people up anonymously.")
        return value

    @property
    def servers(self) -> tuple[Address, ...]:
        return tuple(map(address_of, self.url))

    @property
    def layout(self) -> Layout:
        """The preset with what the operator wrote instead."""
        preset = ACTIVE_DIRECTORY if self.active_directory else OPENLDAP
        return Layout(
            user_filter=self.user_filter or preset.user_filter,
            subject=self.subject or preset.subject,
            username=self.attributes.username or preset.username,
            email=self.attributes.email or preset.email,
            name=self.attributes.name or preset.name,
            groups=preset.groups,
        )

    @property
    def groups(self) -> "Groups":
        """Where groups come from, all of it decided."""
        source = self.groups_from or GroupSource(mode=self.layout.groups)
        default: Literal["member_of", "search"] = (
            "search" if source.nested == "rule" or self.layout.groups == "none" else "member_of"
        )
        members = f"(member:{IN_CHAIN}:={{dn}})" if source.nested == "rule" else "(|(member={dn})(uniqueMember={dn}))"
        mode = source.mode or default
        return Groups(
            mode=mode,
            base_dn=source.base_dn or ("" if mode == "member_of" else self.base_dn),
            filter=source.filter or members,
            walk=source.nested == "walk",
            name=source.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Where the groups of a person come from."""

    mode: Literal["none", "member_of", "search"]
    base_dn: str
    """Where they are; empty for anywhere, as far as a person's own entry names them."""
    filter: str
    walk: bool
    """Also the groups that those groups are in."""
    name: str


def address_of(url: str) -> Address:
    """The server a URL names. Raises ValueError."""
    remedy = "Write for example ldaps://dir.example:636."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise wrong(f"is '{url}', which is no address of a server", remedy) from error
    if (
        parts.scheme not in {"ldap", "ldaps"}
        or not host
        or parts.username
        or parts.query
        or parts.path not in {"", "/"}
    ):
        raise wrong(f"is '{url}', which is no address of a server", remedy)
    tls = parts.scheme == "ldaps"
    return Address(host=host, port=port or (636 if tls else 389), tls=tls)


def _sound(text: str, names: set[str]) -> str:
    """The filter, if it can be asked and asks for somebody in particular. Raises ValueError."""
    if not placeholders(text) & names:
        # Such a filter finds the same entry whatever is typed, and so everybody would be that person.
        raise wrong("names nobody in particular", f"Use one of {', '.join(f'{{{name}}}' for name in sorted(names))}.")
    if unknown := placeholders(text) - names:
        raise wrong(f"has {{{min(unknown)}}}, which stands for nothing", f"There are {', '.join(sorted(names))}.")
    try:
        parse_filter(filled(text, dict.fromkeys(names, "x")), None, False, True, None, False)  # type: ignore[no-untyped-call]
    except (LDAPException, IndexError, AttributeError) as error:
        raise wrong("is no LDAP filter", "Write one as of RFC 4515, for example (uid={username}).") from error
    return text
