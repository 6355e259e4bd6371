"""Which mail addresses people may give themselves."""

import pytest

from proxy.services.new_addresses import wrong_with

SSO = frozenset({"corp.example", "corp.example.org"})


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("ada@corp.example", "sso_required"),
        ("ADA@Corp.Example", "sso_required"),
        ("ada+1@corp.example.org", "plus_address"),
        ("ada+1@plant.example", ""),
        ("ada@sub.corp.example", ""),
        ("ada@notcorp.example", ""),
        ("ada@corp.example@plant.example", "email_invalid"),
        ('"ada@corp.example"@plant.example', "email_invalid"),
        ("ada@plant.example\n", "email_invalid"),
        ("", "email_invalid"),
    ],
)
def test_s_32_addresses_of_a_login_provider_are_nobodys_to_take(email: str, code: str) -> None:
    assert [wrong.code for wrong in wrong_with(email, SSO)] == ([code] if code else [])
