"""The options of SAML: what an operator writes, parsed into what the plugin works with."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from pydantic import Field, PlainSerializer, PlainValidator, SecretStr, ValidationInfo, model_validator

from auth_plugins.contract import PluginSettings
from config.base import schema_of, text_of, wrong
from config.files import parse_file
from config.times import PositiveDuration

SMALLEST_KEY: Final = 2048
"""Bits of an RSA key (NIST SP 800-131A): below that a signature says nothing."""

Binding = Literal["redirect", "post"]
NameIdFormat = Literal["email", "persistent", "unspecified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate of which only the key is believed; who issued it means nothing in SAML."""

    pem: str
    name: str
    """Its subject, for people."""
    ends: float
    """Seconds since the epoch."""

    @classmethod
    def of(cls, der: bytes) -> "Certificate":
        """Raises ValueError where it is none, or its key is too short to be believed."""
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < SMALLEST_KEY:
            raise ValueError(f"its RSA key has {key.key_size} bits; at least {SMALLEST_KEY} are needed")
        return cls(
            pem=found.public_bytes(Encoding.PEM).decode(),
            name=found.subject.rfc4514_string() or f"serial {found.serial_number:x}",
            ends=found.not_valid_after_utc.timestamp(),
        )


def certificates_in(text: str) -> tuple[Certificate, ...]:
    """Every certificate of a PEM text, or the one that is bare base64. Raises ValueError."""
    if "-----BEGIN" in text:
        found = x509.load_pem_x509_certificates(text.encode())
        return tuple(Certificate.of(each.public_bytes(Encoding.DER)) for each in found)
    try:
        return (Certificate.of(base64.b64decode("".join(text.split()), validate=True)),)
    except binascii.Error as error:
        raise ValueError(f"it is not base64: {error}") from error


def _certificates(value: object, info: ValidationInfo) -> tuple[Certificate, ...]:
    remedy = "Write PEM, the base64 between its lines, or the path of a file, which is relative to this file."
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts:
        raise wrong("must be a list of certificates", remedy)
    if all(isinstance(each, Certificate) for each in texts):
        return tuple(texts)
    found = (_certificate(text_of(each, "must be a list of texts", remedy), info, remedy) for each in texts)
    return tuple(each for several in found for each in several)


def _certificate(text: str, info: ValidationInfo, remedy: str) -> tuple[Certificate, ...]:
    path = None if _is_itself(text) else parse_file(text, info)
    try:
        return certificates_in(path.read_text(encoding="utf-8") if path else text)
    except (ValueError, OSError) as error:
        raise wrong(f"has a certificate that cannot be read: {error}", remedy) from None


def _is_itself(text: str) -> bool:
    """Whether this is a certificate and not a path: DER begins with a sequence of some hundred bytes."""
    return "-----BEGIN" in text or (text.lstrip().startswith("MI") and len(text) > 200)


def secure_url(value: object) -> str:
    """An https address; http only on this machine."""
    remedy = "Write for example https://idp.example/saml2."
    url = urlsplit(text_of(value, "must be an address", remedy).strip())
    if url.scheme == "https" and url.hostname:
        return url.geturl()
    if url.scheme == "http" and _is_here(url.hostname):
        return url.geturl()
    raise wrong(f"must start with https://, but it is '{url.geturl()[:100]}'", remedy)


def _is_here(host: str | None) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"} or (host or "").endswith(".localhost")


def _metadata(value: object, info: ValidationInfo) -> str | Path:
    if isinstance(value, str) and "://" in value:
        return secure_url(value)
    return parse_file(value, info)


def _key(value: object, info: ValidationInfo) -> SecretStr:
    if isinstance(value, SecretStr):
        return value
    remedy = "Make one by openssl req -x509 -newkey rsa:3072 -nodes -keyout key.pem -out certificate.pem."
    path = parse_file(value, info)
    try:
        text = path.read_text(encoding="utf-8")
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, OSError) as error:
        raise wrong(f"must be a file with a private key in PEM, without a password: {error}", remedy) from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < SMALLEST_KEY:
        raise wrong(f"must be an RSA key of {SMALLEST_KEY} bits or more", remedy)
    return SecretStr(text)


def _certificate_file(value: object, info: ValidationInfo) -> Certificate:
    found = (value,) if isinstance(value, Certificate) else _certificate(str(parse_file(value, info)), info, "")
    if len(found) != 1:
        raise wrong(f"must be a file with one certificate, but holds {len(found)}", "Leave the others out.")
    return found[0]


def _match(key: SecretStr, certificate: Certificate) -> bool:
    own = load_pem_private_key(key.get_secret_value().encode(), None).public_key()
    return own == x509.load_pem_x509_certificate(certificate.pem.encode()).public_key()


KeyFile = Annotated[SecretStr, PlainValidator(_key), schema_of("file path")]
CertificateFile = Annotated[Certificate, PlainValidator(_certificate_file), schema_of("file path")]
Certificates = Annotated[
    tuple[Certificate, ...], PlainValidator(_certificates), PlainSerializer(lambda held: [each.pem for each in held])
]
Url = Annotated[str, PlainValidator(secure_url), schema_of("address")]
Metadata = Annotated[str | Path, PlainValidator(_metadata), PlainSerializer(str), schema_of("address or file path")]


class SamlSettings(PluginSettings):
    """How one SAML identity provider is reached and believed."""

    idp_metadata: Metadata | None = Field(default=None, description="Its metadata: a file, or an https address.")
    metadata_refresh: PositiveDuration = Field(default=3600.0, description="How often metadata is read again.")
    entry_point: Url | None = Field(default=None, description="Where people log in, where there is no metadata.")
    idp_issuer: str = Field(default="", description="Its entity id; in metadata of several, which of them.")
    certificates: Certificates = Field(default=(), description="What it signs with, the old and the new at rollover.")
    slo_url: Url | None = Field(default=None, description="Where it is told of logouts, where there is no metadata.")
    binding: Binding = Field(default="redirect", description="How requests are sent.")
    key: KeyFile | None = Field(default=None, description="File of our own private key (PEM): signs, decrypts.")
    certificate: CertificateFile | None = Field(default=None, description="File of the certificate (PEM) of that key.")
    want_response_signed: bool = Field(default=False, description="Ask for a signature on the response itself.")
    want_assertions_signed: bool = Field(
        default=False, description="Ask for a signature on the assertion even where the response around it has one."
    )
    allow_unsolicited: bool = Field(default=False, description="Whether the provider may start a login.")
    groups_attribute: str = Field(default="ff-roles", description="Attribute with the groups.")
    email_attribute: str = Field(default="", description="Attribute with the address; the usual ones if empty.")
    name_attribute: str = Field(default="", description="Attribute with the full name; the usual ones if empty.")
    username_attribute: str = Field(default="", description="Attribute with the username; the address if empty.")
    name_id_format: NameIdFormat = Field(default="email", description="What is asked for as NameID.")
    skew: Annotated[float, Field(ge=0, le=300)] = Field(
        default=60, description="Seconds its clock and ours may be apart."
    )

    @model_validator(mode="after")
    def _names_a_provider(self) -> "SamlSettings":
        inline = {"entry_point": self.entry_point, "slo_url": self.slo_url, "certificates": self.certificates}
        if self.idp_metadata is not None:
            if beside := [name for name, value in inline.items() if value]:
                raise wrong(f"idp_metadata and {', '.join(beside)} exclude each other", "Leave one of them out.")
        elif missing := [
            name for name, value in {**inline, "slo_url": "-", "idp_issuer": self.idp_issuer}.items() if not value
        ]:
            raise wrong(f"lack {', '.join(missing)}", "Write these, or idp_metadata alone, which holds them all.")
        if (self.key is None) != (self.certificate is None):
            raise wrong("name only one of key and certificate", "Write both files, or neither.")
        if self.key and self.certificate and not _match(self.key, self.certificate):
            raise wrong("name a key and a certificate that do not belong together", "Write those made at once.")
        return self
