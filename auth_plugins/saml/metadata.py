"""Metadata: what the provider publishes of itself, read; and what we publish for it, written."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

from lxml import etree

from auth_plugins.contract import Kit
from auth_plugins.saml.guards import NS, Element, find, parsed, tag
from auth_plugins.saml.settings import Binding, Certificate, SamlSettings, certificates_in, secure_url
from auth_plugins.saml.texts import moment
from auth_plugins.values import Refused, Unavailable

BINDINGS: Final[Mapping[Binding, str]] = {
    "redirect": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
    "post": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
}
NAME_FORMATS: Final[Mapping[str, str]] = {
    "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "persistent": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "unspecified": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
}
LONGEST: Final = 4 * 1024 * 1024
"""Bytes of metadata: one provider has a hundredth; those of a whole federation name one of its members."""
DEADLINE: Final = 2.0
"""Seconds for reading metadata while somebody waits to log in."""
BETWEEN: Final = 60.0
"""Seconds between two readings that responses with an unknown signature may cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idp:
    """An identity provider as it describes itself."""

    issuer: str
    logins: Mapping[Binding, str]
    """Where requests go, by how they are sent."""
    logouts: Mapping[Binding, str]
    logout_answers: Mapping[Binding, str]
    certificates: tuple[Certificate, ...]
    wants_requests_signed: bool = False
    valid_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """This gateway as a service provider, under one entry of the configuration."""

    base: str
    key: str
    """PEM; empty where there is none."""
    certificate: str
    """PEM; empty where there is no key."""
    wants_response_signed: bool
    wants_assertions_signed: bool
    skew: float
    """Seconds."""

    @property
    def acs(self) -> str:
        """Where responses come."""
        return f"{self.base}/acs"

    @property
    def slo(self) -> str:
        """Where messages about logouts come."""
        return f"{self.base}/slo"

    @property
    def entity_id(self) -> str:
        return f"{self.base}/metadata"


def described(content: bytes, issuer: str) -> Idp:
    """The provider of a metadata document: the one named, or the only one. Raises Refused."""
    root = parsed(content, LONGEST, comments=True)
    entities = [root] if root.tag == tag("md:EntityDescriptor") else list(root.iter(tag("md:EntityDescriptor")))
    found = [
        (entity, role)
        for entity in entities
        for role in find(entity, "md:IDPSSODescriptor")
        if not issuer or entity.get("entityID") == issuer
    ]
    if len(found) != 1:
        named = f" named '{issuer}'" if issuer else "; name it by option idp_issuer"
        raise Refused("metadata_provider", f"the metadata describe {len(found)} identity providers{named}")
    entity, role = found[0]
    ends = [end for node in (root, entity, role) if (end := moment(node, "validUntil")) is not None]
    return Idp(
        issuer=str(entity.get("entityID")),
        logins=_addresses(role, "md:SingleSignOnService", "Location"),
        logouts=_addresses(role, "md:SingleLogoutService", "Location"),
        logout_answers=_addresses(role, "md:SingleLogoutService", "ResponseLocation"),
        certificates=_signing(role),
        wants_requests_signed=role.get("WantAuthnRequestsSigned") in {"true", "1"},
        valid_until=min(ends, default=None),
    )


def _addresses(role: Element, service: str, attribute: str) -> Mapping[Binding, str]:
    found: dict[Binding, str] = {}
    for node in find(role, service):
        for binding, uri in BINDINGS.items():
            address = node.get(attribute) or node.get("Location")
            if node.get("Binding") == uri and address and binding not in found:
                found[binding] = _address(address)
    return found


def _address(address: str) -> str:
    try:
        return secure_url(address)
    except ValueError as error:
        raise Refused("metadata_address", f"an address of the provider {error}") from error


def _signing(role: Element) -> tuple[Certificate, ...]:
    """A key without `use` is for everything (SAML metadata 2.4.1.1)."""
    keys = [key for key in find(role, "md:KeyDescriptor") if key.get("use") in {None, "signing"}]
    texts = [node.text or "" for key in keys for node in key.iter(tag("ds:X509Certificate"))]
    try:
        found = tuple(dict.fromkeys(each for text in texts for each in certificates_in(text)))
    except ValueError as error:
        raise Refused("metadata_certificate", f"a certificate of the metadata cannot be used: {error}") from error
    if not found:
        raise Refused("metadata_certificate", "the metadata hold no certificate for signatures")
    return found


def of_settings(settings: SamlSettings) -> Idp:
    """The provider that the options describe themselves."""
    at = {settings.binding: settings.entry_point or ""}
    logouts: Mapping[Binding, str] = {"redirect": settings.slo_url} if settings.slo_url else {}
    return Idp(
        issuer=settings.idp_issuer,
        logins=at,
        logouts=logouts,
        logout_answers=logouts,
        certificates=settings.certificates,
    )


@dataclass(slots=True)
class Source:
    """The provider as it is known now: read at the first need, then again after `metadata_refresh` seconds.

    Metadata that cannot be read again are used until they say they end; one reading serves all who wait for it.
    """

    settings: SamlSettings
    kit: Kit
    known: Idp | None = None
    read_at: float = -inf
    trouble: str = ""
    """Why the last reading failed; empty where it did not."""
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def idp(self, *, newer_than: float | None = None) -> Idp:
        """Raises Unavailable where nothing is known, or what is known has ended."""
        now = self.kit.now()
        patience = BETWEEN if self.trouble else self.settings.metadata_refresh
        due = now if self.known is None else now - patience if newer_than is None else newer_than
        async with self._reading:
            if self.read_at < due:
                await self._read()
        if self.known is None:
            raise Unavailable("metadata_unreadable", self.trouble)
        if self.known.valid_until is not None and self.known.valid_until <= now:
            raise Unavailable("metadata_expired", "the provider's metadata have ended; it must publish new ones")
        return self.known

    async def renewed(self) -> Idp | None:
        """As it is after another reading; None where there was one just now, or nothing to read."""
        now = self.kit.now()
        if self.settings.idp_metadata is None or now < self.read_at + BETWEEN:
            return None
        return await self.idp(newer_than=now)

    async def _read(self) -> None:
        try:
            self.known, self.trouble = await self._found(), ""
        except (Refused, Unavailable) as error:
            self.trouble = error.detail or error.code
        self.read_at = self.kit.now()

    async def _found(self) -> Idp:
        match self.settings.idp_metadata:
            case None:
                return of_settings(self.settings)
            case Path() as path:
                content = await self.kit.offload(_content, path)
            case url:
                content = await self._fetched(url)
        return await self.kit.offload(described, content, self.settings.idp_issuer)

    async def _fetched(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await self.kit.fetch("GET", url, headers={"accept": "application/samlmetadata+xml, */*"})
        except (TimeoutError, Unavailable) as error:
            raise Unavailable("metadata_unreachable", f"{url} did not answer in time") from error
        if answer.status != 200:
            raise Unavailable("metadata_unreachable", f"{url} answered {answer.status} and not 200")
        return answer.body


def published(own: Own, name_format: str) -> bytes:
    """Our own metadata, for the provider to read (SAML metadata 2.4.4)."""
    root = etree.Element(
        tag("md:EntityDescriptor"), {"entityID": own.entity_id}, nsmap={"md": NS["md"], "ds": NS["ds"]}
    )
    signs = "true" if own.key else "false"
    wants = "true" if own.wants_assertions_signed else "false"
    said = {"protocolSupportEnumeration": NS["samlp"], "AuthnRequestsSigned": signs, "WantAssertionsSigned": wants}
    role = etree.SubElement(root, tag("md:SPSSODescriptor"), said)
    for use in ("signing", "encryption") if own.key else ():
        key = etree.SubElement(role, tag("md:KeyDescriptor"), {"use": use})
        data = etree.SubElement(etree.SubElement(key, tag("ds:KeyInfo")), tag("ds:X509Data"))
        etree.SubElement(data, tag("ds:X509Certificate")).text = "".join(own.certificate.splitlines()[1:-1])
    for uri in BINDINGS.values():
        etree.SubElement(role, tag("md:SingleLogoutService"), {"Binding": uri, "Location": own.slo})
    etree.SubElement(role, tag("md:NameIDFormat")).text = NAME_FORMATS[name_format]
    at = {"Binding": BINDINGS["post"], "Location": own.acs, "index": "0", "isDefault": "true"}
    etree.SubElement(role, tag("md:AssertionConsumerService"), at)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable("metadata_unreadable", f"{path}: {error.strerror}") from error
