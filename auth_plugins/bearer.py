"""JWTs of an issuer that the operator trusts, sent as `Authorization: Bearer` (RFC 6750, RFC 9068)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import Field, model_validator
from typing_extensions import override

from auth_plugins.claims import ClaimNames, Claims, check_required, identity_of
from auth_plugins.contract import AuthPlugin, FileSetting, Kit, PluginSettings
from auth_plugins.issuer_keys import ends_of, examined, key_findings, key_set
from auth_plugins.keysets import Algorithms, Demands, unproven, verified
from auth_plugins.openid.discovery import Discovery
from auth_plugins.provider_calls import ProviderUrl
from auth_plugins.remembered import DEADLINE, within
from auth_plugins.values import CredentialRequest, Finding, Identity, Refused
from config.base import Listing, wrong

OWN: Final = ("fwp_", "fwh_", "fws_")
"""What the gateway's own tokens begin with; the gateway alone looks at those."""


class BearerSettings(PluginSettings):
    """Options of the plugin `bearer`: one entry for each issuer, so that no issuer can name another's people."""

    issuer: str = Field(min_length=1)
    audience: Listing[str]
    """What `aud` must name: the gateway, by the name the issuer knows it by."""
    jwks_url: ProviderUrl = ""
    """Where the keys are; left out, where the issuer's OpenID Connect discovery says."""
    jwks: FileSetting | None = None
    """A file with the keys, for an issuer that the gateway cannot reach."""
    algorithms: Algorithms = ("RS256", "ES256")
    claims: ClaimNames = ClaimNames()
    require: Mapping[str, Listing[str]] = {}
    """Claim -> values of which it must have one, such as a scope."""
    timeout: float = Field(default=DEADLINE, gt=0, le=DEADLINE, allow_inf_nan=False, strict=False)
    """Seconds for fetching keys."""

    @model_validator(mode="after")
    def _complete(self) -> "BearerSettings":
        if not self.audience or not self.algorithms:
            raise wrong("must have an audience and an algorithm", "Write for example audience: [flowward].")
        if self.jwks is not None and self.jwks_url:
            raise wrong("must have jwks or jwks_url, not both", "Leave out one of them.")
        if self.jwks is None and not self.jwks_url and not self.issuer.startswith(("https://", "http://")):
            raise wrong(
                f"must have jwks or jwks_url, as issuer '{self.issuer}' is no address to ask", "Add one of them."
            )
        return self


class Bearer(AuthPlugin[BearerSettings]):
    """Recognises the issuer's tokens, and leaves all others to whom they belong to."""

    reads = frozenset({"authorization"})

    def __init__(self, settings: BearerSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        discovery = Discovery(kit, settings.issuer)
        self.keys = key_set(kit, settings.jwks_url or discovery.jwks_uri, settings.jwks, settings.algorithms)
        self.demands = Demands(
            issuer=settings.issuer, audience=settings.audience, types=frozenset({"", "jwt", "at+jwt"})
        )

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        token = _sent(request.headers.get("authorization", ""))
        if token is None or not self._is_of_issuer(token):
            return None
        return await self._person(token)

    def _is_of_issuer(self, token: str) -> bool:
        try:
            return unproven(token).at("iss") == self.settings.issuer
        except Refused:
            return False

    async def _person(self, token: str) -> Identity:
        async with within(self.settings.timeout):
            claims = (await verified(token, self.keys, self.demands, self.kit.now())).claims
        return self._named(claims)

    def _named(self, claims: Claims) -> Identity:
        check_required(claims, self.settings.require)
        return replace(identity_of(claims, self.settings.claims), session="", ends=ends_of(claims))

    @override
    async def examine(self, sample: str) -> Identity:
        return await examined(sample, self._person, self._named)

    @override
    async def findings(self) -> Sequence[Finding]:
        return await key_findings(self.keys, self.settings.timeout)


def _sent(authorization: str) -> str | None:
    scheme, _, token = authorization.strip(" \t").partition(" ")
    token = token.strip(" \t")
    return token if scheme.lower() == "bearer" and token and not token.startswith(OWN) else None
