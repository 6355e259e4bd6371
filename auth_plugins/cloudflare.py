"""Visitors whom Cloudflare Access let in: its signed assertion, never its plain headers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from auth_plugins.claims import ClaimNames, Claims, check_required, identity_of
from auth_plugins.contract import AuthPlugin, FileSetting, Kit, PluginSettings
from auth_plugins.issuer_keys import ends_of, examined, key_findings, key_set
from auth_plugins.keysets import Demands, verified
from auth_plugins.provider_calls import ProviderUrl
from auth_plugins.remembered import DEADLINE, within
from auth_plugins.values import CredentialRequest, Finding, Identity, LogoutRequest, Redirect, Refused
from config.addresses import parse_host_name
from config.base import Listing, wrong

ASSERTION: Final = "cf-access-jwt-assertion"
DOMAIN: Final = "cloudflareaccess.com"


def _team(value: str) -> str:
    host = parse_host_name(value)
    if "." not in host:
        return f"{host}.{DOMAIN}"
    if host.removesuffix(f".{DOMAIN}") in {"", host}:
        raise wrong(f"must be a team's name or its domain below {DOMAIN}", "Write for example acme.")
    return host


class CloudflareSettings(PluginSettings):
    """Options of the plugin `cloudflare`."""

    team: Annotated[str, AfterValidator(_team)]
    """The team's name, or its domain below cloudflareaccess.com."""
    audience: Listing[str] = Field(min_length=1)
    """The Application Audience (AUD) tags of the applications in front of this gateway."""
    certs_url: ProviderUrl = ""
    """Where the team's keys are fetched; left out, from the team's domain."""
    jwks: FileSetting | None = None
    """A file with the team's keys, for a gateway that reaches nothing outside."""
    claims: ClaimNames = ClaimNames(username="email", groups=("custom.groups",))
    require: Mapping[str, Listing[str]] = {}
    """Claim -> values of which it must have one."""
    service_tokens: Mapping[str, str] = {}
    """Client ID of a service token -> the username it comes as; others are refused."""
    timeout: float = Field(default=DEADLINE, gt=0, le=DEADLINE, allow_inf_nan=False, strict=False)
    """Seconds for fetching keys."""

    @model_validator(mode="before")
    @classmethod
    def _with_names(cls, values: object) -> object:
        own = values.get("claims", {}) if isinstance(values, Mapping) else None
        if not isinstance(values, Mapping) or not isinstance(own, Mapping):
            return values
        return {**values, "claims": {"username": "email", "groups": ["custom.groups"], **own}}


class Cloudflare(AuthPlugin[CloudflareSettings]):
    """Recognises who the team's keys vouch for, for this application."""

    reads = frozenset({ASSERTION})

    def __init__(self, settings: CloudflareSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        self.issuer = f"https://{settings.team}"
        address = settings.certs_url or f"{self.issuer}/cdn-cgi/access/certs"
        self.keys = key_set(kit, address, settings.jwks, ("RS256",))
        self.demands = Demands(issuer=self.issuer, audience=settings.audience)

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        token = request.headers.get(ASSERTION, "").strip(" \t")
        return await self._person(token) if token else None

    async def _person(self, token: str) -> Identity:
        async with within(self.settings.timeout):
            claims = (await verified(token, self.keys, self.demands, self.kit.now())).claims
        return self._named(claims)

    def _named(self, claims: Claims) -> Identity:
        # A token of the team's own domain ("org") opens no application, and lasts as long as its login there.
        if (kind := claims.text("type")) not in ("", "app"):
            raise Refused("token_type", f"its type is {kind[:32]!r}, and must be app")
        check_required(claims, self.settings.require)
        if not claims.text("sub"):  # nobody's, but a program's or a device's
            found = self._service(claims.text("common_name"))
        else:
            found = identity_of(claims, self.settings.claims)
            found = replace(found, email_verified=bool(found.email))  # Access lets nobody in by an unproven one
        return replace(found, session="", ends=ends_of(claims))

    def _service(self, client: str) -> Identity:
        if client and (username := self.settings.service_tokens.get(client)):
            return Identity(subject=client, username=username, amr=())
        raise Refused("service_token_unknown", f"service token {client[:200]!r} is not listed in service_tokens")

    @override
    async def logout(self, request: LogoutRequest) -> Redirect | None:
        """To the team's logout, or the visitor would be let in again at once."""
        return Redirect(url=f"{self.issuer}/cdn-cgi/access/logout")

    @override
    async def examine(self, sample: str) -> Identity:
        return await examined(sample, self._person, self._named)

    @override
    async def findings(self) -> Sequence[Finding]:
        return await key_findings(self.keys, self.settings.timeout)
