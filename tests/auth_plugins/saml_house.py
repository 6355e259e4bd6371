"""A plugin for SAML as an operator configures it, and a visitor on the way to the provider."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from pydantic import SecretStr

from auth_plugins import Answer, Fetch, Kit, Redirect, Unavailable
from auth_plugins.saml.plugin import Saml
from auth_plugins.saml.settings import SamlSettings, certificates_in
from auth_plugins.testkit import Time, Visitor, kit, nothing_outside
from tests.auth_plugins.saml_forgeries import IDP, OWN
from tests.auth_plugins.saml_idp import ISSUER, SLO, SSO, pair

OPTIONS: Mapping[str, object] = {"entry_point": SSO, "idp_issuer": ISSUER, "slo_url": SLO}


def settings(**options: object) -> SamlSettings:
    """Options that believe the provider's certificate and have a key of our own, unless they say otherwise."""
    inline = {} if "idp_metadata" in options else {**OPTIONS, "certificates": [pair(IDP).certificate]}
    (certificate,) = certificates_in(pair(OWN).certificate)
    own = {"key": SecretStr(pair(OWN).key), "certificate": certificate}
    return SamlSettings.model_validate({**inline, **own, **options})


def saml(*, now: Callable[[], float] | None = None, fetch: Fetch = nothing_outside, **options: object) -> Saml:
    return Saml(settings(**options), beside_the_loop(now=now, fetch=fetch))


def beside_the_loop(*, now: Callable[[], float] | None = None, fetch: Fetch = nothing_outside) -> Kit:
    return replace(kit(now=now or Time(), fetch=fetch), offload=asyncio.to_thread)


async def visitor_of(plugin: Saml | None = None) -> tuple[Visitor, str]:
    """Somebody at the provider, and the ID of the request they were sent with."""
    visitor = Visitor(plugin or saml())
    step = await visitor.arrives()
    assert isinstance(step, Redirect)
    return visitor, step.keep["request"]


class Site:
    """What is at the provider's address for metadata; a fetch for the kit."""

    def __init__(self, body: bytes = b"", status: int = 200) -> None:
        self.body, self.status, self.asked = body, status, 0
        self.gone = False

    async def __call__(self, method: str, url: str, *, headers: Mapping[str, str] = {}, body: bytes = b"") -> Answer:
        self.asked += 1
        if self.gone:
            raise Unavailable("outside_unreachable")
        return Answer(status=self.status, headers={}, body=self.body)
