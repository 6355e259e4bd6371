"""An identity provider of our own that signs, encrypts and leaves out whatever a test wants, with real keys."""

import base64
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from auth_plugins.saml.guards import NS

T: Any = xmlsec.constants
ISSUER = "https://idp.example/metadata"
SSO = "https://idp.example/sso"
SLO = "https://idp.example/slo"
BASE = "https://gate.example/-/auth/test"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
NOW = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its certificate, PEM."""

    key: str
    certificate: str

    @property
    def bare(self) -> str:
        """The base64 alone, as it stands in metadata."""
        return "".join(self.certificate.splitlines()[1:-1])


@cache
def pair(name: str, *, ends: float = NOW + 400 * 86400, bits: int = 2048, curve: bool = False) -> Pair:
    """The same key each time for a name."""
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.fromtimestamp(ends, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=4000))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Pair(pem, certificate.public_bytes(Encoding.PEM).decode())


def at(seconds: float) -> str:
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class Says:
    """What a response says. The defaults are those of one that is taken; None leaves a thing out."""

    request: str | None = "_r"
    request_in_assertion: str | None = "same"
    name: str = "ada@acme.example"
    format: str = EMAIL
    issuer: str = ISSUER
    outer_issuer: str | None = ISSUER
    audience: str | None = f"{BASE}/metadata"
    recipient: str | None = f"{BASE}/acs"
    destination: str | None = f"{BASE}/acs"
    begins: float = -5
    ends: float = 300
    confirmed_until: float | None = 300
    login: float = -5
    session_ends: float | None = None
    status: str = SUCCESS
    version: str = "2.0"
    method: str = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
    context: str = PASSWORD
    session: str = "_session-1"
    attributes: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"ff-roles": ["ff-acme-owner"]})
    response_id: str = "_response"
    assertion_id: str = "_assertion"
    condition: str = ""
    """More XML in Conditions."""

    def xml(self) -> etree._Element:
        assertion = self.assertion_text()
        response = (
            f'<samlp:Response xmlns:samlp="{NS["samlp"]}" xmlns:saml="{NS["saml"]}" ID="{self.response_id}" '
            f'Version="{self.version}" IssueInstant="{at(0)}"{_said(Destination=self.destination)}'
            f"{_said(InResponseTo=self.request)}>{_issuer(self.outer_issuer)}"
            f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>{assertion}</samlp:Response>'
        )
        return etree.fromstring(response)

    def assertion_text(self) -> str:
        answers = self.request if self.request_in_assertion == "same" else self.request_in_assertion
        until = None if self.confirmed_until is None else at(self.confirmed_until)
        ends = None if self.session_ends is None else at(self.session_ends)
        audience = (
            f"<saml:AudienceRestriction><saml:Audience>{self.audience}</saml:Audience></saml:AudienceRestriction>"
            if self.audience
            else ""
        )
        confirmation = f"{_said(Recipient=self.recipient)}{_said(InResponseTo=answers)}{_said(NotOnOrAfter=until)}"
        return (
            f'<saml:Assertion xmlns:saml="{NS["saml"]}" ID="{self.assertion_id}" Version="{self.version}" '
            f'IssueInstant="{at(0)}">{_issuer(self.issuer)}'
            f'<saml:Subject><saml:NameID Format="{self.format}">{self.name}</saml:NameID>'
            f'<saml:SubjectConfirmation Method="{self.method}"><saml:SubjectConfirmationData{confirmation}/>'
            f"</saml:SubjectConfirmation></saml:Subject>"
            f'<saml:Conditions NotBefore="{at(self.begins)}" NotOnOrAfter="{at(self.ends)}">{audience}'
            f"{self.condition}</saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{at(self.login)}" SessionIndex="{self.session}"'
            f"{_said(SessionNotOnOrAfter=ends)}><saml:AuthnContext><saml:AuthnContextClassRef>{self.context}"
            f"</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>{self._statement()}</saml:Assertion>"
        )

    def _statement(self) -> str:
        if not self.attributes:
            return ""
        texts = (
            f'<saml:Attribute Name="{name}">'
            + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in self.attributes.items()
        )
        return f"<saml:AttributeStatement>{''.join(texts)}</saml:AttributeStatement>"


def _said(**attributes: str | None) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value is not None)


def _issuer(name: str | None) -> str:
    return "" if name is None else f"<saml:Issuer>{name}</saml:Issuer>"


def assertion_in(response: etree._Element) -> etree._Element:
    found = response.find("saml:Assertion", namespaces=dict(NS))
    assert found is not None
    return found


def signature_in(element: etree._Element) -> etree._Element:
    found = element.find("ds:Signature", namespaces=dict(NS))
    assert found is not None
    return found


def sign(
    element: etree._Element,
    by: Pair,
    *,
    uri: str | None = None,
    method: Any = T.TransformRsaSha256,
    digest: Any = T.TransformSha256,
    transforms: Sequence[Any] = (T.TransformEnveloped, T.TransformExclC14N),
) -> etree._Element:
    """Sign an element where it stands; the signature follows its Issuer."""
    signature = xmlsec.template.create(element, T.TransformExclC14N, method, ns="ds")
    place = element.find("saml:Issuer", namespaces=dict(NS))
    if place is None:
        element.insert(0, signature)
    else:
        place.addnext(signature)
    target = f"#{element.get('ID')}" if uri is None else uri
    reference = xmlsec.template.add_reference(signature, digest, uri=target)
    for transform in transforms:
        xmlsec.template.add_transform(reference, transform)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
    xmlsec.tree.add_ids(element.getroottree().getroot(), ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(by.key, T.KeyDataFormatPem, None)
    context.key.load_cert_from_memory(by.certificate, T.KeyDataFormatPem)
    context.sign(signature)
    return element


def encrypt(
    response: etree._Element,
    to: Pair,
    *,
    transport: Any = T.TransformRsaOaep,
    content: Any = T.TransformAes256Cbc,
    bits: int = 256,
    beside: bool = False,
    instead: etree._Element | None = None,
) -> etree._Element:
    """Put the assertion into an EncryptedAssertion; `beside` has the key stand next to what it opens, as some do.

    `instead` of the assertion something else may be encrypted.
    """
    assertion = assertion_in(response)
    holder = etree.Element(f"{{{NS['saml']}}}EncryptedAssertion")
    data = xmlsec.template.encrypted_data_create(holder, content, type=T.TypeEncElement, ns="xenc")
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, transport)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(to.certificate, T.KeyDataFormatCertPem, None))
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(T.KeyDataAes, bits, T.KeyDataTypeSession)
    content_xml = assertion if instead is None else instead
    alone = etree.fromstring(etree.tostring(content_xml))  # alone, so that it carries all its namespaces
    data = context.encrypt_xml(data, alone)
    holder.append(data)
    if beside:
        moved = data.find(".//xenc:EncryptedKey", namespaces=dict(NS))
        assert moved is not None
        holder.append(deepcopy(moved))
        parent = moved.getparent()
        assert parent is not None
        outer = parent.getparent()
        assert outer is not None
        outer.remove(parent)
    response.replace(assertion, holder)
    return response


def base64_of(message: etree._Element | bytes) -> str:
    content = message if isinstance(message, bytes) else etree.tostring(message)
    return base64.b64encode(content).decode()


def metadata(*certificates: Pair, more: str = "", issuer: str = ISSUER) -> bytes:
    keys = "".join(
        f'<KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{each.bare}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"
        for each in certificates
    )
    redirect, post = (f"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-{each}" for each in ("Redirect", "POST"))
    return (
        f'<EntityDescriptor xmlns="{NS["md"]}" xmlns:ds="{NS["ds"]}" entityID="{issuer}"{more}>'
        f'<IDPSSODescriptor protocolSupportEnumeration="{NS["samlp"]}">{keys}'
        f'<SingleLogoutService Binding="{redirect}" Location="{SLO}"/>'
        f'<SingleSignOnService Binding="{redirect}" Location="{SSO}"/>'
        f'<SingleSignOnService Binding="{post}" Location="{SSO}/post"/>'
        "</IDPSSODescriptor></EntityDescriptor>"
    ).encode()
