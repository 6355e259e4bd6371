"""Client certificates at the gateway's own TLS listener (`server.tls.client_ca`)."""

from typing import Annotated, Final, Literal

from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import Field, PlainValidator
from typing_extensions import override

from auth_plugins.contract import AuthPlugin, PluginSettings
from auth_plugins.fingerprints import FingerprintSetting, alternative_names, certificate_of, fingerprint_of
from auth_plugins.values import CredentialRequest, Identity, Refused
from config.base import Listing, text_of, wrong

_UPN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""User principal name, as Active Directory's certificate services write it."""
_UTF8_STRING: Final = 0x0C


def parse_issuer(value: object) -> x509.Name:
    """A distinguished name as of RFC 4514, such as `CN=Acme People,O=Acme`."""
    message, remedy = (
        "must be a distinguished name",
        "Take it from: openssl x509 -noout -issuer -nameopt RFC2253 -in FILE",
    )
    try:
        return x509.Name.from_rfc4514_string(text_of(value, message, remedy))
    except ValueError:
        raise wrong(message, remedy) from None


class CertificateSettings(PluginSettings):
    """What in a certificate says whose it is, and which certificates count."""

    user: Literal["email", "upn", "common_name"] = Field(
        default="email",
        description="What names the person: the first e-mail address or user principal name among the alternative names, "
        "or the subject's common name.",
    )
    issuers: Listing[Annotated[x509.Name, PlainValidator(parse_issuer)]] = Field(
        default=(), description="Issuers whose certificates are people's; all of client_ca if empty."
    )
    fingerprints: Listing[FingerprintSetting] = Field(
        default=(), description="SHA-256 fingerprints of the certificates that are taken; all if empty."
    )
    emails_verified: bool = Field(
        default=False, description="Whether the issuers vouch that e-mail addresses are the person's."
    )


class Certificate(AuthPlugin[CertificateSettings]):
    """Whoever shows a certificate of an accepted issuer, as the TLS handshake has verified it, is whom it names."""

    reads = frozenset({"certificate"})

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        if not request.certificate:
            return None
        certificate, settings = certificate_of(request.certificate), self.settings
        if settings.issuers and certificate.issuer not in settings.issuers:
            return None
        user = self._user(certificate)
        if user is None:
            return None
        ends = certificate.not_valid_after_utc.timestamp()
        if settings.fingerprints and fingerprint_of(certificate) not in settings.fingerprints:
            raise Refused("certificate_not_listed", f"{fingerprint_of(certificate)} is none of 'fingerprints'")
        if ends <= self.kit.now():  # the connection may be older
            raise Refused("certificate_expired", f"it ended at {certificate.not_valid_after_utc.isoformat()}")
        emails = _emails(certificate)
        return Identity(
            subject=user,
            username=user,
            email=user if settings.user == "email" else emails[0] if emails else "",
            email_verified=settings.emails_verified,
            name=_common_name(certificate) or "",
            amr=("swk",),
            ends=ends,
        )

    def _user(self, certificate: x509.Certificate) -> str | None:
        """Who is named; None for a certificate that is not a person's, such as a proxy's."""
        match self.settings.user:
            case "email":
                return next(iter(_emails(certificate)), None)
            case "upn":
                return next(iter(_principal_names(certificate)), None)
            case "common_name":
                return _common_name(certificate)


def _emails(certificate: x509.Certificate) -> list[str]:
    names = (each.value for each in alternative_names(certificate) if isinstance(each, x509.RFC822Name))
    return [name for name in names if name]


def _principal_names(certificate: x509.Certificate) -> list[str]:
    names = (each for each in alternative_names(certificate) if isinstance(each, x509.OtherName))
    return [text for each in names if each.type_id == _UPN and (text := _utf8(each.value))]


def _common_name(certificate: x509.Certificate) -> str | None:
    """The one common name; None where there are several, or none."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) or None if len(found) == 1 else None


def _utf8(der: bytes) -> str:
    """The text of a DER UTF8String (X.690 section 8.23) of less than 128 bytes; empty for anything else."""
    if len(der) < 2 or der[0] != _UTF8_STRING or der[1] != len(der) - 2:
        return ""
    try:
        return der[2:].decode()
    except UnicodeDecodeError:
        return ""
