"""Logouts that begin at the provider: by a logout token, or by its session's name (OpenID Connect logout 1.0)."""

import secrets
from typing import Final

from auth_plugins.claims import Claims
from auth_plugins.contract import Kit
from auth_plugins.keysets import LEEWAY, Demands, KeySet, verified
from auth_plugins.values import Ended, ProviderMessage, Refused

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
OLDEST: Final = 600.0
"""Seconds for which a logout token may be on its way; most say so themselves, by `exp`."""
TYPES: Final = frozenset({"", "jwt", "logout+jwt"})


async def backchannel(message: ProviderMessage, kit: Kit, keys: KeySet, demands: Demands, subject: str) -> Ended:
    """Whose login ended (Back-Channel Logout 1.0 section 2.6). Raises Refused where the token is not one for that."""
    token = await verified(message.fields["logout_token"], keys, demands, kit.now())
    claims = token.claims
    session, person = claims.text("sid"), claims.text(subject)
    _check_purpose(claims)
    if not session and not person:
        raise Refused("logout_token_for_nobody", f"it has neither sid nor {subject}")
    issued = claims.number("iat") or 0.0
    if issued < kit.now() - OLDEST - LEEWAY:
        raise Refused("token_expired", f"it was issued {kit.now() - issued:.0f} s ago; {OLDEST:.0f} s are the limit")
    own = secrets.token_urlsafe(16)
    if await kit.vault.put_new(f"logout {claims.text('jti')}", own, OLDEST + 3 * LEEWAY) != own:
        raise Refused("logout_token_replayed", "its jti was here before")
    return Ended(subject=person, session=session)


def _check_purpose(claims: Claims) -> None:
    events = claims.at("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise Refused("token_type", "its events do not say that a login ended")
    # "A nonce Claim MUST NOT be present" (section 2.4), so that no id token is taken for a logout token.
    if "nonce" in claims.values:
        raise Refused("token_type", "it has a nonce, as an id token has")
    if not claims.text("jti"):
        raise Refused("token_claim_missing", "it does not say jti")


def frontchannel(message: ProviderMessage, issuer: str) -> Ended:
    """The provider's session that a frame in a browser names (Front-Channel Logout 1.0 section 3); nobody's if none.

    Nothing signs it, and nothing needs to: who knows the name of a session had it from the provider.
    """
    session = message.fields.get("sid", "")
    if session and message.fields.get("iss") != issuer:
        raise Refused("token_issuer", f"its iss must be {issuer!r}")
    return Ended(session=session)
