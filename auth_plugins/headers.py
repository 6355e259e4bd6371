"""Who a proxy in front says is there: believed only of the proxy that is meant, and only where it proves itself."""

import hmac
import re
from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Annotated, Final, Literal

from cryptography import x509
from pydantic import Field, PlainValidator, field_validator, model_validator
from typing_extensions import override

from auth_plugins.contract import AuthPlugin, Kit, PluginSettings, SecretSetting
from auth_plugins.fingerprints import FingerprintSetting, alternative_names, certificate_of, fingerprint_of
from auth_plugins.values import CredentialRequest, Identity, Refused
from config.addresses import HostName, Network, NetworkSetting
from config.base import Listing, text_of, wrong

PRESETS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "authelia": {
            "user": "remote-user",
            "email": "remote-email",
            "display_name": "remote-name",
            "groups": "remote-groups",
        },
        "authentik": {
            "subject": "x-authentik-uid",
            "user": "x-authentik-username",
            "email": "x-authentik-email",
            "display_name": "x-authentik-name",
            "groups": "x-authentik-groups",
            "separator": "|",
        },
        "oauth2-proxy": {
            "subject": "x-forwarded-user",
            "user": "x-forwarded-preferred-username",
            "email": "x-forwarded-email",
            "groups": "x-forwarded-groups",
        },
    }
)
"""What each of these proxies calls its headers: Authelia and authentik behind a reverse proxy, oauth2-proxy as one."""
_SHORTEST_SECRET: Final = 16
_NEEDED: Final = frozenset(
    {
        "",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "origin",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }
)
"""Headers that say something else."""


def parse_header_name(value: object) -> str:
    """The name of a header (RFC 9110 section 5.1) without underscores: many servers take those for hyphens."""
    message, remedy = "must be the name of a header, without underscores", "Write for example Remote-User."
    name = text_of(value, message, remedy).lower()
    if re.fullmatch(r"[!#$%&'*+.^`|~0-9a-z-]+", name, re.ASCII) is None or name in _NEEDED:
        raise wrong(message, remedy)
    return name


HeaderName = Annotated[str, PlainValidator(parse_header_name)]


class HeadersSettings(PluginSettings):
    """Which proxy is believed, how it proves itself, and what it calls its headers."""

    networks: Listing[NetworkSetting] = Field(
        min_length=1, description="Networks of the proxy itself, by the connection's own other end."
    )
    secret: SecretSetting | None = Field(
        default=None, description="What the proxy sends in secret_header, at least 16 characters."
    )
    secret_header: HeaderName = Field(
        default="x-flowward-proxy-secret", description="Header in which it sends the secret."
    )
    fingerprints: Listing[FingerprintSetting] = Field(
        default=(), description="SHA-256 fingerprints of the client certificates by which the proxy proves itself."
    )
    certificate_names: Listing[HostName] = Field(
        default=(), description="Host names of those certificates, which server.tls.client_ca has verified."
    )
    preset: Literal["authelia", "authentik", "oauth2-proxy"] | None = Field(
        default=None, description="Names of the headers below as this proxy has them."
    )
    user: HeaderName | None = Field(default=None, description="Header of the username; needed without a preset.")
    subject: HeaderName | None = Field(
        default=None, description="Header of the person's lasting key; the username's if left out."
    )
    email: HeaderName | None = Field(default=None, description="Header of the e-mail address.")
    display_name: HeaderName | None = Field(default=None, description="Header of the name to show.")
    groups: HeaderName | None = Field(default=None, description="Header of the groups.")
    separator: str = Field(default=",", min_length=1, max_length=1, description="What stands between two groups.")
    emails_verified: bool = Field(
        default=False, description="Whether the proxy vouches that e-mail addresses are the person's."
    )

    @model_validator(mode="before")
    @classmethod
    def _preset_names_headers(cls, value: object) -> object:
        named = PRESETS.get(str(value.get("preset"))) if isinstance(value, Mapping) else None
        return {**named, **value} if named is not None and isinstance(value, Mapping) else value

    @field_validator("networks")
    @classmethod
    def _are_not_everybody(cls, networks: tuple[Network, ...]) -> tuple[Network, ...]:
        if any(network.prefixlen == 0 for network in networks):
            raise wrong("must be the proxy's own networks, not everybody's", "Write the proxy's address.")
        return networks

    @model_validator(mode="after")
    def _proxy_proves_itself(self) -> "HeadersSettings":
        if self.user is None:
            raise wrong("has neither preset nor user", "Name the header of the username, or a preset.")
        if self.secret is None and not self.fingerprints and not self.certificate_names:
            remedy = "Give a secret, or fingerprints or certificate_names of the proxy's client certificate."
            raise wrong("does not say how the proxy proves itself: an address alone can be anybody's there", remedy)
        if self.secret is not None and len(self.secret.get_secret_value()) < _SHORTEST_SECRET:
            raise wrong(f"has a secret of less than {_SHORTEST_SECRET} characters", "Write a longer one into its file.")
        names = [self.secret_header, *self.told]
        if len(set(names)) < len(names):
            raise wrong("has one header for two things", "Name another one.")
        return self

    @property
    def told(self) -> tuple[str, ...]:
        """Every header about the person."""
        found = (self.user, self.subject, self.email, self.display_name, self.groups)
        return tuple(name for name in found if name is not None)


class Headers(AuthPlugin[HeadersSettings]):
    """Believes headers of a named proxy. From anybody else they are nothing, whatever they say."""

    reads = frozenset({"peer"})

    def __init__(self, settings: HeadersSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        self._by_certificate = bool(settings.fingerprints or settings.certificate_names)
        proofs = {settings.secret_header} if settings.secret is not None else set()
        proofs |= {"certificate"} if self._by_certificate else set()
        self.reads = frozenset({"peer", *proofs, *settings.told})

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        settings, headers = self.settings, request.headers
        if not headers.get(settings.user or "") or not _within(request.peer, settings.networks):
            return None
        self._refuse_another(request)
        if any(not value.isprintable() for name, value in headers.items() if name != settings.secret_header):
            raise Refused("header_malformed", "a header has control characters, or is no UTF-8")
        user = self._told(headers, settings.user)
        subject = self._told(headers, settings.subject) if settings.subject else user
        if not user or not subject:
            raise Refused("header_missing", f"there is no {settings.user} or no {settings.subject}")
        return Identity(
            subject=subject,
            username=user,
            email=self._told(headers, settings.email),
            email_verified=settings.emails_verified,
            name=self._told(headers, settings.display_name),
            groups=self._groups(headers),
            amr=(),
        )

    @staticmethod
    def _told(headers: Mapping[str, str], name: str | None) -> str:
        return headers.get(name, "").strip() if name else ""

    def _groups(self, headers: Mapping[str, str]) -> tuple[str, ...] | None:
        """Its groups; None where it says nothing of them, which is not the same as none."""
        name = self.settings.groups
        if name is None or name not in headers:
            return None
        found = (group.strip() for group in headers[name].split(self.settings.separator))
        return tuple(group for group in found if group)

    def _refuse_another(self, request: CredentialRequest) -> None:
        """Whoever is at the proxy's address is not yet the proxy."""
        secret = self.settings.secret
        if secret is not None:
            sent = request.headers.get(self.settings.secret_header, "")
            kept = secret.get_secret_value()
            if not hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), kept.encode()):
                raise Refused("proxy_unproven", f"{request.peer} sent no right {self.settings.secret_header}")
        if self._by_certificate and not (request.certificate and self._is_meant(certificate_of(request.certificate))):
            raise Refused("proxy_unproven", f"{request.peer} showed no client certificate of the proxy's")

    def _is_meant(self, certificate: x509.Certificate) -> bool:
        if fingerprint_of(certificate) in self.settings.fingerprints:
            return True
        names = (each.value for each in alternative_names(certificate) if isinstance(each, x509.DNSName))
        return any(name.lower() in self.settings.certificate_names for name in names)


def _within(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        at = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    at = getattr(at, "ipv4_mapped", None) or at
    return any(at in network for network in networks)
