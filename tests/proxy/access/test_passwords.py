"""Passwords."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from proxy.access.passwords import LONGEST, NOBODY, hash_password, needs_rehash, verify


def test_a_password_verifies_against_its_own_hash_alone() -> None:
    kept = hash_password("correct horse")
    assert verify("correct horse", kept)
    assert not verify("correct hors", kept)
    assert hash_password("correct horse") != kept


def test_s_03_the_parameters_are_those_recommended() -> None:
    kept = hash_password("x")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not needs_rehash(kept)
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


def test_an_unknown_user_costs_what_a_known_one_does() -> None:
    """S-03."""
    assert extract_parameters(NOBODY) == extract_parameters(hash_password("x"))
    assert not verify("x", None)
    assert not verify("", None)


def test_s_03_what_is_too_long_is_neither_hashed_nor_right() -> None:
    longest = "x" * LONGEST
    assert verify(longest, hash_password(longest))
    assert not verify(longest + "x", hash_password(longest))
    with pytest.raises(ValueError, match="at most 128 characters, this one 129"):
        hash_password(longest + "x")


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_hash_that_is_none_verifies_nothing(kept: str) -> None:
    assert not verify("x", kept)


def test_the_same_letters_typed_on_another_keyboard_are_the_same_password() -> None:
    assert verify("caf\u0065\u0301 au lait", hash_password("caf\u00e9 au lait"))
    assert verify("\ud800 lone surrogate", hash_password("\ud800 lone surrogate"))
