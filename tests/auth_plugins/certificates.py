"""Client certificates for tests of plugins."""

from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PRINCIPAL_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
BORN = datetime(2023, 11, 1, tzinfo=UTC)
"""A fortnight before the clock of the tests' kit."""


def der_of(issued: trustme.LeafCert) -> bytes:
    return x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)


def written(
    *names: x509.GeneralName, common_names: tuple[str, ...] = ("Ada",), issuer: str = "Acme People", days: int = 90
) -> bytes:
    """One with these alternative names; who signed it does not matter to a plugin, since TLS has looked."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(BORN)
        .not_valid_after(BORN + timedelta(days=days))
    )
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(key, SHA256()).public_bytes(Encoding.DER)


def principal_name(text: str) -> x509.OtherName:
    """A UTF8String (X.690 section 8.23)."""
    return x509.OtherName(PRINCIPAL_NAME, bytes([0x0C, len(text.encode())]) + text.encode())
