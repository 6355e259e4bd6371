"""Username and password."""

import pytest
from typing_extensions import override

from auth_plugins import Form, Identity, Refused
from auth_plugins.local import Local, LocalSettings
from auth_plugins.testkit import Conformance, People, Visitor, kit

ADA = Identity(subject="u-ada", username="ada")


def local() -> Local:
    return Local(LocalSettings(), kit(accounts=People({"ada": ("secret", ADA)})))


class TestConformance(Conformance):
    @override
    def plugin(self) -> Local:
        return local()


async def test_the_form_is_one_password_managers_know() -> None:
    form = await Visitor(local()).arrives()
    assert isinstance(form, Form)
    assert [(field.name, field.kind, field.autocomplete) for field in form.fields] == [
        ("username", "text", "username"),
        ("password", "password", "current-password"),
    ]


async def test_whoever_the_accounts_know_is_let_in() -> None:
    assert await Visitor(local()).posts(username=" ada ", password="secret") == ADA


@pytest.mark.parametrize(
    "fields", [{"username": "ada"}, {"password": "secret"}, {"username": "ada", "password": " secret"}]
)
async def test_anybody_else_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Refused):
        await Visitor(local()).posts(**fields)


def test_it_vouches_for_the_gateways_own_accounts() -> None:
    assert Local.local_accounts
