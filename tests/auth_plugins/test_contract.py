"""What a plugin is, and what it is told when it is none."""

import pytest
from pydantic import ValidationError

from auth_plugins import (
    AuthPlugin,
    CredentialRequest,
    Form,
    Identity,
    LoginRequest,
    LogoutRequest,
    Misconfigured,
    PluginSettings,
    ProviderMessage,
    Refused,
)
from auth_plugins.testkit import kit


class Words(PluginSettings):
    word: str = "please"


class Magic(AuthPlugin[Words]):
    """Lets in whoever says the word."""

    reads = frozenset({"x-word"})

    async def identify(self, request: CredentialRequest) -> Identity | None:
        if request.headers.get("x-word") != self.settings.word:
            return None
        return Identity(subject="1", username="ada")


class Door(AuthPlugin[PluginSettings]):
    async def login(self, request: LoginRequest) -> Form:
        return Form(fields=())


def test_a_plugin_tells_what_it_can_and_which_settings_it_takes() -> None:
    assert (Magic.identifies(), Magic.offers_login(), Magic.settings_type) == (True, False, Words)
    assert (Door.identifies(), Door.offers_login(), Door.settings_type) == (False, True, PluginSettings)


async def test_a_plugin_that_identifies_has_working_defaults_for_the_rest() -> None:
    plugin = Magic(Words(), kit())
    ada = await plugin.identify(CredentialRequest(headers={"x-word": "please"}))
    assert ada is not None
    assert await plugin.refresh(ada) == ada
    assert await plugin.logout(LogoutRequest(subject="1")) is None
    assert await plugin.document() is None
    assert plugin.speaks_for() == "test"
    assert await plugin.findings() == ()
    for refused in (plugin.ended(ProviderMessage(fields={})), plugin.check_password("ada", "x"), plugin.examine("ada")):
        with pytest.raises(Refused):
            await refused
    async with plugin.lifespan():
        pass
    with pytest.raises(Refused, match="login_not_offered"):
        await plugin.login(LoginRequest())


async def test_a_plugin_that_only_logs_in_identifies_nobody() -> None:
    assert await Door(PluginSettings(), kit()).identify(CredentialRequest()) is None


def test_a_plugin_through_which_nobody_could_come_in_does_not_exist() -> None:
    with pytest.raises(TypeError, match="overrides neither identify nor login"):
        type("Wall", (AuthPlugin,), {})


def test_a_plugin_says_what_it_reads() -> None:
    with pytest.raises(TypeError, match="must declare in reads"):
        type("Nosy", (AuthPlugin,), {"identify": Magic.identify})


@pytest.mark.parametrize("missing", ["subject", "username"])
def test_an_identity_of_nobody_does_not_exist(missing: str) -> None:
    with pytest.raises(ValueError, match="needs a subject and a username"):
        Identity(**{"subject": "1", "username": "ada", missing: ""})


def test_settings_are_strict_and_lasting() -> None:
    with pytest.raises(ValidationError):
        Words.model_validate({"word": 5})
    with pytest.raises(ValidationError):
        Words.model_validate({"wrod": "x"})
    with pytest.raises(ValidationError):
        Words().word = "x"  # type: ignore[misc]


def test_a_misconfiguration_tells_its_code_and_its_detail() -> None:
    assert str(Misconfigured("no_key")) == "no_key"
    assert str(Misconfigured("no_key", "option 'key' is missing")) == "no_key: option 'key' is missing"
