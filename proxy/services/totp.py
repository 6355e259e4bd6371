"""Codes of authenticator apps (RFC 6238): six digits by SHA-1 every thirty seconds, which is what all of the apps know."""

import hmac
import re
from typing import Final

import pyotp
import segno

STEP: Final = 30
"""Seconds."""
_WINDOW: Final = 1
"""Steps by which the clocks may differ, either way (RFC 6238 section 5.2)."""
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """160 bits (RFC 4226 section 4), in Base32."""
    return pyotp.random_base32()


def address(secret: str, account: str, issuer: str) -> str:
    """The otpauth address that an app is set up by."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def picture(otpauth: str) -> str:
    """The address as a QR code: a data URL of an SVG. Takes some milliseconds: run it beside the loop."""
    drawn = segno.make(otpauth, error="m", micro=False)
    return drawn.svg_data_uri(scale=5, border=4, dark="#000", light="#fff")


def code_in(text: str) -> str | None:
    """The six digits of what was typed, blanks left out as apps show them; None where it is no such code."""
    digits = re.sub(r"\s", "", text)
    return digits if _CODE.fullmatch(digits) else None


def step_of(secret: str, code: str, *, now: float, after: int) -> int | None:
    """The time step whose code this is: one near `now`, and later than the last that was accepted.

    A code is good once: "the verifier MUST NOT accept the second attempt of the OTP after the successful validation has
    been issued for the first OTP" (RFC 6238 section 5.2).
    """
    present = int(now) // STEP
    codes = pyotp.TOTP(secret)
    found: int | None = None
    for step in range(present - _WINDOW, present + _WINDOW + 1):
        same = hmac.compare_digest(codes.generate_otp(step), code)
        if same and step > after:
            found = step
    return found
