"""The pages on OpenID Connect and its kin tell every option, and every code."""

import re

import pytest
from pydantic import BaseModel

from auth_plugins.bearer import BearerSettings
from auth_plugins.cloudflare import CloudflareSettings
from auth_plugins.openid.oauth2 import OAuth2Settings
from auth_plugins.openid.settings import OidcSettings
from tests.docs.pages import DOCS, ROOT, code_in, prose, rows

PLUGINS = ROOT / "auth_plugins"
SOURCES = ["bearer", "claims", "cloudflare", "issuer_keys", "keysets", "provider_calls"]


@pytest.mark.parametrize(
    ("page", "plugin", "settings"),
    [
        ("log-in-with-openid-connect.md", "oidc", OidcSettings),
        ("behind-cloudflare-access.md", "cloudflare", CloudflareSettings),
        ("tokens-of-an-issuer.md", "bearer", BearerSettings),
    ],
)
def test_every_option_is_told(page: str, plugin: str, settings: type[BaseModel]) -> None:
    told = [name for option, _ in rows(page, f"options of {plugin}") for name in code_in(option)]
    assert sorted(told) == sorted(settings.model_fields)


def test_every_option_of_oauth2_that_oidc_does_not_have_is_told() -> None:
    told = {name for option, _ in rows("log-in-with-github.md", "options of oauth2") for name in code_in(option)}
    assert told - {"preset"} == OAuth2Settings.model_fields.keys() - OidcSettings.model_fields.keys()


def test_every_code_is_told() -> None:
    text = "".join((PLUGINS / f"{name}.py").read_text() for name in SOURCES)
    text += "".join(path.read_text() for path in PLUGINS.glob("openid/*.py"))
    raised = set(re.findall(r'Refused\(\s*"([a-z_]+)"', text))
    page = "log-in-with-openid-connect.md"
    told = {code for codes, _ in rows(page, "codes of openid connect") for code in code_in(codes)}
    assert raised - {"metadata_incomplete", "metadata_insecure"} == told


def test_every_trouble_is_told() -> None:
    text = "".join((PLUGINS / f"{name}.py").read_text() for name in [*SOURCES, "remembered"])
    text += "".join(path.read_text() for path in PLUGINS.glob("openid/*.py"))
    raised = set(re.findall(r'Unavailable\(\s*"([a-z_]+)"', text))
    assert raised <= set(code_in(prose(DOCS / "log-in-with-openid-connect.md")))
