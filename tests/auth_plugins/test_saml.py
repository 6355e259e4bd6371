"""Logging in by SAML, against a provider of our own that answers as the providers of the world do."""

import asyncio
import zlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML
from typing_extensions import override

from auth_plugins import Identity, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.saml.guards import NS
from auth_plugins.saml.plugin import Saml
from auth_plugins.testkit import Conformance, Time, Visitor
from tests.auth_plugins.saml_forgeries import IDP, OWN
from tests.auth_plugins.saml_house import Site, beside_the_loop, saml, settings, visitor_of
from tests.auth_plugins.saml_idp import (
    BASE,
    ISSUER,
    NOW,
    SSO,
    Says,
    T,
    assertion_in,
    at,
    base64_of,
    encrypt,
    metadata,
    pair,
    sign,
)

P = ParamSpec("P")
T_ = TypeVar("T_")


class TestConformance(Conformance):
    @override
    def plugin(self) -> Saml:
        return saml()


def answer(request: str | None, **changes: object) -> str:
    """A response of which the assertion is signed."""
    response = Says(request=request, **changes).xml()  # type: ignore[arg-type]
    sign(assertion_in(response), pair(IDP))
    return base64_of(response)


async def identity(plugin: Saml | None = None, **changes: object) -> Identity:
    visitor, request = await visitor_of(plugin)
    step = await visitor.returns(SAMLResponse=answer(request, **changes))
    assert isinstance(step, Identity)
    return step


def request_in(step: Redirect) -> etree._Element:
    """The message of a redirect, whichever way it is sent."""
    if step.post:
        return etree.fromstring(b64decode(step.post["SAMLRequest"]))
    (text,) = parse_qs(urlsplit(step.url).query)["SAMLRequest"]
    return etree.fromstring(zlib.decompress(b64decode(text), -zlib.MAX_WBITS))


def signed_how(response: etree._Element, how: str) -> etree._Element:
    if "assertion" in how:
        sign(assertion_in(response), pair(IDP))
    if "encrypted" in how:
        encrypt(response, pair(OWN))
    if "response" in how:
        sign(response, pair(IDP))
    return response


@pytest.mark.parametrize(
    "how",
    [
        "assertion",
        "response",
        "assertion response",
        "assertion encrypted",
        "encrypted response",
        "assertion encrypted response",
    ],
)
async def test_a_response_may_be_signed_on_either_or_both_and_encrypted(how: str) -> None:
    """S-16, S-17: providers sign differently; a signature over the response covers what is in it."""
    visitor, request = await visitor_of()
    ada = await visitor.returns(SAMLResponse=base64_of(signed_how(Says(request=request).xml(), how)))
    assert isinstance(ada, Identity)
    assert (ada.subject, ada.groups, ada.session) == ("ada@acme.example", ("ff-acme-owner",), "_session-1")


@pytest.mark.parametrize(
    ("option", "how", "code"),
    [
        ("want_response_signed", "assertion", "response_unsigned"),
        ("want_assertions_signed", "response", "assertion_unsigned"),
        ("want_assertions_signed", "encrypted response", "assertion_unsigned"),
    ],
)
async def test_more_signatures_can_be_asked_for(option: str, how: str, code: str) -> None:
    """S-17."""
    visitor, request = await visitor_of(saml(**{option: True}))
    with pytest.raises(Refused, match=code):
        await visitor.returns(SAMLResponse=base64_of(signed_how(Says(request=request).xml(), how)))
    both = signed_how(Says(request=request).xml(), "assertion response")
    assert isinstance(await visitor.returns(SAMLResponse=base64_of(both)), Identity)


@pytest.mark.parametrize(
    ("content", "bits", "beside"),
    [(T.TransformAes128Cbc, 128, False), (T.TransformAes256Gcm, 256, False), (T.TransformAes256Cbc, 256, True)],
)
async def test_ciphers_of_the_usual_providers_are_read(content: object, bits: int, beside: bool) -> None:
    visitor, request = await visitor_of()
    response = signed_how(Says(request=request).xml(), "assertion")
    encrypt(response, pair(OWN), content=content, bits=bits, beside=beside)
    assert isinstance(await visitor.returns(SAMLResponse=base64_of(response)), Identity)


async def test_an_encrypted_assertion_without_a_key_of_ours_names_the_options() -> None:
    visitor, request = await visitor_of(saml(key=None, certificate=None))
    response = signed_how(Says(request=request).xml(), "assertion encrypted")
    with pytest.raises(Refused, match=r"key_missing.*key and certificate"):
        await visitor.returns(SAMLResponse=base64_of(response))


async def test_a_response_is_good_once() -> None:
    """S-17: also where it comes to another process, with another flow that made the same request."""
    plugin = saml()
    visitor, request = await visitor_of(plugin)
    text = answer(request)
    assert isinstance(await visitor.returns(SAMLResponse=text), Identity)
    with pytest.raises(Refused, match="replayed"):
        await visitor.returns(SAMLResponse=text)


async def test_a_response_is_remembered_for_as_long_as_it_would_be_taken() -> None:
    time = Time(NOW)
    visitor, request = await visitor_of(saml(now=time))
    text = answer(request, ends=600, confirmed_until=600)
    await visitor.returns(SAMLResponse=text)
    time.now += 659
    with pytest.raises(Refused, match="replayed"):
        await visitor.returns(SAMLResponse=text)
    time.now += 1
    with pytest.raises(Refused, match="expired"):
        await visitor.returns(SAMLResponse=text)


async def test_of_two_that_are_judged_while_their_time_runs_out_one_passes() -> None:
    time = Time(NOW)

    async def slowly(work: Callable[P, T_], /, *args: P.args, **kwargs: P.kwargs) -> T_:
        done = await asyncio.to_thread(work, *args, **kwargs)
        time.now += 2
        return done

    plugin = Saml(settings(), replace(beside_the_loop(now=time), offload=slowly))
    visitor, request = await visitor_of(plugin)
    text = answer(request, ends=600, confirmed_until=600)
    time.now = NOW + 659
    came = await asyncio.gather(*(visitor.returns(SAMLResponse=text) for _ in range(2)), return_exceptions=True)
    (refused,) = [each for each in came if isinstance(each, Refused)]
    assert refused.code == "replayed"


@pytest.mark.parametrize("changes", [{"ends": -59}, {"confirmed_until": -59}, {"begins": 59}, {"session_ends": -59}])
async def test_clocks_may_be_a_minute_apart(changes: dict[str, float]) -> None:
    """S-17."""
    assert await identity(**changes)


async def test_nobody_comes_in_unasked_unless_that_is_switched_on() -> None:
    """S-19."""
    unasked = LoginRequest(fields={"SAMLResponse": answer(None)}, returned=True)
    with pytest.raises(Refused, match=r"unsolicited.*allow_unsolicited"):
        await saml().login(unasked)
    assert isinstance(await saml(allow_unsolicited=True).login(unasked), Identity)


async def test_an_answer_to_somebody_elses_request_is_not_taken_as_unasked() -> None:
    """S-19: a response caught on its way could be brought by anybody otherwise."""
    unasked = LoginRequest(fields={"SAMLResponse": answer("_of-another")}, returned=True)
    with pytest.raises(Refused, match="request_unknown"):
        await saml(allow_unsolicited=True).login(unasked)


async def test_a_flow_that_never_went_to_the_provider_takes_no_response() -> None:
    stray = LoginRequest(fields={"SAMLResponse": answer("_r")}, returned=True, flow="f")
    with pytest.raises(Refused, match="request_missing"):
        await saml(allow_unsolicited=True).login(stray)


async def test_a_request_says_where_to_answer_and_is_signed() -> None:
    """S-16."""
    visitor = Visitor(saml(), flow="flow-7")
    step = await visitor.arrives()
    assert isinstance(step, Redirect)
    request, query = request_in(step), parse_qs(urlsplit(step.url).query)
    assert step.url.startswith(f"{SSO}?SAMLRequest=")
    assert query["RelayState"] == ["flow-7"]
    assert "Signature" in query
    assert request.get("AssertionConsumerServiceURL") == f"{BASE}/acs"
    assert request.get("ID") == step.keep["request"]
    assert request.get("ForceAuthn") is None
    assert request.find("samlp:RequestedAuthnContext", namespaces=dict(NS)) is None
    assert not isinstance(OneLogin_Saml2_XML.validate_xml(request, "saml-schema-protocol-2.0.xsd"), str)


async def test_a_request_may_be_posted() -> None:
    step = await Visitor(saml(binding="post"), flow="flow-7").arrives()
    assert isinstance(step, Redirect)
    assert (step.url, step.post["RelayState"]) == (SSO, "flow-7")
    request = request_in(step)
    assert request.find("ds:Signature", namespaces=dict(NS)) is not None
    assert not isinstance(OneLogin_Saml2_XML.validate_xml(request, "saml-schema-protocol-2.0.xsd"), str)


async def test_whoever_must_prove_themselves_anew_is_not_let_in_by_an_old_login() -> None:
    visitor = Visitor(saml())
    step = await visitor.arrives(again=True)
    assert isinstance(step, Redirect)
    assert request_in(step).get("ForceAuthn") == "true"
    with pytest.raises(Refused, match="login_stale"):
        await visitor.returns(SAMLResponse=answer(step.keep["request"], login=-61))
    assert isinstance(await visitor.returns(SAMLResponse=answer(step.keep["request"], login=-1)), Identity)


async def test_what_is_said_of_a_person() -> None:
    """S-22: names and groups by the attributes of the options."""
    ada = await identity(
        saml(groups_attribute="groups", username_attribute="uid", name_attribute="cn", email_attribute="mail"),
        name="a1b2",
        format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        attributes={"groups": ["x", "y"], "uid": ["ada"], "cn": ["Ada L."], "mail": ["ada@acme.example"]},
        session_ends=3600,
    )
    assert (ada.subject, ada.username, ada.name, ada.groups) == ("a1b2", "ada", "Ada L.", ("x", "y"))
    assert (ada.email, ada.email_verified, ada.ends) == ("ada@acme.example", True, NOW + 3600)


async def test_a_provider_that_says_nothing_of_groups_is_told_from_one_that_says_none() -> None:
    """S-22."""
    assert (await identity(attributes={})).groups is None
    assert (await identity(attributes={"ff-roles": []})).groups == ()


async def test_a_name_that_is_another_one_each_time_is_nobodys() -> None:
    transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    with pytest.raises(Refused, match="name_transient"):
        await identity(name="_x", format=transient)
    ada = await identity(name="_x", format=transient, attributes={"mail": ["ada@acme.example"]})
    assert ada.subject == "ada@acme.example"


@pytest.mark.parametrize(
    ("context", "attributes", "amr"),
    [
        ("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", {}, ("pwd",)),
        ("urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract", {}, ()),
        ("https://refeds.org/profile/mfa", {}, ("mfa",)),
        (
            "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
            {
                "http://schemas.microsoft.com/claims/authnmethodsreferences": [
                    "http://schemas.microsoft.com/claims/multipleauthn"
                ]
            },
            ("pwd", "mfa"),
        ),
        ("urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified", {}, ()),
    ],
)
async def test_how_somebody_authenticated(context: str, attributes: dict[str, list[str]], amr: tuple[str, ...]) -> None:
    assert (await identity(context=context, attributes=attributes)).amr == amr


async def test_a_sample_is_examined_without_a_login() -> None:
    """Neither its time nor its request counts, its signature does."""
    response = Says(request="_long-ago", ends=-9999, confirmed_until=-9999).xml()
    with pytest.raises(Refused, match="signature_missing"):
        await saml().examine(base64_of(response))
    sign(response, pair(IDP))
    plugin = saml()
    for sample in (base64_of(response), etree.tostring(response).decode(), base64_of(response)):
        assert (await plugin.examine(sample)).subject == "ada@acme.example"


async def test_two_certificates_are_believed_at_once() -> None:
    """S-16: rollover."""
    both = [pair("old").certificate, pair(IDP).certificate]
    assert await identity(saml(certificates=both))


URL = "https://idp.example/metadata.xml"


async def test_metadata_are_read_and_used() -> None:
    """S-16."""
    site = Site(metadata(pair(IDP)))
    assert await identity(saml(idp_metadata=URL, fetch=site))
    assert site.asked == 1


async def test_a_new_certificate_in_the_metadata_is_found_when_it_signs() -> None:
    """S-16: the provider began to sign with another key before our next reading."""
    time, site = Time(NOW), Site(metadata(pair("old")))
    plugin = saml(idp_metadata=URL, fetch=site, now=time)
    visitor, request = await visitor_of(plugin)
    site.body = metadata(pair("old"), pair(IDP))
    with pytest.raises(Refused, match="signature_wrong"):
        await visitor.returns(SAMLResponse=answer(request))
    time.now += 61
    assert isinstance(await visitor.returns(SAMLResponse=answer(request)), Identity)
    with pytest.raises(Refused, match="signature_wrong"):  # and not at every forged one
        await visitor.returns(SAMLResponse=base64_of(sign(Says(request=request).xml(), pair("rogue"))))
    assert site.asked == 2


async def test_metadata_that_cannot_be_read_again_are_used_until_they_end() -> None:
    time, site = Time(NOW), Site(metadata(pair(IDP), more=f' validUntil="{at(7200)}"'))
    plugin = saml(idp_metadata=URL, fetch=site, now=time, metadata_refresh=600)
    await visitor_of(plugin)
    site.gone, time.now = True, NOW + 700
    await visitor_of(plugin)
    assert [each.code for each in await plugin.findings() if each.level != "ok"] == [
        "metadata_unreadable",
        "metadata_expires",
    ]
    time.now = NOW + 7200
    with pytest.raises(Unavailable, match="metadata_expired"):
        await visitor_of(plugin)
    site.gone, site.body = False, metadata(pair(IDP))
    time.now += 61
    await visitor_of(plugin)


async def test_a_provider_that_cannot_be_asked_lets_nobody_in_and_counts_as_no_failure() -> None:
    site = Site(status=500)
    plugin = saml(idp_metadata=URL, fetch=site)
    with pytest.raises(Unavailable, match=r"metadata_unreadable.*answered 500"):
        await visitor_of(plugin)
    (finding,) = await plugin.findings()
    assert (finding.code, finding.level) == ("metadata_unreadable", "error")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html/>", "describe 0 identity providers"),
        (metadata(), "no certificate"),
        (metadata(pair(IDP)).replace(b"https://idp.example/sso", b"http://idp.example/sso"), "must start with https"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "DOCTYPE"),
        (metadata(pair("short", bits=1024)), "1024 bits"),
    ],
)
async def test_metadata_that_cannot_be_used_are_told(body: bytes, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        await visitor_of(saml(idp_metadata=URL, fetch=Site(body)))


async def test_of_several_providers_the_one_named_is_taken() -> None:
    other = metadata(pair("other"), issuer="https://other.example")
    both = b'<EntitiesDescriptor xmlns="%b">%b%b</EntitiesDescriptor>' % (NS["md"].encode(), metadata(pair(IDP)), other)
    with pytest.raises(Unavailable, match="describe 2 identity providers; name it by option idp_issuer"):
        await visitor_of(saml(idp_metadata=URL, fetch=Site(both)))
    assert await identity(saml(idp_metadata=URL, fetch=Site(both), idp_issuer=ISSUER))


async def test_our_own_metadata_are_what_the_standard_says() -> None:
    """S-16."""
    for plugin in (saml(), saml(key=None, certificate=None)):
        document = await plugin.document()
        root = etree.fromstring(document.body)
        assert document.content_type == "application/samlmetadata+xml"
        assert not isinstance(OneLogin_Saml2_XML.validate_xml(root, "saml-schema-metadata-2.0.xsd"), str)
        assert root.get("entityID") == f"{BASE}/metadata"
        locations = {
            node.get("Location") for node in root.iter("{*}AssertionConsumerService", "{*}SingleLogoutService")
        }
        assert locations == {f"{BASE}/acs", f"{BASE}/slo"}


DAY = 86400


@pytest.mark.parametrize(
    ("days", "code", "level"),
    [(31, "certificate_valid", "ok"), (5, "certificate_expires", "warning"), (-1, "certificate_expired", "error")],
)
async def test_certificates_that_end_are_told_of(days: int, code: str, level: str) -> None:
    """S-27."""
    ending = pair(f"ends in {days} days", ends=NOW + days * DAY)
    plugin = saml(certificates=[ending.certificate], now=Time(NOW))
    first, *_ = await plugin.findings()
    assert (first.code, first.level) == (code, level)
    assert f"ends in {days} days" in first.detail


async def test_our_own_certificate_that_ends_is_told_of() -> None:
    """S-27."""
    time = Time(NOW + 390 * DAY)
    codes = {each.code for each in await saml(now=time).findings()}
    assert codes == {"certificate_expires", "own_certificate_expires"}


async def test_what_does_not_fit_the_provider_is_found() -> None:
    wanting = metadata(pair(IDP)).replace(b"<IDPSSODescriptor", b'<IDPSSODescriptor WantAuthnRequestsSigned="true"')
    redirect_only = wanting.replace(b"HTTP-POST", b"HTTP-Artifact")
    plugin = saml(idp_metadata=URL, fetch=Site(redirect_only), key=None, certificate=None, binding="post")
    codes = [each.code for each in await plugin.findings() if each.level == "error"]
    assert codes == ["binding_not_offered", "request_signature_wanted"]
    with pytest.raises(Unavailable, match="binding_not_offered"):
        await visitor_of(plugin)


async def test_a_provider_may_sign_by_an_elliptic_curve() -> None:
    curve = pair("curve", curve=True)
    visitor, request = await visitor_of(saml(certificates=[curve.certificate]))
    response = sign(Says(request=request).xml(), curve, method=T.TransformEcdsaSha256)
    assert isinstance(await visitor.returns(SAMLResponse=base64_of(response)), Identity)
