"""From what a provider says of somebody to the identity the gateway is told."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from auth_plugins.saml.metadata import NAME_FORMATS
from auth_plugins.saml.response import Assertion
from auth_plugins.saml.settings import SamlSettings
from auth_plugins.values import Identity, Refused

TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_EMAILS: Final = ("email", "mail", "emailAddress", f"{_CLAIMS}emailaddress", "urn:oid:0.9.2342.19200300.100.1.3")
_NAMES: Final = (
    "displayName",
    "name",
    "cn",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "urn:oid:2.5.4.3",
)
_METHODS: Final = "http://schemas.microsoft.com/claims/authnmethodsreferences"
_SEVERAL_FACTORS: Final = ("multipleauthn", "multifactor", "mfa")
_WORDS: Final = {"password": "pwd", "smartcard": "sc", "kerberos": "wia", "x509": "swk"}


def identity_of(assertion: Assertion, settings: SamlSettings) -> Identity:
    """Raises Refused where nothing lasting names the person."""
    name = assertion.name
    email = _first(assertion, (settings.email_attribute,) if settings.email_attribute else _EMAILS)
    if not email and (name.format == NAME_FORMATS["email"] or "@" in name.value):
        email = name.value
    username = _first(assertion, (settings.username_attribute,)) or email or name.value
    subject = name.value
    if name.format == TRANSIENT:
        subject = _first(assertion, (settings.username_attribute,)) or email
    if not subject:
        raise Refused("name_transient", "the NameID is another one at each login; let the provider send a lasting one")
    return Identity(
        subject=subject,
        username=username,
        email=email,
        email_verified=bool(
            email
        ),  # the provider's signature vouches; for which domains it may is the gateway's to say
        name=_first(assertion, (settings.name_attribute,) if settings.name_attribute else _NAMES),
        groups=assertion.attributes.get(settings.groups_attribute),
        amr=_methods(assertion),
        session=assertion.session,
        keep=json.dumps(asdict(name)),
        ends=assertion.session_ends,
    )


def _first(assertion: Assertion, names: Sequence[str]) -> str:
    return next((value for name in names for value in assertion.attributes.get(name, ())), "")


def _methods(assertion: Assertion) -> tuple[str, ...]:
    """How the visitor authenticated, in the words of RFC 8176; nothing where the provider does not say."""
    said = [each.lower() for each in (*assertion.contexts, *assertion.attributes.get(_METHODS, ()))]
    found = [word for part, word in _WORDS.items() if any(part in each for each in said)]
    if any(part in each for each in said for part in _SEVERAL_FACTORS):
        found.append("mfa")
    return tuple(found)
