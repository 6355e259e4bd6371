"""Messages about logouts, read: somebody's login ended at the provider, or it confirms one that ended here."""

from dataclasses import dataclass
from typing import Final

from auth_plugins.saml.guards import Element, decoded, find, guard_ids, parsed, signature_of, tag
from auth_plugins.saml.messages import Query, query_of, verify_query
from auth_plugins.saml.metadata import Idp, Own
from auth_plugins.saml.response import guard_destination, guard_issuer, guard_schema, name_of, verify
from auth_plugins.saml.texts import moment, text_of
from auth_plugins.values import ProviderMessage, Refused

FRESH: Final = 300.0
"""Seconds for which a request without an end of its own is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutAsked:
    """A provider's wish that somebody be logged out here."""

    id: str
    subject: str
    session: str
    """Empty where all sessions of the subject end."""
    until: float
    """After this it is refused anyway (seconds since the epoch)."""
    relay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    root: Element
    relay: str
    query: Query | None
    """Where it came by the Redirect binding."""


def logout_asked(message: ProviderMessage, idp: Idp, own: Own, now: float) -> LogoutAsked:
    """Raises Refused where it is not the provider's, not for us, not of now, or not signed."""
    came = _came(message, "SAMLRequest", "samlp:LogoutRequest")
    if not _is_signed(came, idp):
        raise Refused("signature_missing", "the request for a logout is not signed, so anybody could have made it")
    guard_issuer(came.root, idp, needed=True)
    guard_destination(came.root, own.slo, needed=True)
    until = _until(came.root, own, now)
    sessions = [text_of(node) for node in find(came.root, "samlp:SessionIndex")]
    return LogoutAsked(
        id=str(came.root.get("ID")),
        subject=name_of(find(came.root, "saml:NameID")).value,
        session=sessions[0] if len(sessions) == 1 else "",
        until=until,
        relay=came.relay,
    )


def logout_confirmed(message: ProviderMessage, idp: Idp, own: Own) -> None:
    """It ends nothing, so it need not be signed; but a signature that is there must hold."""
    came = _came(message, "SAMLResponse", "samlp:LogoutResponse")
    _is_signed(came, idp)
    guard_issuer(came.root, idp, needed=False)
    guard_destination(came.root, own.slo, needed=False)


def _came(message: ProviderMessage, kind: str, name: str) -> _Came:
    query = query_of(message.query, kind)
    if query is None and kind not in message.fields:
        raise Refused("message_missing", f"nothing came in the field {kind}")
    root = parsed(decoded(message.fields[kind]) if query is None else query.content)
    if root.tag != tag(name):
        raise Refused("message_other", f"the message is a {root.tag} and not a {name}")
    guard_ids(root)
    guard_schema(root)
    if root.get("Version") != "2.0":
        raise Refused("version_unknown", "the message is not of SAML 2.0")
    relay = message.fields.get("RelayState", "") if query is None else query.relay
    return _Came(root=root, relay=relay, query=query)


def _is_signed(came: _Came, idp: Idp) -> bool:
    """SAML bindings 3.4.4.1: in a query, the signature is of the query and not of the XML."""
    if came.query is not None:
        if came.query.signature:
            verify_query(came.query, idp)
        return bool(came.query.signature)
    signature = signature_of(came.root)
    if signature is not None:
        verify(came.root, signature, idp)
    return signature is not None


def _until(request: Element, own: Own, now: float) -> float:
    issued, end = moment(request, "IssueInstant"), moment(request, "NotOnOrAfter")
    last = min(each for each in (end, None if issued is None else issued + FRESH) if each is not None)
    if last <= now - own.skew:
        raise Refused("expired", f"the request was made at {request.get('IssueInstant')}; check both clocks")
    if issued is not None and issued > now + own.skew:
        raise Refused("not_yet_valid", f"the request was made at {request.get('IssueInstant')}; check both clocks")
    return last + own.skew
