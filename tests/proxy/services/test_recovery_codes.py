"""Recovery codes, as they are written down and typed again."""

import pytest

from proxy.services.recovery_codes import COUNT, digest, new_codes


def test_there_are_ten_that_differ_each_time() -> None:
    first, second = new_codes(), new_codes()
    assert len(set(first + second)) == 2 * COUNT == 20
    assert {len(code) for code in first} == {19}


@pytest.mark.parametrize(
    "typed", ["0123-4567-89ab-cdef", "0123456789ABCDEF", " o123 4567 89ab cdef ", "0l23-4567-89AB-cdef"]
)
def test_however_it_is_typed_it_is_the_same_code(typed: str) -> None:
    assert digest(typed) == digest("0123-4567-89ab-cdef")


@pytest.mark.parametrize("typed", ["", "0123-4567-89ab-cdee", "0123-4567-89ab", "\ud800"])
def test_another_one_is_another_one(typed: str) -> None:
    assert digest(typed) != digest("0123-4567-89ab-cdef")


def test_what_is_kept_does_not_hold_the_code() -> None:
    (code, *_) = new_codes()
    assert code.encode() not in digest(code)
    assert len(digest(code)) == 32
