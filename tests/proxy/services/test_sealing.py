"""Secrets kept in the database, and the key that is not there."""

import pytest

from auth_plugins import Unavailable
from proxy.services.sealing import Seal

SEAL = Seal(b"k" * 32)


def test_what_was_closed_opens_again_for_whom_it_is() -> None:
    kept = SEAL.close(b"secret", "totp u-ada f1")
    assert b"secret" not in kept
    assert SEAL.open(kept, "totp u-ada f1") == b"secret"


def test_the_same_secret_never_looks_the_same() -> None:
    assert len({SEAL.close(b"secret", "x") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("kept", "about", "seal"),
    [
        (SEAL.close(b"secret", "totp u-ada f1"), "totp u-eve f1", SEAL),
        (SEAL.close(b"secret", "a"), "a", Seal(b"o" * 32)),
        (SEAL.close(b"secret", "a")[:-1] + b"\0", "a", SEAL),
        (b"", "a", SEAL),
        (b"short", "a", SEAL),
    ],
    ids=["moved to another row", "another secret", "changed", "nothing", "too short"],
)
def test_what_does_not_open_is_trouble_and_no_wrong_code(kept: bytes, about: str, seal: Seal) -> None:
    with pytest.raises(Unavailable, match="secret_unreadable"):
        seal.open(kept, about)


def test_text_is_kept_as_text() -> None:
    kept = SEAL.close_text("geheim ä", "x")
    assert kept.isascii()
    assert SEAL.open_text(kept, "x") == "geheim ä"


@pytest.mark.parametrize(
    "kept",
    ["", "secret", '{"refresh_token": "r"}', "gehêim", SEAL.close_text("secret", "another's")],
    ids=["nothing", "plain", "of an older version", "no base64", "another's"],
)
def test_text_that_was_not_sealed_so_is_never_taken_as_it_is(kept: str) -> None:
    with pytest.raises(Unavailable, match="secret_unreadable"):
        SEAL.open_text(kept, "x")


def test_a_key_is_never_shown() -> None:
    assert "k" * 8 not in repr(SEAL)
