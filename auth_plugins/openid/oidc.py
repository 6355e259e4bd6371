"""Login by an OpenID Connect provider: authorization code with PKCE, logout both ways (OpenID Connect Core 1.0)."""

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256, sha384, sha512
from typing import Final, Literal
from urllib.parse import urlencode

from typing_extensions import override

from auth_plugins.claims import Claims, check_required, identity_of, parsed
from auth_plugins.contract import AuthPlugin, Kit
from auth_plugins.issuer_keys import examined
from auth_plugins.keysets import LEEWAY, Demands, KeySet, Verified, published, verified
from auth_plugins.openid.code import Granted, Method, callback, code_of, departure, granted
from auth_plugins.openid.discovery import Discovery, Metadata
from auth_plugins.openid.logout import TYPES, backchannel, frontchannel
from auth_plugins.openid.settings import OidcSettings
from auth_plugins.provider_calls import document
from auth_plugins.remembered import within
from auth_plugins.values import (
    Ended,
    Finding,
    Identity,
    LoginRequest,
    LogoutRequest,
    ProviderMessage,
    Redirect,
    Refused,
    Unavailable,
)

LONGEST_KEEP: Final = 16 * 1024
LONGEST_HINT: Final = 4096
"""Characters of an id token that still fit into an address."""
_HASHES: Final = {"256": sha256, "384": sha384, "512": sha512, "DSA": sha512}
"""By the end of the algorithm's name; Ed25519 signs over SHA-512."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stays with a session: the id token for its logout, the refresh token for asking again."""

    id_token: str = ""
    refresh_token: str = ""

    @classmethod
    def of(cls, text: str) -> "Kept":
        claims = parsed(text) if text else Claims({})
        id_token, refresh_token = claims.at("id_token"), claims.at("refresh_token")
        return cls(
            id_token=id_token if isinstance(id_token, str) else "",
            refresh_token=refresh_token if isinstance(refresh_token, str) else "",
        )

    def text(self) -> str:
        """What is longest goes first where not all has room: a logout works without the id token."""
        for each in (self, replace(self, id_token="")):
            text = json.dumps({"id_token": each.id_token, "refresh_token": each.refresh_token})
            if len(text) <= LONGEST_KEEP:
                return text
        return ""


class Oidc(AuthPlugin[OidcSettings]):
    """A provider that people are sent to, and come back from with a code."""

    def __init__(self, settings: OidcSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        self.discovery = Discovery(kit, settings.issuer)
        self.keys = KeySet(published(kit, self.discovery.jwks_uri), settings.algorithms, kit.now)
        self.demands = Demands(issuer=settings.issuer, audience=(settings.client_id,))

    @override
    async def login(self, request: LoginRequest) -> Identity | Redirect:
        async with within(self.settings.timeout):
            return await (self._arrival(request) if request.returned else self._departure(request))

    async def _departure(self, request: LoginRequest) -> Redirect:
        if request.again and not self.settings.asks_again:
            raise Refused("cannot_ask_again", "this provider cannot be asked to let somebody log in anew (asks_again)")
        metadata = await self.discovery.metadata()
        nonce = secrets.token_urlsafe(32)
        more = {"nonce": nonce, **({"login_hint": request.hint} if request.hint else {})}
        if request.again:
            more |= {"prompt": "login", "max_age": "0"}
        sent = departure(self.kit, self.settings, metadata.authorization_endpoint, request.flow, more)
        since = {"since": str(self.kit.now())} if request.again else {}
        return replace(sent, keep={**sent.keep, "nonce": nonce, **since})

    async def _arrival(self, request: LoginRequest) -> Identity:
        metadata = await self.discovery.metadata()
        code = code_of(request, self.settings.issuer, names_itself=metadata.names_itself)
        grant = await self._granted(
            metadata,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": callback(self.kit),
                "code_verifier": request.keep["verifier"],
            },
        )
        token = await self._id_token(grant)
        _check_login(token.claims, request)
        return await self._identity(metadata, grant, token)

    async def _granted(self, metadata: Metadata, fields: dict[str, str]) -> Granted:
        basic = "client_secret_basic" in metadata.methods
        preferred: Method = "client_secret_basic" if basic else "client_secret_post"
        return await granted(self.kit, self.settings, metadata.token_endpoint, fields, preferred)

    async def _id_token(self, grant: Granted) -> Verified:
        if not grant.id_token:
            raise Unavailable("provider_nonsense", "the provider gave no id token, as OpenID Connect asks it to")
        token = await verified(grant.id_token, self.keys, self.demands, self.kit.now())
        _check_use(token, self.settings.client_id, grant.access_token)
        return token

    async def _identity(self, metadata: Metadata, grant: Granted, token: Verified) -> Identity:
        claims = token.claims
        if self.settings.userinfo and metadata.userinfo_endpoint:
            more = await document(self.kit, metadata.userinfo_endpoint, token=grant.access_token)
            # "The sub Claim in the UserInfo Response MUST be verified to exactly match" (Core 1.0 section 5.3.2).
            if more.at("sub") != claims.at("sub"):
                raise Refused("userinfo_differs", "userinfo speaks of somebody else than the id token")
            claims = Claims({**more.values, **claims.values})
        kept = Kept(id_token=grant.id_token, refresh_token=grant.refresh_token)
        return replace(self._person(claims), keep=kept.text())

    def _person(self, claims: Claims) -> Identity:
        """Who the claims speak of. Raises Refused where the settings or the shape of the claims forbid a login."""
        check_required(claims, self.settings.require)
        if self.settings.claims.groups:
            _check_groups(claims)
        found = identity_of(claims, self.settings.claims)
        authority = self.settings.email_authority
        vouched = found.email_verified and (not authority or bool(claims.text(authority)))
        return replace(found, email_verified=bool(found.email) and (vouched or self.settings.insecure_trust_email))

    @override
    async def refresh(self, identity: Identity) -> Identity:
        """What a refresh token brings; without one the provider cannot be asked, and nothing changes."""
        kept = Kept.of(identity.keep)
        if not kept.refresh_token:
            return identity
        async with within(self.settings.timeout):
            metadata = await self.discovery.metadata()
            fields = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token}
            grant = await self._granted(metadata, fields)
            grant = replace(grant, refresh_token=grant.refresh_token or kept.refresh_token)
            if not grant.id_token:  # it said no more than that this person may still come in
                return replace(identity, keep=replace(kept, refresh_token=grant.refresh_token).text())
            found = await self._identity(metadata, grant, await self._id_token(grant))
        if found.subject != identity.subject:
            raise Refused("subject_differs", "the refresh token is of somebody else than who logged in")
        return replace(found, amr=identity.amr, session=found.session or identity.session)

    @override
    async def logout(self, request: LogoutRequest) -> Redirect | None:
        """To the provider's own logout (RP-Initiated Logout 1.0), which sends the visitor back to `/slo`."""
        if not self.settings.end_session:
            return None
        async with within(self.settings.timeout):
            endpoint = (await self.discovery.metadata()).end_session_endpoint
        if not endpoint:
            return None
        hint = Kept.of(request.keep).id_token
        asked = {
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": f"{self.kit.base}/slo",
            **({"state": request.flow} if request.flow else {}),
            **({"id_token_hint": hint} if 0 < len(hint) <= LONGEST_HINT else {}),
        }
        joint = "&" if "?" in endpoint else "?"
        return Redirect(url=f"{endpoint}{joint}{urlencode(asked)}")

    @override
    async def ended(self, message: ProviderMessage) -> Ended:
        if "logout_token" not in message.fields:
            return frontchannel(message, self.settings.issuer)
        demands = replace(self.demands, types=TYPES, expires=False)
        async with within(self.settings.timeout):
            return await backchannel(message, self.kit, self.keys, demands, self.settings.claims.subject)

    @override
    async def examine(self, sample: str) -> Identity:
        return await examined(sample, self._token_sample, self._person)

    async def _token_sample(self, token: str) -> Identity:
        async with within(self.settings.timeout):
            return self._person((await verified(token, self.keys, self.demands, self.kit.now())).claims)

    @override
    async def findings(self) -> Sequence[Finding]:
        found: list[Finding] = []
        if self.settings.insecure_trust_email:
            found.append(
                _finding("email_unproven", "warning", "insecure_trust_email: every address counts as verified")
            )
        try:
            async with within(self.settings.timeout):
                metadata = await self.discovery.metadata()
                usable = await self.keys.usable()
        except (Refused, Unavailable) as error:
            detail = f"{error.detail}. Compare option issuer, and whether the gateway reaches it"
            return [*found, _finding(error.code, "error", detail)]
        return [*found, *self._abilities(metadata, usable)]

    def _abilities(self, metadata: Metadata, usable: Sequence[str]) -> list[Finding]:
        allowed = ", ".join(self.settings.algorithms)
        found = [
            _finding("provider_answers", "ok", f"{self.discovery.address} answers, with keys for {', '.join(usable)}")
        ]
        if not usable:
            signs = ", ".join(metadata.algorithms) or "it does not say by what"
            found = [_finding("keys_missing", "error", f"no keys for {allowed}; it signs by: {signs} (algorithms)")]
        if metadata.challenges is not None and "S256" not in metadata.challenges:
            found.append(_finding("pkce_unknown", "warning", "it does not promise PKCE with S256; allow it there"))
        if not metadata.backchannel_logout:
            found.append(_finding("logout_unseen", "ok", "it tells of no logouts by back channel"))
        return found


def _finding(code: str, level: Literal["ok", "warning", "error"], detail: str) -> Finding:
    return Finding(code=code, level=level, detail=detail)


def _check_use(token: Verified, client_id: str, access_token: str) -> None:
    """Whether an id token was made for this client and beside this access token (Core 1.0 sections 3.1.3.7, 3.1.3.8)."""
    party, audience, told = token.claims.at("azp"), token.claims.at("aud"), token.claims.at("at_hash")
    several = isinstance(audience, list) and len(audience) > 1
    if (party is not None or several) and party != client_id:
        raise Refused("token_audience", "its azp names another client: it was made for that one")
    if told is not None and not _same(told, _half_hash(access_token, token.algorithm)):
        raise Refused("access_token_swapped", "its at_hash is of another access token")


def _check_login(claims: Claims, request: LoginRequest) -> None:
    """Whether an id token is of this very login."""
    if not request.keep.get("nonce") or not _same(claims.at("nonce"), request.keep["nonce"]):
        raise Refused("nonce_differs", "its nonce is not the one of this login")
    if since := request.keep.get("since"):
        at = claims.number("auth_time")
        if at is None or at < float(since) - LEEWAY:
            when = "does not say when (auth_time)" if at is None else f"did so {float(since) - at:.0f} s before"
            raise Refused("not_logged_in_anew", f"the visitor was to log in anew, and the provider {when}")


def _check_groups(claims: Claims) -> None:
    """Microsoft Entra leaves groups out where there are more than 200, and says only where they could be asked for."""
    elsewhere = claims.at("_claim_names")
    if claims.at("hasgroups") is True or (isinstance(elsewhere, dict) and "groups" in elsewhere):
        raise Refused(
            "groups_overage",
            "this person is in more groups than fit into a token, so it names none of them: let the provider send only "
            "groups assigned to the application, or set claims: {groups: [roles]}",
        )


def _half_hash(token: str, algorithm: str) -> str:
    digest = _HASHES[algorithm[-3:]](token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _same(told: object, known: str) -> bool:
    return isinstance(told, str) and hmac.compare_digest(told.encode("utf-8", "surrogatepass"), known.encode())
