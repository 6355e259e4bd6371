"""Options of OpenID Connect providers, and what is known beforehand of some of them."""

import re
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, model_validator

from auth_plugins.keysets import Algorithms
from auth_plugins.openid.code import CodeSettings
from auth_plugins.provider_calls import ProviderUrl
from config.base import Listing, wrong

Preset = Literal["google", "entra", "keycloak", "authentik", "okta"]

PRESETS: Final[Mapping[str, Mapping[str, object]]] = {
    # Google gives every claim in the id token, knows no groups, and cannot be asked to let somebody log in anew. It
    # speaks for addresses of organisations whose accounts it keeps, and says so by `hd`.
    "google": {
        "issuer": "https://accounts.google.com",
        "claims": {"username": "email", "groups": []},
        "email_authority": "hd",
        "userinfo": False,
        "asks_again": False,
    },
    # `sub` is another in each application; `oid` is the Object ID that the portal shows. An address may be anything an
    # administrator of any tenant wrote, so that only `xms_edov` makes it verified.
    "entra": {
        "issuer": "https://login.microsoftonline.com/{tenant}/v2.0",
        "scopes": ["openid", "profile", "email", "offline_access"],
        "claims": {"subject": "oid", "email_verified": "xms_edov", "groups": ["groups", "roles"]},
        "userinfo": False,
    },
    "keycloak": {"claims": {"groups": ["groups", "realm_access.roles"]}},
    "authentik": {},
    "okta": {"scopes": ["openid", "profile", "email", "groups"]},
}
_TENANT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class OidcSettings(CodeSettings):
    """Options of the plugin `oidc`."""

    preset: Preset | None = None
    """Defaults for a provider; any option here wins over them."""
    tenant: str = ""
    """Directory (tenant) ID, for the preset entra."""
    issuer: ProviderUrl = Field(min_length=1)
    """Exactly as the provider writes it, with or without a slash at its end."""
    scopes: Listing[str] = ("openid", "profile", "email")
    algorithms: Algorithms = ("RS256", "ES256")
    email_authority: str = ""
    """Claim without which the provider does not vouch for an address."""
    userinfo: bool = True
    """Ask the userinfo endpoint for what the id token leaves out."""
    end_session: bool = True
    """Send visitors who log out on to the provider, so that its session ends too."""
    asks_again: bool = True
    """Whether the provider can be asked to let somebody who has a session there log in anew."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        merged = with_preset(PRESETS, values)
        issuer, tenant = merged.get("issuer"), merged.get("tenant")
        if isinstance(issuer, str) and "{tenant}" in issuer:
            if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
                raise wrong(
                    "must have a tenant in lower-case hexadecimal as its Directory (tenant) ID",
                    "Write for example tenant: 11111111-2222-3333-4444-555555555555; names such as common or "
                    "example.org do not say whose tokens are meant.",
                )
            merged["issuer"] = issuer.replace("{tenant}", tenant)
        return merged

    @model_validator(mode="after")
    def _can_prove_itself(self) -> "OidcSettings":
        check_secret(self)
        if "openid" not in self.scopes:
            raise wrong("must have the scope openid", "Without it the provider gives no id token.")
        if not self.algorithms:
            raise wrong("must have an algorithm", "Write for example algorithms: [RS256].")
        return self


def with_preset(presets: Mapping[str, Mapping[str, object]], values: Mapping[str, object]) -> dict[str, object]:
    """The options with what their preset says besides; also claim by claim."""
    preset = values.get("preset")
    known = presets.get(preset, {}) if isinstance(preset, str) else {}
    merged = {**known, **values}
    own, names = values.get("claims"), known.get("claims")
    if isinstance(own, Mapping) and isinstance(names, Mapping):
        merged["claims"] = {**names, **own}
    return merged


def check_secret(settings: CodeSettings) -> None:
    """Refuse a way of proving oneself by a secret without one."""
    method = settings.client_authentication
    if method not in (None, "none") and settings.client_secret is None:
        raise wrong(f"must have a client_secret for {method}", "Write client_secret: {file: secrets/name}.")
