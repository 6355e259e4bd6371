"""Reading a response: what is signed is verified, what is verified is judged, and only that is read.

python3-saml verifies signatures and checks the schema. It does not judge here: its own `is_valid` reads the wall clock,
allows no skew where the subject is confirmed, compares the destination by its beginning and the recipient by
containment, wants no audience, and lets a response without InResponseTo pass (its issue 443 is unanswered).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import xmlsec
from lxml import etree
from onelogin import saml2
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from auth_plugins.saml.cipher import opened
from auth_plugins.saml.guards import Element, assertion_of, find, guard_ids, signature_of, tag
from auth_plugins.saml.metadata import Idp, Own
from auth_plugins.saml.texts import moment, text_of
from auth_plugins.values import Refused

BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
_LONGEST_NAME: Final = 256
"""Characters of a NameID (SAML core 8.3.7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a response must fit, beside what is always so."""

    now: float
    request: str = ""
    """The ID of our request; empty where there was none."""
    since: float = 0.0
    """When the visitor must have proven who they are, at the earliest."""
    sample: bool = False
    """Whether it is only looked at: then it does not matter when it was made nor what it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameId:
    """Whom an assertion is about, as the provider will know them again in a logout."""

    value: str
    format: str
    qualifier: str = ""
    own_qualifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a provider said, verified and judged."""

    id: str
    until: float
    """After this it is refused anyway (seconds since the epoch), so nobody need remember it."""
    name: NameId
    session: str
    session_ends: float | None
    contexts: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    """By name, and by friendly name where that is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A response and its assertion, of which at least one is signed by the provider."""

    response: Element
    assertion: Element
    whole: bool
    """Whether the response itself is signed, and not the assertion alone."""


def read(response: Element, idp: Idp, own: Own, asked: Asked) -> Assertion:
    """What a guarded response says, if all of it holds. Raises Refused with a code of its own for each reason."""
    found = assertion_of(response)
    guard_ids(response)
    guard_schema(response)
    assertion = found
    if found.tag == tag("saml:EncryptedAssertion"):
        assertion = opened(found, own.key)
        _guard_opened(response, assertion)
    signed = _verified(response, found, assertion, idp, own)
    _judge_response(signed, idp, own)
    until = _judge_assertion(signed, own, asked)
    return _taken(assertion, until)


def _guard_opened(response: Element, assertion: Element) -> None:
    """What came out of the cipher obeys the same rules, together with what surrounds it."""
    inside = list(assertion.iter("{*}Response", "{*}Assertion", "{*}EncryptedAssertion"))
    if len(inside) != 1:
        raise Refused("assertion_count", f"the encrypted assertion holds {len(inside) - 1} more")
    guard_ids(response, assertion)
    guard_schema(assertion)


def guard_schema(element: Element) -> None:
    """Raises Refused where a message is not what the standard's schema says."""
    if not _schema().validate(element):
        raise Refused("schema_violated", "the message is not one of saml-schema-protocol-2.0.xsd")


@cache
def _schema() -> etree.XMLSchema:
    """That of the library, which would read it anew for each message: several times the work of all else."""
    return etree.XMLSchema(etree.parse(Path(saml2.__file__).parent / "schemas" / "saml-schema-protocol-2.0.xsd"))


def _verified(response: Element, found: Element, assertion: Element, idp: Idp, own: Own) -> _Signed:
    """A signature over the whole response covers the assertion in it; each signature that is there must hold."""
    outer, inner = signature_of(response, (found,)), signature_of(assertion)
    for missing, code, detail in (
        (outer is None and inner is None, "signature_missing", "neither the response nor the assertion is signed"),
        (outer is None and own.wants_response_signed, "response_unsigned", "option want_response_signed asks for it"),
        (inner is None and own.wants_assertions_signed, "assertion_unsigned", "want_assertions_signed asks for it"),
    ):
        if missing:
            raise Refused(code, detail)
    for root, signature in ((response, outer), (assertion, inner)):
        if signature is not None:
            verify(root, signature, idp)
    return _Signed(response=response, assertion=assertion, whole=outer is not None)


def verify(root: Element, signature: Element, idp: Idp) -> None:
    """Raises Refused where none of the provider's certificates made this signature; a KeyInfo in it is not believed."""
    xmlsec.tree.add_ids(root.getroottree().getroot(), ["ID"])
    made = (OneLogin_Saml2_Utils.validate_node_sign(signature, root, cert=each.pem) for each in idp.certificates)
    if not any(one is True for one in made):
        names = "; ".join(each.name for each in idp.certificates)
        raise Refused("signature_wrong", f"no certificate of the provider made the signature; known are: {names}")


def guard_issuer(element: Element, idp: Idp, *, needed: bool) -> None:
    """Raises Refused where an element is not the provider's own."""
    issuers = [text_of(node) for node in find(element, "saml:Issuer")]
    if (needed or issuers) and issuers != [idp.issuer]:
        raise Refused("issuer_wrong", f"the issuer is {issuers}, and not '{idp.issuer}' (option idp_issuer)")


def guard_destination(element: Element, address: str, *, needed: bool) -> None:
    """SAML bindings 3.5.5.2: "If the message is signed, the Destination XML attribute in the root SAML element MUST
    contain the URL to which the sender has instructed the user agent to deliver the message."
    """
    destination = element.get("Destination")
    if (needed or destination is not None) and destination != address:
        raise Refused("destination_wrong", f"the message is for '{destination}', and this is '{address}'")


def _judge_response(signed: _Signed, idp: Idp, own: Own) -> None:
    response = signed.response
    if {response.get("Version"), signed.assertion.get("Version")} != {"2.0"}:
        raise Refused("version_unknown", "the message is not of SAML 2.0")
    status = [str(node.get("Value")) for node in response.iter(tag("samlp:StatusCode"))]
    if status[:1] != [SUCCESS]:
        said = "; ".join(text_of(node) for node in response.iter(tag("samlp:StatusMessage")))
        raise Refused("provider_refused", f"the provider answered {' / '.join(status)} {said}".strip())
    guard_destination(response, own.acs, needed=signed.whole)
    guard_issuer(response, idp, needed=False)
    guard_issuer(signed.assertion, idp, needed=True)


def _judge_assertion(signed: _Signed, own: Own, asked: Asked) -> float:
    """Until when the assertion may be used (seconds since the epoch)."""
    _judge_audience(signed.assertion, own)
    confirmed = _confirmation(signed.assertion, own)
    if not asked.sample:
        _judge_answer(signed, confirmed, asked)
        _judge_login(signed.assertion, own, asked)
    times = [*find(signed.assertion, "saml:Conditions"), confirmed]
    return min(_judge_times(times, own, asked)) + own.skew


def _judge_times(elements: Iterable[Element], own: Own, asked: Asked) -> list[float]:
    """The ends of the validity of each; raises Refused where it is not valid now."""
    ends = []
    for element in elements:
        begin, end = moment(element, "NotBefore"), moment(element, "NotOnOrAfter")
        if not asked.sample and begin is not None and begin > asked.now + own.skew:
            raise Refused("not_yet_valid", f"{element.tag} is valid from {element.get('NotBefore')}; check both clocks")
        if not asked.sample and end is not None and end <= asked.now - own.skew:
            raise Refused("expired", f"{element.tag} was valid until {element.get('NotOnOrAfter')}; check both clocks")
        ends += [] if end is None else [end]
    return ends


def _judge_audience(assertion: Element, own: Own) -> None:
    conditions = find(assertion, "saml:Conditions")
    if len(conditions) != 1:
        raise Refused("conditions_missing", "the assertion must have one Conditions element")
    # What else may stand here by the schema is OneTimeUse, so it is for all to us, and ProxyRestriction, as we are none.
    restrictions = find(conditions[0], "saml:AudienceRestriction")
    audiences = [[text_of(node) for node in find(each, "saml:Audience")] for each in restrictions]
    # SAML core 2.5.1.4: several restrictions must hold together, each by one of its audiences.
    if not audiences or not all(own.entity_id in each for each in audiences):
        raise Refused("audience_wrong", f"the assertion is for {audiences}, and not for '{own.entity_id}'")


def _confirmation(assertion: Element, own: Own) -> Element:
    """What says that whoever brings this assertion to our address is its subject (SAML profiles 4.1.4.2)."""
    data = [
        node
        for confirmation in find(assertion, "saml:Subject/saml:SubjectConfirmation")
        if confirmation.get("Method") == BEARER
        for node in find(confirmation, "saml:SubjectConfirmationData")
    ]
    if len(data) != 1:
        raise Refused("confirmation_missing", f"the subject is confirmed for a bearer {len(data)} times and not once")
    if data[0].get("Recipient") != own.acs:
        raise Refused("recipient_wrong", f"the assertion is for {data[0].get('Recipient')}, and this is '{own.acs}'")
    if data[0].get("NotOnOrAfter") is None or data[0].get("NotBefore") is not None:
        raise Refused("confirmation_unbounded", "SubjectConfirmationData must say NotOnOrAfter, and no NotBefore")
    return data[0]


def _judge_answer(signed: _Signed, confirmed: Element, asked: Asked) -> None:
    """What the response answers: this very visitor's request, said where the signature covers it; or nothing at all."""
    by_response, by_assertion = signed.response.get("InResponseTo"), confirmed.get("InResponseTo")
    said = {each for each in (by_response, by_assertion) if each is not None}
    if not asked.request and said:
        raise Refused("request_unknown", f"the response answers {sorted(said)}, which this visitor did not ask")
    if asked.request and not said:
        raise Refused("unsolicited", "the response answers no request, though this visitor made one")
    if asked.request and said != {asked.request}:
        raise Refused("request_other", f"the response answers {sorted(said)}, and this visitor asked {asked.request}")
    if asked.request and by_assertion is None and not signed.whole:
        raise Refused("request_unsigned", "no signature covers what the response says it answers")


def _judge_login(assertion: Element, own: Own, asked: Asked) -> None:
    statements = find(assertion, "saml:AuthnStatement")
    if len(statements) != 1:
        raise Refused("login_missing", f"the assertion tells of {len(statements)} logins and not of one")
    since = moment(statements[0], "AuthnInstant")
    if since is not None and since < asked.since - own.skew:
        raise Refused("login_stale", "the provider did not have the visitor prove anew who they are")
    ends = moment(statements[0], "SessionNotOnOrAfter")
    if ends is not None and ends <= asked.now - own.skew:
        raise Refused("session_over", "the visitor's session at the provider has ended already")


def _taken(assertion: Element, until: float) -> Assertion:
    statement = next(iter(find(assertion, "saml:AuthnStatement")), None)
    return Assertion(
        id=str(assertion.get("ID")),
        until=until,
        name=name_of([*find(assertion, "saml:Subject/saml:NameID")]),
        session="" if statement is None else str(statement.get("SessionIndex") or ""),
        session_ends=None if statement is None else moment(statement, "SessionNotOnOrAfter"),
        contexts=tuple(text_of(node) for node in assertion.iter(tag("saml:AuthnContextClassRef"))),
        attributes=_attributes(assertion),
    )


def name_of(found: list[Element]) -> NameId:
    """Raises Refused where there is no single, plain name."""
    if len(found) != 1:
        raise Refused("name_missing", "there is no plain NameID; encrypted ones are not read")
    value = text_of(found[0])
    if not value or len(value) > _LONGEST_NAME or not value.isprintable():
        raise Refused(
            "name_odd", f"the NameID has {len(value)} characters; 1 to {_LONGEST_NAME} printable ones are read"
        )
    return NameId(
        value=value,
        format=str(found[0].get("Format") or ""),
        qualifier=str(found[0].get("NameQualifier") or ""),
        own_qualifier=str(found[0].get("SPNameQualifier") or ""),
    )


def _attributes(assertion: Element) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for attribute in find(assertion, "saml:AttributeStatement/saml:Attribute"):
        values = tuple(text for node in find(attribute, "saml:AttributeValue") if (text := text_of(node)))
        for name in {attribute.get("Name"), attribute.get("FriendlyName")} - {None, ""}:
            found[str(name)] = (*found.get(str(name), ()), *values)
    return found
