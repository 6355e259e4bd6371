"""Client certificates as TLS hands them over: read, and told apart by their fingerprints."""

import re
from typing import Annotated

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import PlainValidator

from auth_plugins.values import Refused
from config.base import text_of, wrong


def parse_fingerprint(value: object) -> str:
    """A SHA-256 fingerprint as OpenSSL or a browser prints it: 64 hexadecimal digits, with or without colons."""
    message, remedy = (
        "must be a SHA-256 fingerprint: 64 hexadecimal digits",
        "Take it from: openssl x509 -noout -fingerprint -sha256 -in FILE",
    )
    digits = text_of(value, message, remedy).rpartition("=")[2].replace(":", "").strip().lower()
    if re.fullmatch(r"[0-9a-f]{64}", digits, re.ASCII) is None:
        raise wrong(message, remedy)
    return digits


FingerprintSetting = Annotated[str, PlainValidator(parse_fingerprint)]
"""An option that names one certificate."""


def certificate_of(der: bytes) -> x509.Certificate:
    """The certificate. Raises Refused where it is none."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise Refused("certificate_malformed", str(error)) from error


def fingerprint_of(certificate: x509.Certificate) -> str:
    """The SHA-256 of the whole certificate, as hexadecimal digits."""
    return certificate.fingerprint(SHA256()).hex()


def alternative_names(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """What else its owner is called (RFC 5280 section 4.2.1.6). Raises Refused where that cannot be read."""
    try:
        return tuple(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()
    except ValueError as error:
        raise Refused("certificate_malformed", str(error)) from error
