"""Forged responses, made with real signatures of the real provider where an attacker has one, each with its refusal.

An attacker has an account at the provider, so they hold one genuine, signed response about `mallory` that answers their
own request; they want to be `ada`. Signature wrapping comes in the eight shapes of Somorovsky et al., "On Breaking SAML:
Be Whoever You Want to Be" (USENIX Security 2012), numbered as there.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

from lxml import etree

from auth_plugins.saml.guards import NS
from tests.auth_plugins.saml_idp import Says, T, assertion_in, base64_of, encrypt, pair, sign, signature_in

ROGUE = "rogue"
IDP = "idp"
OWN = "own"
REQUEST = "_r"


@dataclass(frozen=True, slots=True)
class Forgery:
    """A response nobody may be let in by; `message` gets the ID of the visitor's own request."""

    name: str
    code: str
    message: Callable[[str], str]


def said(request: str) -> Says:
    return Says(request=request)


def genuine(request: str, by: str = IDP) -> etree._Element:
    """A response about mallory, of which the assertion is signed."""
    response = replace(said(request), name="mallory@acme.example").xml()
    sign(assertion_in(response), pair(by))
    return response


def genuine_whole(request: str) -> etree._Element:
    """A response about mallory that is signed itself, its assertion is not."""
    return sign(replace(said(request), name="mallory@acme.example").xml(), pair(IDP))


def name_in(element: etree._Element) -> etree._Element:
    found = element.find(".//saml:NameID", namespaces=dict(NS))
    assert found is not None
    return found


def evil_of(assertion: etree._Element, *, id: str = "_evil", signed: bool = False) -> etree._Element:  # noqa: A002
    """A copy that says ada."""
    evil = deepcopy(assertion)
    evil.set("ID", id)
    name_in(evil).text = "ada@acme.example"
    if not signed:
        evil.remove(signature_in(evil))
    return evil


def _xsw1(request: str) -> etree._Element:
    """An evil response whose signature holds the genuine one."""
    response = genuine_whole(request)
    original = deepcopy(response)
    original.remove(signature_in(original))
    response.set("ID", "_evil")
    name_in(response).text = "ada@acme.example"
    signature_in(response).append(original)
    return response


def _xsw2(request: str) -> etree._Element:
    """An evil response with the genuine one beside its signature."""
    response = genuine_whole(request)
    original = deepcopy(response)
    original.remove(signature_in(original))
    response.set("ID", "_evil")
    name_in(response).text = "ada@acme.example"
    signature_in(response).addprevious(original)
    return response


def _xsw3(request: str) -> etree._Element:
    """An evil assertion before the genuine one."""
    response = genuine(request)
    assertion_in(response).addprevious(evil_of(assertion_in(response)))
    return response


def _xsw4(request: str) -> etree._Element:
    """An evil assertion round the genuine one."""
    response = genuine(request)
    original = assertion_in(response)
    evil = evil_of(original)
    response.replace(original, evil)
    evil.append(original)
    return response


def _xsw5(request: str) -> etree._Element:
    """An evil assertion that carries the genuine signature, the genuine one at the end."""
    response = genuine(request)
    original = assertion_in(response)
    evil = evil_of(original, signed=True)
    original.remove(signature_in(original))
    original.addprevious(evil)
    return response


def _xsw6(request: str) -> etree._Element:
    """As the fifth, with the genuine one inside the signature."""
    response = genuine(request)
    original = assertion_in(response)
    evil = evil_of(original, signed=True)
    original.remove(signature_in(original))
    response.replace(original, evil)
    signature_in(evil).append(original)
    return response


def _xsw7(request: str) -> etree._Element:
    """An evil assertion in Extensions, which may hold anything."""
    response = genuine(request)
    extensions = etree.Element(f"{{{NS['samlp']}}}Extensions")
    extensions.append(evil_of(assertion_in(response)))
    response.find("saml:Issuer", namespaces=dict(NS)).addnext(extensions)  # type: ignore[union-attr]
    return response


def _xsw8(request: str) -> etree._Element:
    """An evil assertion whose signature holds the genuine one in an Object."""
    response = genuine(request)
    original = assertion_in(response)
    evil = evil_of(original, signed=True)
    original.remove(signature_in(original))
    response.replace(original, evil)
    etree.SubElement(signature_in(evil), f"{{{NS['ds']}}}Object").append(original)
    return response


def _foreign_wrapper(request: str) -> etree._Element:
    """The genuine assertion hidden as that of another namespace; a reader by local names would take the first."""
    response = genuine(request)
    original = assertion_in(response)
    hidden = etree.fromstring(etree.tostring(original).replace(NS["saml"].encode(), b"urn:other"))
    original.addprevious(evil_of(original))
    response.replace(original, hidden)
    return response


def _hidden_object(request: str) -> etree._Element:
    """What was signed rides along in the signature under a name that is no assertion's."""
    response = genuine(request)
    original = assertion_in(response)
    evil = evil_of(original, signed=True)
    hidden = etree.SubElement(signature_in(evil), f"{{{NS['ds']}}}Object", Id="_assertion")
    hidden.text = "mallory"
    response.replace(original, evil)
    return response


def _stripped(request: str) -> etree._Element:
    response = genuine(request)
    assertion_in(response).remove(signature_in(assertion_in(response)))
    name_in(response).text = "ada@acme.example"
    return response


def _altered(request: str) -> etree._Element:
    response = genuine(request)
    name_in(response).text = "ada@acme.example"
    return response


def _altered_whole(request: str) -> etree._Element:
    response = genuine_whole(request)
    name_in(response).text = "ada@acme.example"
    return response


def _self_signed(request: str) -> etree._Element:
    response = said(request).xml()
    sign(assertion_in(response), pair(ROGUE))
    return response


def _good_and_bad(request: str) -> etree._Element:
    """The assertion is signed by the provider, the response by somebody else."""
    return sign(genuine(request), pair(ROGUE))


def _hmac(request: str) -> etree._Element:
    """Signed with the public certificate as if it were a shared secret."""
    response = genuine(request)
    method = response.find(".//ds:SignatureMethod", namespaces=dict(NS))
    assert method is not None
    method.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    return response


def _signed(request: str, **how: object) -> etree._Element:
    response = said(request).xml()
    sign(assertion_in(response), pair(IDP), **how)  # type: ignore[arg-type]
    return response


def _two_references(request: str) -> etree._Element:
    response = genuine(request)
    reference = response.find(".//ds:Reference", namespaces=dict(NS))
    assert reference is not None
    reference.addnext(deepcopy(reference))
    return response


def _two_signatures(request: str) -> etree._Element:
    response = genuine(request)
    sign(assertion_in(response), pair(ROGUE))
    return response


def _reference(uri: str) -> Callable[[str], etree._Element]:
    def made(request: str) -> etree._Element:
        response = genuine(request)
        reference = response.find(".//ds:Reference", namespaces=dict(NS))
        assert reference is not None
        reference.set("URI", uri)
        return response

    return made


def _transform(name: str) -> Callable[[str], etree._Element]:
    def made(request: str) -> etree._Element:
        response = genuine(request)
        transforms = response.findall(".//ds:Transform", namespaces=dict(NS))
        transforms[-1].set("Algorithm", name)
        return response

    return made


def _duplicate(request: str) -> etree._Element:
    """The ID of what is signed occurs elsewhere too, and which one is meant depends on who looks."""
    response = genuine(request)
    name_in(response).getparent().set("ID", "_assertion")  # type: ignore[union-attr]
    return response


def _xml_id(request: str) -> etree._Element:
    """A parser takes xml:id for an ID without being told."""
    response = genuine(request)
    response.set("{http://www.w3.org/XML/1998/namespace}id", "_assertion")
    return response


def _says(**changes: object) -> Callable[[str], etree._Element]:
    """Signed by the provider, and yet not for us, not now, not this visitor's."""

    def made(request: str) -> etree._Element:
        response = replace(said(request), **changes).xml()  # type: ignore[arg-type]
        sign(assertion_in(response), pair(IDP))
        return response

    return made


def _stripped_answer(request: str) -> etree._Element:
    """Somebody's genuine unsolicited response, altered outside of what is signed to look like an answer."""
    response = replace(said(request), request=None).xml()
    sign(assertion_in(response), pair(IDP))
    response.set("InResponseTo", request)
    return response


def _comment(request: str) -> bytes:
    """CVE-2017-11427: whoever reads the first text alone reads another domain than was signed."""
    content = etree.tostring(_says(name="admin@acme.com.evil.example")(request))
    return content.replace(b"admin@acme.com.evil", b"admin@acme.com<!-- -->.evil")


def _instruction(request: str) -> bytes:
    content = etree.tostring(_says(name="admin@acme.com.evil.example")(request))
    return content.replace(b"admin@acme.com.evil", b"admin@acme.com<?x?>.evil")


def _doctype(request: str) -> bytes:
    return b'<!DOCTYPE r SYSTEM "file:///etc/passwd">' + etree.tostring(genuine(request))


def _entities(request: str) -> bytes:
    layers = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE r [<!ENTITY a0 "ha">{layers}]>'.encode() + etree.tostring(genuine(request))


def _utf16(request: str) -> bytes:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r [<!ENTITY a "ada">]>' + etree.tostring(
        genuine(request), encoding="unicode"
    )
    return text.encode("utf-16")


def _utf7(request: str) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-7"?>' + etree.tostring(genuine(request))


def _encrypted_two(request: str) -> etree._Element:
    """Two assertions in one cipher text: the genuine one inside of an evil one."""
    response = genuine(request)
    original = assertion_in(response)
    evil = evil_of(original)
    response.replace(original, evil)
    advice = etree.SubElement(evil, f"{{{NS['saml']}}}Advice")
    advice.append(original)
    return encrypt(response, pair(OWN))


def _encrypted_unsigned(request: str) -> etree._Element:
    """Anybody can encrypt for us: our certificate is public."""
    return encrypt(said(request).xml(), pair(OWN))


def _encrypted_reference(request: str) -> etree._Element:
    response = encrypt(genuine(request), pair(OWN))
    value = response.find(".//xenc:EncryptedData/xenc:CipherData/xenc:CipherValue", namespaces=dict(NS))
    assert value is not None
    parent = value.getparent()
    assert parent is not None
    parent.replace(value, etree.Element(f"{{{NS['xenc']}}}CipherReference", URI="file:///etc/passwd"))
    return response


def _encrypted_pkcs1(request: str) -> etree._Element:
    return encrypt(genuine(request), pair(OWN), transport=T.TransformRsaPkcs1)


def _encrypted_for_another(request: str) -> etree._Element:
    return encrypt(genuine(request), pair(ROGUE))


def _encrypted_and_plain(request: str) -> etree._Element:
    response = encrypt(genuine(request), pair(OWN))
    response.append(etree.fromstring(said(request).assertion_text()))
    return response


def _not_base64(request: str) -> str:
    return base64_of(genuine(request))[:-3] + "*=="


def _foreign(request: str) -> etree._Element:
    """An assertion that is one to whoever reads local names alone."""
    response = genuine(request)
    original = assertion_in(response)
    foreign = etree.tostring(original).replace(NS["saml"].encode(), b"urn:other")
    response.replace(original, etree.fromstring(foreign))
    return response


def _in_extensions(response: etree._Element, *moved: etree._Element) -> etree._Element:
    extensions = etree.Element(f"{{{NS['samlp']}}}Extensions")
    extensions.extend(moved)
    status = response.find("samlp:Status", namespaces=dict(NS))
    assert status is not None
    status.addprevious(extensions)
    return response


def _misplaced(request: str) -> etree._Element:
    response = genuine(request)
    return _in_extensions(response, assertion_in(response))


def _signature_elsewhere(request: str) -> etree._Element:
    response = genuine(request)
    return _in_extensions(response, signature_in(assertion_in(response)))


def _signature_again(request: str) -> etree._Element:
    response = genuine_whole(request)
    return _in_extensions(response, deepcopy(signature_in(response)))


def _without(name: str) -> Callable[[str], etree._Element]:
    """Signed by the provider, but lacking something."""

    def made(request: str) -> etree._Element:
        response = said(request).xml()
        for gone in list(response.iter(f"{{{NS['saml']}}}{name}")):
            gone.getparent().remove(gone)  # type: ignore[union-attr]
        sign(assertion_in(response), pair(IDP))
        return response

    return made


def _odd_time(request: str) -> etree._Element:
    """A time by the schema's rules that no clock of ours shows."""
    response = said(request).xml()
    conditions = response.find(".//saml:Conditions", namespaces=dict(NS))
    assert conditions is not None
    conditions.set("NotOnOrAfter", "12023-11-14T22:13:20Z")
    sign(assertion_in(response), pair(IDP))
    return response


def _encrypted_other(request: str) -> etree._Element:
    """What is encrypted is advice and not an assertion."""
    response = genuine(request)
    advice = etree.Element(f"{{{NS['saml']}}}Advice")
    return encrypt(response, pair(OWN), instead=advice)


def _encrypted_keyless(request: str) -> etree._Element:
    response = encrypt(genuine(request), pair(OWN))
    info = response.find(".//xenc:EncryptedData/ds:KeyInfo", namespaces=dict(NS))
    assert info is not None
    info.getparent().remove(info)  # type: ignore[union-attr]
    return response


def _encrypted_signed(request: str) -> etree._Element:
    """A signature rides along where keys are named."""
    response = genuine(request)
    signature = deepcopy(signature_in(assertion_in(response)))
    info = encrypt(response, pair(OWN)).find(".//xenc:EncryptedData/ds:KeyInfo", namespaces=dict(NS))
    assert info is not None
    etree.SubElement(info, "{urn:other}wrapped").append(signature)
    return response


def _text(make: Callable[[str], etree._Element | bytes | str]) -> Callable[[str], str]:
    def made(request: str) -> str:
        message = make(request)
        return message if isinstance(message, str) else base64_of(message)

    return made


def _all() -> Iterator[tuple[str, str, Callable[[str], etree._Element | bytes | str]]]:
    yield from (
        ("wrapping 1", "responses_several", _xsw1),
        ("wrapping 2", "responses_several", _xsw2),
        *((f"wrapping {number}", "assertion_count", make) for number, make in enumerate((_xsw3, _xsw4, _xsw5), 3)),
        *((f"wrapping {number}", "assertion_count", make) for number, make in enumerate((_xsw6, _xsw7, _xsw8), 6)),
        ("wrapping in another namespace", "assertion_count", _foreign_wrapper),
        ("what was signed rides along", "signature_object", _hidden_object),
        ("two assertions, both genuine", "assertion_count", _both_genuine),
        ("an assertion of another namespace", "assertion_foreign", _foreign),
        ("an assertion in Extensions", "assertion_misplaced", _misplaced),
        ("a signature in Extensions", "signature_misplaced", _signature_elsewhere),
        ("a signature twice, once in Extensions", "signature_count", _signature_again),
        ("the ID of the assertion twice", "id_not_unique", _duplicate),
        ("the ID of the assertion as xml:id", "id_not_unique", _xml_id),
    )
    yield from (
        ("stripped", "signature_missing", _stripped),
        ("altered", "signature_wrong", _altered),
        ("altered, the whole signed", "signature_wrong", _altered_whole),
        ("signed by themselves", "signature_wrong", _self_signed),
        ("one signature of two by themselves", "signature_wrong", _good_and_bad),
        ("two signatures over one", "schema_violated", _two_signatures),
        ("signed with the certificate as secret", "signature_algorithm", _hmac),
        ("SHA-1 signature", "signature_algorithm", lambda request: _signed(request, method=T.TransformRsaSha1)),
        ("SHA-1 digest", "digest_algorithm", lambda request: _signed(request, digest=T.TransformSha1)),
        ("two references", "signature_references", _two_references),
        ("a reference to nothing", "signature_elsewhere", _reference("")),
        ("a reference to the outside", "signature_elsewhere", _reference("file:///etc/passwd")),
        ("a reference to the response", "signature_elsewhere", _reference("#_response")),
        ("an XSLT transform", "signature_transforms", _transform("http://www.w3.org/TR/1999/REC-xslt-19991116")),
        ("an XPath transform", "signature_transforms", _transform("http://www.w3.org/TR/1999/REC-xpath-19991116")),
    )
    yield from (
        ("another issuer", "issuer_wrong", _says(issuer="https://evil.example")),
        ("another issuer outside", "issuer_wrong", _says(outer_issuer="https://evil.example")),
        ("another audience", "audience_wrong", _says(audience="https://other.example/metadata")),
        ("no audience", "audience_wrong", _says(audience=None)),
        ("another recipient", "recipient_wrong", _says(recipient="https://other.example/acs")),
        ("a recipient that holds ours", "recipient_wrong", _says(recipient="https://x.example/?https://gate.example")),
        ("no recipient", "recipient_wrong", _says(recipient=None)),
        ("another destination", "destination_wrong", _says(destination="https://other.example/acs")),
        ("a destination that begins as ours", "destination_wrong", _says(destination=f"{Says().destination}/x")),
        ("expired", "expired", _says(ends=-61)),
        ("confirmation expired", "expired", _says(confirmed_until=-61)),
        ("confirmation without an end", "confirmation_unbounded", _says(confirmed_until=None)),
        ("not yet valid", "not_yet_valid", _says(begins=61)),
        ("session over", "session_over", _says(session_ends=-61)),
        ("another visitor's flow", "request_other", _says(request="_of-another-browser")),
        ("no answer to a request", "unsolicited", _says(request=None)),
        ("an answer said outside alone", "request_unsigned", _stripped_answer),
        ("an answer to two", "request_other", _says(request_in_assertion="_of-another-browser")),
        (
            "not confirmed for a bearer",
            "confirmation_missing",
            _says(method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
        ),
        ("a condition of its own", "schema_violated", _says(condition="<saml:Other/>")),
        ("refused by the provider", "provider_refused", _says(status="urn:oasis:names:tc:SAML:2.0:status:Responder")),
        ("SAML 1.1", "version_unknown", _says(version="1.1")),
        ("no conditions", "conditions_missing", _without("Conditions")),
        ("no login", "login_missing", _without("AuthnStatement")),
        ("no name", "name_missing", _without("NameID")),
        ("no time of ours", "time_unreadable", _odd_time),
        ("an empty name", "name_odd", _says(name=" ")),
        ("a name with a line end", "name_odd", _says(name="ada@acme.example\nx")),
        ("a name without end", "name_odd", _says(name="a" * 257)),
    )
    yield from (
        ("a comment in the name", "comment_present", _comment),
        ("an instruction in the name", "comment_present", _instruction),
        ("a DOCTYPE", "doctype_present", _doctype),
        ("entities without end", "doctype_present", _entities),
        ("a DOCTYPE in UTF-16", "encoding_unknown", _utf16),
        ("UTF-7", "encoding_unknown", _utf7),
        ("too long", "message_too_long", lambda _: b"<a>" + b"x" * 600_000 + b"</a>"),
        ("deeper than any tree", "message_not_xml", lambda _: b"<a>" * 5000),
        ("not base64", "message_not_base64", _not_base64),
        ("not XML", "message_not_xml", lambda _: b"<samlp:Response"),
        ("another message", "response_missing", lambda request: assertion_in(genuine(request))),
        ("nothing", "response_missing", lambda _: ""),
        ("encrypted by anybody", "signature_missing", _encrypted_unsigned),
        ("two in one cipher text", "assertion_count", _encrypted_two),
        ("a cipher text from elsewhere", "encryption_reference", _encrypted_reference),
        ("a key by PKCS #1 v1.5", "encryption_algorithm", _encrypted_pkcs1),
        ("encrypted for another", "decryption_failed", _encrypted_for_another),
        ("something else encrypted", "assertion_missing", _encrypted_other),
        ("a cipher text without its key", "encryption_shape", _encrypted_keyless),
        ("a signature beside a cipher text", "encryption_reference", _encrypted_signed),
        ("one encrypted, one plain", "assertion_count", _encrypted_and_plain),
    )


def _both_genuine(request: str) -> etree._Element:
    response = genuine(request)
    second = replace(said(request), assertion_id="_second").xml()
    sign(assertion_in(second), pair(IDP))
    response.append(assertion_in(second))
    return response


FORGERIES = [Forgery(name, code, _text(make)) for name, code, make in _all()]
