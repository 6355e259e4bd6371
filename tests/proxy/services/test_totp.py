"""Codes of authenticator apps, by the test values of RFC 6238 and by pyotp on the other side."""

import base64

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.services.totp import STEP, address, code_in, new_secret, picture, step_of

RFC = base64.b32encode(b"12345678901234567890").decode()
TIMES = st.integers(min_value=10_000, max_value=2**32)


@pytest.mark.parametrize(
    ("time", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(time: int, code: str) -> None:
    """RFC 6238 appendix B, their last six digits."""
    assert step_of(RFC, code, now=time, after=0) == time // STEP


@given(TIMES, st.integers(min_value=-5, max_value=5))
def test_a_code_is_good_one_step_either_way(time: int, away: int) -> None:
    code = pyotp.TOTP(RFC).at(time + away * STEP)
    found = step_of(RFC, code, now=time, after=0)
    if abs(away) <= 1:
        assert found is not None
    elif found is not None:  # a code of another step may happen to be the same
        assert pyotp.TOTP(RFC).generate_otp(found) == code


@given(TIMES)
def test_a_step_that_was_accepted_and_those_before_it_are_not_accepted_again(time: int) -> None:
    present = time // STEP
    for step in (present - 1, present, present + 1):
        code = pyotp.TOTP(RFC).generate_otp(step)
        found = step_of(RFC, code, now=time, after=step)
        assert found is None or found > step


@given(st.text())
def test_whatever_is_typed_is_six_ascii_digits_or_no_code(text: str) -> None:
    found = code_in(text)
    assert found is None or (len(found) == 6 and found.isascii() and found.isdigit())


def test_secrets_have_160_bits_and_differ() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b32decode(secret)) for secret in secrets} == {20}


def test_an_app_reads_the_address_as_it_was_meant() -> None:
    read = pyotp.parse_uri(address(RFC, "ada@acme.example", "Acme & Söhne"))
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.name, read.issuer, read.interval) == (RFC, "ada@acme.example", "Acme & Söhne", 30)


def test_the_picture_is_an_svg_without_anything_from_elsewhere() -> None:
    found = picture(address(RFC, "ada", "Flowward"))
    assert found.startswith("data:image/svg+xml;charset=utf-8,%3Csvg")
    assert "script" not in found
