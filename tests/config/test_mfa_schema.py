"""The `mfa` section."""

import pytest
from pydantic import ValidationError

from config.mfa_schema import Mfa


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("none", "none"),
        ("admins", "admins"),
        ("all", "all"),
        (["acme"], ("acme",)),
        (("acme", "customer-a"), ("acme", "customer-a")),
        ("acme, customer-a", ("acme", "customer-a")),  # from the environment
    ],
)
def test_who_must_have_one_is_a_word_or_a_list_of_spaces(written: object, meant: object) -> None:
    assert Mfa.model_validate({"enforce": written}).enforce == meant


@pytest.mark.parametrize("written", ["admin", "acme", "", [], ["Not a slug"], [1], True, None, {"acme": True}])
def test_anything_else_is_refused_rather_than_taken_for_a_space_that_nobody_is_in(written: object) -> None:
    with pytest.raises(ValidationError, match="must be"):
        Mfa.model_validate({"enforce": written})


@pytest.mark.parametrize("issuer", ["", "a:b", "x" * 65, "line\nend"])
def test_an_issuer_is_a_label_that_apps_can_show(issuer: str) -> None:
    with pytest.raises(ValidationError, match="without a colon"):
        Mfa.model_validate({"issuer": issuer})


def test_a_browser_is_remembered_for_thirty_days_unless_told_otherwise() -> None:
    assert Mfa().remember == 30 * 86400
    assert Mfa.model_validate({"remember": 0}).remember == 0
