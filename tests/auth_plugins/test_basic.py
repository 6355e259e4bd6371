"""A name and a password on every request."""

import base64

import pytest
from typing_extensions import override

from auth_plugins import Identity, Misconfigured, Refused
from auth_plugins.basic import Basic, BasicSettings, name_and_password
from auth_plugins.testkit import Conformance, Visitor, kit

ADA = Identity(subject="u-ada", username="ada")


async def passwords(provider: str, username: str, password: str) -> Identity:
    if (provider, username, password) != ("corp", "ada", "se:cret"):
        raise Refused("credentials_wrong")
    return ADA


def basic() -> Basic:
    return Basic(BasicSettings(against="corp"), kit(passwords=passwords, name="basic"))


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


class TestConformance(Conformance):
    @override
    def plugin(self) -> Basic:
        return basic()


@pytest.mark.parametrize("scheme", ["Basic ", "basic ", "BASIC  "])
async def test_whoever_the_other_way_in_knows_is_let_in(scheme: str) -> None:
    """Only the first colon divides: a password may hold some."""
    assert await Visitor(basic()).sends({"authorization": scheme + encoded("ada:se:cret")}) == ADA


@pytest.mark.parametrize("field", ["Bearer abc", "Negotiate abc", "Basically abc"])
async def test_another_scheme_is_not_its_to_judge(field: str) -> None:
    assert await Visitor(basic()).sends({"authorization": field}) is None


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("Basic", "credentials_malformed"),
        ("Basic !!!!", "credentials_malformed"),
        ("Basic YWRh", "credentials_malformed"),  # ada, without a colon
        ("Basic YWRhOnNlOmNyZXQ", "credentials_malformed"),  # its padding is missing
        (f"Basic {encoded(b'ada:' + bytes([0xFF]))}", "credentials_malformed"),
        (f"Basic {encoded(chr(0).join(('ada:se', 'cret')))}", "credentials_malformed"),
        (f"Basic {encoded('a' + chr(13) + 'da:se:cret')}", "credentials_malformed"),
        (f"Basic {encoded('ada:se' + chr(0x85))}", "credentials_malformed"),
        ("Basic \udcff", "credentials_malformed"),
        (f"Basic {encoded(':se:cret')}", "credentials_missing"),
        (f"Basic {encoded('ada:')}", "credentials_missing"),
        (f"Basic {encoded('ada:wrong')}", "credentials_wrong"),
    ],
)
async def test_anything_else_of_this_scheme_is_refused(field: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await Visitor(basic()).sends({"authorization": field})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("field", "found"),
    [("Basic YTpi", ("a", "b")), ("bAsIc  YTpiOmM=", ("a", "b:c")), ("Basic Og==", ("", "")), ("Bearer YTpi", None)],
)
def test_a_field_is_read_as_rfc_7617_says(field: str, found: tuple[str, str] | None) -> None:
    assert name_and_password(field) == found


def test_it_speaks_for_whoever_checks_the_passwords() -> None:
    assert basic().speaks_for() == "corp"
    assert not Basic.local_accounts


def test_one_that_asks_itself_is_told_at_start() -> None:
    with pytest.raises(Misconfigured, match="'against' is 'corp'"):
        Basic(BasicSettings(against="corp"), kit(name="corp"))
