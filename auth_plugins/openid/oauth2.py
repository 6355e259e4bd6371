"""Login by a provider that speaks OAuth 2 and gives no id token, such as GitHub: its API says who came back."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from pydantic import Field, model_validator
from typing_extensions import override

from auth_plugins.claims import Claims, check_required, identity_of, parsed
from auth_plugins.contract import AuthPlugin
from auth_plugins.openid.code import CodeSettings, callback, code_of, departure, granted
from auth_plugins.openid.settings import check_secret, with_preset
from auth_plugins.provider_calls import ProviderUrl, document, listed
from auth_plugins.remembered import within
from auth_plugins.values import Finding, Identity, LoginRequest, Redirect, Refused

PRESETS: Final[Mapping[str, Mapping[str, object]]] = {
    "github": {
        "authorization_endpoint": "https://github.com/login/oauth/authorize",
        "token_endpoint": "https://github.com/login/oauth/access_token",
        "client_authentication": "client_secret_post",
        "userinfo_endpoint": "https://api.github.com/user",
        "emails_endpoint": "https://api.github.com/user/emails?per_page=100",
        "groups_endpoints": {
            "https://api.github.com/user/orgs?per_page=100": "{login}",
            "https://api.github.com/user/teams?per_page=100": "{organization.login}/{slug}",
        },
        "scopes": ["read:user", "user:email", "read:org"],
        # A login name may become somebody else's; the number never does.
        "claims": {"subject": "id", "username": "login", "image": "avatar_url"},
    },
}
_PLACE: Final = re.compile(r"\{([^{}]+)\}")


class OAuth2Settings(CodeSettings):
    """Options of the plugin `oauth2`."""

    preset: Literal["github"] | None = None
    """Defaults for a provider; any option here wins over them."""
    authorization_endpoint: ProviderUrl = Field(min_length=1)
    token_endpoint: ProviderUrl = Field(min_length=1)
    userinfo_endpoint: ProviderUrl = Field(min_length=1)
    """Answers with a JSON object about the person whose access token asks."""
    emails_endpoint: ProviderUrl = ""
    """Lists objects with email, primary and verified; left out, addresses are what userinfo says."""
    groups_endpoints: Mapping[ProviderUrl, str] = {}
    """Address of a list of objects -> what a group's name is made of, with claims in braces."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: object) -> object:
        return with_preset(PRESETS, values) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _can_prove_itself(self) -> "OAuth2Settings":
        check_secret(self)
        return self


class OAuth2(AuthPlugin[OAuth2Settings]):
    """A provider that people are sent to, and whose API is asked who they are."""

    @override
    async def login(self, request: LoginRequest) -> Identity | Redirect:
        if not request.returned:
            if request.again:
                raise Refused("cannot_ask_again", "OAuth 2 has no way to ask that somebody log in anew")
            return departure(self.kit, self.settings, self.settings.authorization_endpoint, request.flow, {})
        async with within(self.settings.timeout):
            fields = {
                "grant_type": "authorization_code",
                "code": code_of(request),
                "redirect_uri": callback(self.kit),
                "code_verifier": request.keep["verifier"],
            }
            grant = await granted(self.kit, self.settings, self.settings.token_endpoint, fields)
            return await self._identity(grant.access_token)

    async def _identity(self, token: str) -> Identity:
        claims = await document(self.kit, self.settings.userinfo_endpoint, token=token)
        values: dict[str, object] = dict(claims.values)
        if self.settings.emails_endpoint:
            values |= _address(await listed(self.kit, self.settings.emails_endpoint, token=token), self.settings)
        if self.settings.groups_endpoints:
            values["groups"] = await self._groups(token)
        return replace(self._person(Claims(values)), keep=json.dumps({"access_token": token}))

    async def _groups(self, token: str) -> list[str]:
        found: list[str] = []
        for url, template in self.settings.groups_endpoints.items():
            found += [_filled(template, group) for group in await listed(self.kit, url, token=token)]
        return found

    def _person(self, claims: Claims) -> Identity:
        check_required(claims, self.settings.require)
        names = self.settings.claims
        if self.settings.groups_endpoints:
            names = names.model_copy(update={"groups": ("groups",)})
        found = identity_of(claims, names)
        trusted = bool(found.email) and self.settings.insecure_trust_email
        return replace(found, email_verified=found.email_verified or trusted)

    @override
    async def refresh(self, identity: Identity) -> Identity:
        """Ask the API again; Refused once the person or the provider has taken the access back."""
        token = parsed(identity.keep).at("access_token") if identity.keep else None
        if not isinstance(token, str):
            return identity
        async with within(self.settings.timeout):
            found = await self._identity(token)
        if found.subject != identity.subject:
            raise Refused("subject_differs", "the access token is of somebody else than who logged in")
        return replace(found, amr=identity.amr)

    @override
    async def examine(self, sample: str) -> Identity:
        """Of what the userinfo endpoint answers, with `groups` in it where there are any."""
        try:
            return self._person(parsed(sample))
        except ValueError as error:
            raise Refused("sample_unreadable", f"the claims cannot be read: {error}") from error

    @override
    async def findings(self) -> Sequence[Finding]:
        if not self.settings.insecure_trust_email:
            return ()
        detail = "insecure_trust_email: every address counts as verified"
        return (Finding(code="email_unproven", level="warning", detail=detail),)


def _address(emails: Sequence[Claims], settings: OAuth2Settings) -> dict[str, object]:
    """The primary address and whether it is proven, under the names that the settings read."""
    primary = next((each for each in emails if each.true("primary")), Claims({}))
    names = settings.claims
    return {names.email: primary.text("email"), names.email_verified: primary.true("verified")}


def _filled(template: str, group: Claims) -> str:
    def value(place: re.Match[str]) -> str:
        if text := group.text(place[1]):
            return text
        raise Refused("claim_malformed", f"a group has no {place[1]}")

    return _PLACE.sub(value, template)
