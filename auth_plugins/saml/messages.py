"""The messages we send, and the signatures of those that come in a query."""

import base64
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_plus, urlencode

import xmlsec
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from auth_plugins.saml.guards import LONGEST, NS, Element, decoded, tag
from auth_plugins.saml.metadata import BINDINGS, NAME_FORMATS, Idp, Own
from auth_plugins.saml.response import SUCCESS, NameId
from auth_plugins.saml.settings import Binding
from auth_plugins.saml.texts import stamp
from auth_plugins.values import Redirect, Refused

RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


def new_id() -> str:
    """An ID that nobody can guess (SAML core 1.3.4); it must not begin with a digit."""
    return f"_{secrets.token_hex(20)}"


def login_request(own: Own, at: str, *, name: str, id: str, now: float, again: bool) -> Element:  # noqa: A002
    """What asks the provider to say who a visitor is (SAML core 3.4.1)."""
    more = {"ProtocolBinding": BINDINGS["post"], "AssertionConsumerServiceURL": own.acs}
    request = _message("AuthnRequest", own, at, id, now, {**more, **({"ForceAuthn": "true"} if again else {})})
    if name != "unspecified":
        policy = {"Format": NAME_FORMATS[name], "AllowCreate": "true"}
        etree.SubElement(request, tag("samlp:NameIDPolicy"), policy)
    return request


def logout_request(own: Own, at: str, *, name: NameId, session: str, now: float) -> Element:
    """What tells the provider that somebody logs out here (SAML core 3.7.1)."""
    request = _message("LogoutRequest", own, at, new_id(), now, {"NotOnOrAfter": stamp(now + 300)})
    said = {"Format": name.format, "NameQualifier": name.qualifier, "SPNameQualifier": name.own_qualifier}
    named = etree.SubElement(request, tag("saml:NameID"), {key: value for key, value in said.items() if value})
    named.text = name.value
    if session:
        etree.SubElement(request, tag("samlp:SessionIndex")).text = session
    return request


def logout_response(own: Own, at: str, *, answers: str, now: float) -> Element:
    """What tells the provider that its logout was done here (SAML core 3.7.2)."""
    response = _message("LogoutResponse", own, at, new_id(), now, {"InResponseTo": answers})
    etree.SubElement(etree.SubElement(response, tag("samlp:Status")), tag("samlp:StatusCode"), {"Value": SUCCESS})
    return response


def _message(name: str, own: Own, at: str, id: str, now: float, more: Mapping[str, str]) -> Element:  # noqa: A002
    said = {"ID": id, "Version": "2.0", "IssueInstant": stamp(now), "Destination": at, **more}
    message = etree.Element(tag(f"samlp:{name}"), said, nsmap={"samlp": NS["samlp"], "saml": NS["saml"]})
    etree.SubElement(message, tag("saml:Issuer")).text = own.entity_id
    return message


def sent(message: Element, binding: Binding, at: str, *, kind: str, relay: str, own: Own) -> Redirect:
    """A message on its way by the visitor's browser, signed where we have a key.

    `kind` is the name of its field: SAMLRequest or SAMLResponse.
    """
    fields = {"RelayState": relay} if relay else {}
    if binding == "post":
        content = etree.tostring(message)
        if own.key:
            content = OneLogin_Saml2_Utils.add_sign(content, own.key, own.certificate)
        return Redirect(url=at, post={kind: base64.b64encode(content).decode(), **fields})
    query = urlencode(
        {kind: _deflated(etree.tostring(message)), **fields, **({"SigAlg": RSA_SHA256} if own.key else {})}
    )
    if own.key:
        signature = OneLogin_Saml2_Utils.sign_binary(query, own.key, xmlsec.Transform.RSA_SHA256)
        query += f"&Signature={quote(base64.b64encode(signature), safe='')}"
    return Redirect(url=f"{at}{'&' if '?' in at else '?'}{query}")


def _deflated(content: bytes) -> str:
    """SAML bindings 3.4.4.1: DEFLATE without header or checksum, then base64."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(squeezer.compress(content) + squeezer.flush()).decode()


def inflated(text: str) -> bytes:
    """The bytes of a message of the Redirect binding; at most so many that a small one cannot fill the memory."""
    opener = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = opener.decompress(decoded(text), LONGEST + 1)
    except zlib.error as error:
        raise Refused("message_not_deflated", str(error)) from error
    if len(content) > LONGEST:
        raise Refused("message_too_long", f"a message of more than {LONGEST} bytes")
    if not opener.eof:
        raise Refused("message_not_deflated", "the message ends too early")
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A message of the Redirect binding, taken from the query as it came and from nowhere else."""

    content: bytes
    relay: str
    signed: bytes
    """What a signature must be over."""
    algorithm: str
    signature: bytes
    """Empty where there is none."""


def query_of(query: str, kind: str) -> Query | None:
    """None where the query holds no message of this kind. Raises Refused.

    SAML bindings 3.4.4.1: the signature is over `SAMLRequest=value&RelayState=value&SigAlg=value`, as they came.
    """
    pairs = [(pair.partition("=")[0], pair) for pair in query.split("&") if pair]
    raw = dict(pairs)
    if len(raw) != len(pairs):
        raise Refused("query_repeats", "a parameter of the query occurs more than once")
    values = {name: unquote_plus(pair.partition("=")[2]) for name, pair in pairs}
    if kind not in raw:
        return None
    signed = "&".join(raw[name] for name in (kind, "RelayState", "SigAlg") if name in raw)
    return Query(
        content=inflated(values[kind]),
        relay=values.get("RelayState", ""),
        signed=signed.encode(),
        algorithm=values.get("SigAlg", ""),
        signature=decoded(values.get("Signature", "")),
    )


def verify_query(query: Query, idp: Idp) -> None:
    """Raises Refused where none of the provider's certificates made the signature."""
    if not query.signature:
        raise Refused("signature_missing", "the query is not signed")
    if query.algorithm not in _TRANSFORMS:
        raise Refused("signature_algorithm", f"the query is signed by '{query.algorithm}'; SHA-256 or more is needed")
    if not any(_made(query, each.pem) for each in idp.certificates):
        raise Refused("signature_wrong", "no certificate of the provider made the signature of the query")


def _made(query: Query, certificate: str) -> bool:
    """Not by the library: it takes an algorithm it does not know, such as ECDSA, for RSA with SHA-256."""
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate, xmlsec.KeyFormat.CERT_PEM, None)
    try:
        context.verify_binary(query.signed, _TRANSFORMS[query.algorithm], query.signature)
    except xmlsec.Error:
        return False
    return True


_TRANSFORMS: Final = {
    f"http://www.w3.org/2001/04/xmldsig-more#{kind.lower()}-sha{size}": getattr(xmlsec.Transform, f"{kind}_SHA{size}")
    for kind in ("RSA", "ECDSA")
    for size in (256, 384, 512)
}
