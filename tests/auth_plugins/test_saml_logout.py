"""Logging out by SAML, begun here or at the provider."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import xmlsec
from lxml import etree
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from auth_plugins import Ended, Identity, LogoutRequest, ProviderMessage, Redirect, Refused
from auth_plugins.saml.guards import NS
from auth_plugins.saml.messages import Query, query_of, verify_query
from auth_plugins.saml.metadata import Idp
from auth_plugins.saml.plugin import Saml
from auth_plugins.saml.settings import certificates_in
from auth_plugins.testkit import Time
from tests.auth_plugins.saml_forgeries import IDP, OWN
from tests.auth_plugins.saml_house import saml, visitor_of
from tests.auth_plugins.saml_idp import BASE, ISSUER, NOW, SLO, Pair, Says, T, at, base64_of, pair, sign

SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"


def logout_xml(
    *,
    name: str = "ada@acme.example",
    sessions: tuple[str, ...] = ("_session-1",),
    issuer: str = ISSUER,
    destination: str = f"{BASE}/slo",
    issued: float = -5,
    ends: float | None = 60,
    id: str = "_logout",  # noqa: A002
) -> bytes:
    indexes = "".join(f"<samlp:SessionIndex>{each}</samlp:SessionIndex>" for each in sessions)
    until = "" if ends is None else f' NotOnOrAfter="{at(ends)}"'
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{NS["samlp"]}" xmlns:saml="{NS["saml"]}" ID="{id}" Version="2.0" '
        f'IssueInstant="{at(issued)}" Destination="{destination}"{until}><saml:Issuer>{issuer}</saml:Issuer>'
        f"<saml:NameID>{name}</saml:NameID>{indexes}</samlp:LogoutRequest>"
    ).encode()


def deflated(content: bytes) -> str:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(squeezer.compress(content) + squeezer.flush()).decode()


def by_query(
    content: bytes, *, by: Pair | None = None, kind: str = "SAMLRequest", algorithm: str = SHA256, relay: str = "r 1"
) -> ProviderMessage:
    """As it comes by the Redirect binding, signed."""
    query = urlencode({kind: deflated(content), "RelayState": relay, "SigAlg": algorithm}, quote_via=quote)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory((by or pair(IDP)).key, T.KeyDataFormatPem, None)
    how = T.TransformRsaSha1 if algorithm == SHA1 else T.TransformRsaSha256
    signature = base64.b64encode(context.sign_binary(query.encode(), how)).decode()
    return message_of(f"{query}&Signature={quote(signature, safe='')}")


def message_of(query: str) -> ProviderMessage:
    return ProviderMessage(fields={name: values[0] for name, values in parse_qs(query).items()}, query=query)


def posted(content: etree._Element | bytes, kind: str = "SAMLRequest") -> ProviderMessage:
    return ProviderMessage(fields={kind: base64_of(content), "RelayState": "r 1"})


def answer_in(step: Redirect | None) -> tuple[etree._Element, Mapping[str, list[str]]]:
    assert step is not None
    query = parse_qs(urlsplit(step.url).query)
    return etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLResponse"][0]), -zlib.MAX_WBITS)), query


async def test_a_logout_here_is_told_to_the_provider() -> None:
    """S-20: with the name and the session as the provider knows them, signed."""
    plugin = saml()
    visitor, request = await visitor_of(plugin)
    ada = await visitor.returns(SAMLResponse=base64_of(sign(Says(request=request).xml(), pair(IDP))))
    assert isinstance(ada, Identity)
    step = await plugin.logout(LogoutRequest(subject=ada.subject, session=ada.session, keep=ada.keep, flow="flow-9"))
    assert step is not None
    query = query_of(urlsplit(step.url).query, "SAMLRequest")
    assert query is not None
    idp = Idp(issuer="", logins={}, logouts={}, logout_answers={}, certificates=certificates_in(pair(OWN).certificate))
    verify_query(query, idp)
    root = etree.fromstring(query.content)
    assert not isinstance(OneLogin_Saml2_XML.validate_xml(root, "saml-schema-protocol-2.0.xsd"), str)
    assert (query.relay, root.get("Destination")) == ("flow-9", SLO)
    assert root.findtext("saml:NameID", namespaces=dict(NS)) == "ada@acme.example"
    assert root.findtext("samlp:SessionIndex", namespaces=dict(NS)) == "_session-1"


async def test_where_the_provider_takes_no_logouts_only_the_login_here_ends() -> None:
    assert await saml(slo_url=None).logout(LogoutRequest(subject="ada", keep="{}")) is None


@pytest.mark.parametrize("how", ["query", "post"])
async def test_a_logout_at_the_provider_ends_the_session_here(how: str) -> None:
    """S-20: and the provider is told so, with a signature."""
    content = logout_xml()
    message = by_query(content) if how == "query" else posted(sign(etree.fromstring(content), pair(IDP)))
    ended = await saml().ended(message)
    assert (ended.subject, ended.session) == ("ada@acme.example", "_session-1")
    answer, query = answer_in(ended.then)
    assert answer.get("InResponseTo") == "_logout"
    assert query["RelayState"] == ["r 1"]
    assert "Signature" in query


@pytest.mark.parametrize("sessions", [(), ("_session-1", "_session-2")])
async def test_a_logout_of_no_or_several_sessions_ends_all(sessions: tuple[str, ...]) -> None:
    ended = await saml().ended(by_query(logout_xml(sessions=sessions)))
    assert (ended.subject, ended.session) == ("ada@acme.example", "")


async def test_a_logout_is_good_once_and_not_for_long() -> None:
    time = Time(NOW)
    plugin = saml(now=time)
    message = by_query(logout_xml(ends=None))
    await plugin.ended(message)
    with pytest.raises(Refused, match="replayed"):
        await plugin.ended(message)
    time.now += 355
    with pytest.raises(Refused, match="expired"):
        await plugin.ended(message)


def unsigned() -> ProviderMessage:
    return message_of(urlencode({"SAMLRequest": deflated(logout_xml())}))


def altered() -> ProviderMessage:
    """The signature is over another relay state than came."""
    return message_of(by_query(logout_xml()).query.replace("r%201", "r%202"))


def swapped() -> ProviderMessage:
    """The query carries a signed request, the body another one; only what is signed is read."""
    message = by_query(logout_xml(), by=pair("rogue"))
    return replace(message, fields={**message.fields, "SAMLRequest": base64_of(logout_xml(name="admin@acme.example"))})


def repeated() -> ProviderMessage:
    message = by_query(logout_xml())
    return replace(message, query=f"SAMLRequest={quote(deflated(logout_xml(name='x')), safe='')}&{message.query}")


def altered_post() -> ProviderMessage:
    root = sign(etree.fromstring(logout_xml()), pair(IDP))
    root.find("saml:NameID", namespaces=dict(NS)).text = "admin@acme.example"  # type: ignore[union-attr]
    return posted(root)


def inflating() -> ProviderMessage:
    return message_of(urlencode({"SAMLRequest": deflated(b"<a>" + b" " * 2_000_000 + b"</a>")}))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (unsigned, "signature_missing"),
        (lambda: posted(logout_xml()), "signature_missing"),
        (altered, "signature_wrong"),
        (altered_post, "signature_wrong"),
        (swapped, "signature_wrong"),
        (repeated, "query_repeats"),
        (lambda: by_query(logout_xml(), by=pair("rogue")), "signature_wrong"),
        (lambda: by_query(logout_xml(), algorithm=SHA1), "signature_algorithm"),
        (lambda: by_query(logout_xml(issuer="https://evil.example")), "issuer_wrong"),
        (lambda: by_query(logout_xml(destination="https://other.example/slo")), "destination_wrong"),
        (lambda: by_query(logout_xml(ends=-61)), "expired"),
        (lambda: by_query(logout_xml(issued=-361, ends=None)), "expired"),
        (lambda: by_query(logout_xml(issued=61)), "not_yet_valid"),
        (lambda: by_query(logout_xml(name="")), "name_odd"),
        (lambda: by_query(b"<!DOCTYPE a>" + logout_xml()), "doctype_present"),
        (lambda: by_query(etree.tostring(Says().xml())), "message_other"),
        (lambda: by_query(logout_xml(name="ada<!-- -->x")), "comment_present"),
        (inflating, "message_too_long"),
        (lambda: message_of("SAMLRequest=x*"), "message_not_base64"),
        (lambda: message_of("SAMLRequest=AAAA"), "message_not_deflated"),
        (lambda: ProviderMessage(fields={}), "message_missing"),
    ],
)
async def test_a_forged_logout_ends_nothing(message: Any, code: str) -> None:
    """S-20: anybody could log others out otherwise."""
    with pytest.raises(Refused) as refused:
        await saml().ended(message())
    assert refused.value.code == code


def confirmation(status: str = "Success") -> bytes:
    return (
        f'<samlp:LogoutResponse xmlns:samlp="{NS["samlp"]}" xmlns:saml="{NS["saml"]}" ID="_x" Version="2.0" '
        f'IssueInstant="{at(0)}" Destination="{BASE}/slo" InResponseTo="_y"><saml:Issuer>{ISSUER}</saml:Issuer>'
        f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>'
        "</samlp:LogoutResponse>"
    ).encode()


@pytest.mark.parametrize(
    "message",
    [
        by_query(confirmation(), kind="SAMLResponse"),
        by_query(confirmation("Responder"), kind="SAMLResponse"),
        posted(confirmation(), "SAMLResponse"),
    ],
)
async def test_what_the_provider_says_of_a_logout_here_ends_nobody(message: ProviderMessage) -> None:
    assert await saml().ended(message) == Ended()


async def test_a_forged_confirmation_is_refused() -> None:
    plugin: Saml = saml()
    with pytest.raises(Refused, match="signature_wrong"):
        await plugin.ended(by_query(confirmation(), kind="SAMLResponse", by=pair("rogue")))


def test_a_signature_over_a_query_is_read_in_the_order_of_the_standard() -> None:
    """Whatever the order they came in; and what else came is not part of it."""
    found = query_of("x=1&SigAlg=a&SAMLRequest=qw%3d%3d".replace("qw%3d%3d", quote(deflated(b"<a/>"))), "SAMLRequest")
    assert isinstance(found, Query)
    assert found.signed.startswith(b"SAMLRequest=")
    assert found.signed.endswith(b"&SigAlg=a")
