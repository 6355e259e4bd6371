"""What a password must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.accounts_schema import PasswordRules
from proxy.access.password_rules import described, flaws, weak

NAMES = ("ada", "ada@acme.example")


def codes(password: str, **rules: object) -> set[str]:
    return {flaw.code for flaw in flaws(PasswordRules.model_validate(rules), password, NAMES)}


@pytest.mark.parametrize(
    ("password", "rules", "code"),
    [
        ("seven 7", {}, "password_too_short"),
        ("eleven char", {"min_length": 12}, "password_too_short"),
        ("x" * 129, {}, "password_too_long"),
        ("thirteen char", {"max_length": 12}, "password_too_long"),
        ("no upper case 1!", {"require": ["upper"]}, "password_needs_upper"),
        ("NO LOWER CASE 1!", {"require": ["lower"]}, "password_needs_lower"),
        ("No Digit At All!", {"require": ["digit"]}, "password_needs_digit"),
        ("No Special 1", {"require": ["special"]}, "password_needs_special"),
        ("with a blank", {"whitespace": False}, "password_whitespace"),
        ("with\u00a0none-breaking", {"whitespace": False}, "password_whitespace"),
        ("ADA@acme.example", {}, "password_is_name"),
    ],
)
def test_s_04_each_rule_has_a_code_of_its_own(password: str, rules: dict[str, object], code: str) -> None:
    assert codes(password, **rules) == {code}


def test_s_04_all_that_is_wrong_is_told_at_once() -> None:
    rules = {"min_length": 12, "require": ["upper", "digit", "special"], "whitespace": False}
    expected = {"too_short", "needs_upper", "needs_digit", "needs_special", "whitespace"}
    assert codes("a b", **rules) == {f"password_{name}" for name in expected}


def test_s_04_letters_and_digits_of_every_script_count() -> None:
    assert codes("Ünïcödé ٣!", require=["upper", "lower", "digit", "special"]) == set()


@pytest.mark.parametrize(
    ("password", "least", "fine"),
    [
        ("password1", 1, False),
        ("tinroof72", 2, True),
        ("tinroof72", 3, False),
        ("tin roof marmalade 7", 4, True),
        ("ada-lovelace-1815", 3, False),
        ("password1", 0, True),
        ("", 4, True),
    ],
)
def test_s_04_strength_is_judged_and_names_are_no_secret(password: str, least: int, fine: bool) -> None:
    assert (not list(weak(password, ("ada-lovelace-1815",), least))) is fine


@given(st.text(max_size=300))
def test_whatever_is_typed_is_judged(password: str) -> None:
    list(weak(password, NAMES, 3))
    codes(password, require=["upper", "special"])


def test_the_form_says_what_is_asked() -> None:
    assert described(PasswordRules()).startswith("At least 8 characters. A few words")
    strict = PasswordRules.model_validate(
        {"min_length": 12, "require": ["upper", "digit", "special"], "whitespace": False}
    )
    assert described(strict) == (
        "At least 12 characters, with an upper-case letter, a digit and a character that is neither letter nor digit, "
        "without blanks."
    )
    assert ", with a digit." in described(PasswordRules.model_validate({"require": ["digit"]}))
