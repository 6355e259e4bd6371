"""What an OpenID Connect provider says of itself (OpenID Connect Discovery 1.0, RFC 8414)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth_plugins.claims import Claims
from auth_plugins.contract import Kit
from auth_plugins.provider_calls import document, printable, secured
from auth_plugins.remembered import Remembered
from auth_plugins.values import Refused, Unavailable

_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where a provider does what, and what it can; addresses are empty where it does not."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    names_itself: bool
    """Whether its answers say who it is (RFC 9207)."""
    methods: Sequence[str]
    challenges: Sequence[str] | None
    algorithms: Sequence[str]
    backchannel_logout: bool


class Discovery:
    """The metadata of one issuer; kept while it is away."""

    def __init__(self, kit: Kit, issuer: str) -> None:
        self.address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        self._kit = kit
        self._issuer = issuer
        self._kept = Remembered(self._ask, kit.now)

    async def metadata(self) -> Metadata:
        """Raises Unavailable."""
        return await self._kept.get()

    async def jwks_uri(self) -> str:
        """Where the keys are. Raises Unavailable."""
        return (await self.metadata()).jwks_uri

    async def _ask(self) -> Metadata:
        said = await document(self._kit, self.address)
        # "The issuer value returned MUST be identical to the Issuer URL" (OpenID Connect Discovery 1.0 section 4.3).
        if (issuer := said.at("issuer")) != self._issuer:
            other = printable(str(issuer))
            raise Unavailable(
                "issuer_differs", f"{self.address} is of issuer {other!r}; option issuer is {self._issuer!r}"
            )
        try:
            return _metadata(said)
        except Refused as error:
            raise Unavailable("provider_nonsense", f"{self.address}: {error.detail}") from error


def _metadata(said: Claims) -> Metadata:
    if missing := [name for name in _NEEDED if not said.text(name)]:
        raise Refused("metadata_incomplete", f"it does not say {', '.join(missing)}")
    return Metadata(
        authorization_endpoint=_endpoint(said, "authorization_endpoint"),
        token_endpoint=_endpoint(said, "token_endpoint"),
        jwks_uri=_endpoint(said, "jwks_uri"),
        userinfo_endpoint=_endpoint(said, "userinfo_endpoint"),
        end_session_endpoint=_endpoint(said, "end_session_endpoint"),
        names_itself=said.at("authorization_response_iss_parameter_supported") is True,
        methods=said.texts("token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        challenges=said.texts("code_challenge_methods_supported"),
        algorithms=said.texts("id_token_signing_alg_values_supported") or (),
        backchannel_logout=said.at("backchannel_logout_supported") is True,
    )


def _endpoint(said: Claims, name: str) -> str:
    url = said.text(name)
    if url and not secured(url):
        raise Refused("metadata_insecure", f"its {name} is {printable(url)!r}, which is not https://")
    return url
