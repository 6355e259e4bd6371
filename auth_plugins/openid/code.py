"""The authorization code flow with PKCE, as far as OAuth 2 and OpenID Connect share it (RFC 6749, 7636, 9207, 9700)."""

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal
from urllib.parse import urlencode

from pydantic import Field

from auth_plugins.claims import ClaimNames, Claims
from auth_plugins.contract import Answer, Kit, PluginSettings, SecretSetting
from auth_plugins.provider_calls import basic, json_of, posted, printable
from auth_plugins.remembered import DEADLINE
from auth_plugins.values import LoginRequest, Redirect, Refused, Unavailable
from config.base import Listing

LONGEST_CODE: Final = 4096
_VISITOR: Final = frozenset(
    {"access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required"}
)
"""What a visitor can be the reason of; every other error is the provider's trouble, or ours with it."""
_USED_UP: Final = frozenset({"invalid_grant", "bad_verification_code"})
"""A code or refresh token that is wrong, old or used; the second is GitHub's word."""

Method = Literal["client_secret_basic", "client_secret_post", "none"]


class CodeSettings(PluginSettings):
    """Options of every provider that sends visitors back with a code."""

    client_id: str = Field(min_length=1)
    client_secret: SecretSetting | None = None
    client_authentication: Method | None = None
    """How the gateway proves itself; left out, by the secret as the provider prefers it, or by PKCE alone."""
    scopes: Listing[str] = ()
    claims: ClaimNames = ClaimNames()
    require: Mapping[str, Listing[str]] = {}
    """Claim -> values of which it must have one."""
    parameters: Mapping[str, str] = {}
    """Further parameters for the provider's login page."""
    insecure_trust_email: bool = False
    """Take every address for verified, whatever the provider says."""
    timeout: float = Field(default=DEADLINE, gt=0, le=DEADLINE, allow_inf_nan=False, strict=False)
    """Seconds for all requests to the provider that one step of a login waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a provider gave for a code or a refresh token."""

    access_token: str
    id_token: str = ""
    refresh_token: str = ""


def departure(kit: Kit, settings: CodeSettings, endpoint: str, flow: str, more: Mapping[str, str]) -> Redirect:
    """To the provider's login page; what is kept proves later that the code is the one asked for here."""
    if not flow:
        raise Refused("flow_missing", "a login that goes to a provider has a name to come back by")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        **settings.parameters,
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": callback(kit),
        "scope": " ".join(settings.scopes),
        "state": flow,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **more,
    }
    joint = "&" if "?" in endpoint else "?"
    return Redirect(url=f"{endpoint}{joint}{urlencode(asked)}", keep={"verifier": verifier})


def callback(kit: Kit) -> str:
    return f"{kit.base}/callback"


def code_of(request: LoginRequest, issuer: str = "", *, names_itself: bool = False) -> str:
    """The code a visitor came back with. Raises Refused where they do not come from where this login sent them."""
    fields = request.fields
    if not request.flow or not request.keep.get("verifier"):
        raise Refused("login_unsolicited", "nobody was sent to the provider from here for this")
    if not hmac.compare_digest(fields.get("state", "").encode("utf-8", "surrogatepass"), request.flow.encode()):
        raise Refused("state_differs", "the state that came back is not the one of this login")
    _check_issuer(fields.get("iss"), issuer, names_itself=names_itself)
    if error := fields.get("error"):
        said = printable(f"{error}: {fields.get('error_description', '')}")
        raise Refused("login_denied", said) if error in _VISITOR else Unavailable("login_failed", said)
    code = fields.get("code", "")
    if not 0 < len(code) <= LONGEST_CODE:
        raise Refused("code_missing", f"no code of up to {LONGEST_CODE} characters came back")
    return code


def _check_issuer(said: str | None, issuer: str, *, names_itself: bool) -> None:
    # "If the value does not match the expected issuer identifier, clients MUST reject" (RFC 9207 section 2.4).
    if (said is not None or names_itself) and issuer and said != issuer:
        raise Refused(
            "issuer_mixed_up", f"the answer is from {printable(said or 'nobody')!r}, and must be from {issuer!r}"
        )


async def granted(
    kit: Kit,
    settings: CodeSettings,
    endpoint: str,
    fields: Mapping[str, str],
    preferred: Method = "client_secret_basic",
) -> Granted:
    """What the provider gives for a code or a refresh token. Raises Refused where that is used up, Unavailable."""
    sent, headers = _proof(settings, preferred)
    answer = await posted(kit, endpoint, {**fields, **sent}, headers)
    claims = json_of(endpoint, answer)
    if answer.status != 200 or "error" in claims.values:
        raise _failure(endpoint, answer, claims)
    kind, access, refresh, token = (
        claims.at(name) for name in ("token_type", "access_token", "refresh_token", "id_token")
    )
    if not isinstance(access, str) or not access or not isinstance(kind, str) or kind.lower() != "bearer":
        raise Unavailable("provider_nonsense", f"{endpoint} gave no access token of type Bearer")
    return Granted(
        access_token=access,
        refresh_token=refresh if isinstance(refresh, str) else "",
        id_token=token if isinstance(token, str) else "",
    )


def _proof(settings: CodeSettings, preferred: Method) -> tuple[dict[str, str], dict[str, str]]:
    """Fields and headers by which the gateway proves which client it is."""
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    match settings.client_authentication or (preferred if secret else "none"):
        case "client_secret_basic":
            return {}, {"Authorization": basic(settings.client_id, secret)}
        case "client_secret_post":
            return {"client_id": settings.client_id, "client_secret": secret}, {}
        case "none":
            return {"client_id": settings.client_id}, {}


def _failure(endpoint: str, answer: Answer, claims: Claims) -> Refused | Unavailable:
    error, description = claims.at("error"), claims.at("error_description")
    said = printable(f"{endpoint} answered {answer.status} {error}: {description or ''}")
    return Refused("grant_refused", said) if error in _USED_UP else Unavailable("grant_failed", said)
