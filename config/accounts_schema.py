"""The `accounts` section of flowward.yaml: passwords that are taken, and who may make an account."""

from typing import Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from config.addresses import HostName
from config.base import Listing, Section, wrong
from config.times import Duration, PositiveDuration, duration_text

LONGEST: Final = 128
"""Characters; what is longer is never hashed, so that nobody can buy work with a long request."""
MOST_REUSED: Final = 24
_HOUR: Final = 3600.0

Character = Literal["upper", "lower", "digit", "special"]


class PasswordRules(Section):
    """What a password must be that somebody chooses. Those that estate files declare are not judged."""

    min_length: int = Field(default=8, ge=8, le=LONGEST, description="Fewest characters.")
    max_length: int = Field(default=LONGEST, ge=8, le=LONGEST, description="Most characters, 128 at most.")
    score: int = Field(
        default=3,
        ge=0,
        le=4,
        description="Least strength as zxcvbn estimates it, of a password that replaces another: 0 (guessed at once) to "
        "4 (very hard to guess).",
    )
    score_by_link: int = Field(
        default=2,
        ge=0,
        le=4,
        description="The same where it is chosen by a link or at sign-up: nobody may get stuck there.",
    )
    require: Listing[Character] = Field(
        default=(), description="Kinds of characters there must be: upper, lower, digit, special."
    )
    whitespace: bool = Field(default=True, description="Whether blanks may be in it, as in a row of words.")
    expires: Duration = Field(
        default=0.0, description="Age at which another one must be chosen, at the next login; 0 for never."
    )
    reuse: int = Field(
        default=0,
        ge=0,
        le=MOST_REUSED,
        description="How many earlier passwords may not be chosen again; their hashes are kept.",
    )

    @field_validator("max_length")
    @classmethod
    def _leaves_room(cls, longest: int, info: ValidationInfo) -> int:
        shortest = info.data.get("min_length", longest)
        if longest < shortest:
            raise wrong(f"must not be less than min_length ({shortest})", "Lower min_length or raise max_length.")
        return longest


class SignUp(Section):
    """Who may make an account by themselves. Off by default. Their address is verified by a code that is mailed to it."""

    enabled: bool = Field(default=False, description="Whether anybody may who has an address in `domains`. Needs mail.")
    domains: Listing[HostName] = Field(
        default=(), description="Domains whose addresses may; empty for every one. Subdomains are domains of their own."
    )
    invited: bool = Field(
        default=False,
        description="Whether those may who were invited into a space by their address, whatever enabled and domains say.",
    )

    @property
    def open(self) -> bool:
        """Whether anybody may try."""
        return self.enabled or self.invited


class Accounts(Section):
    """Accounts of the gateway's own."""

    password: PasswordRules = Field(default=PasswordRules(), description="What a chosen password must be.")
    sign_up: SignUp = Field(default=SignUp(), description="Who may make an account by themselves.")
    activation: PositiveDuration = Field(
        default=24 * _HOUR, description="For how long an activation link is good: between 1h and 24h."
    )
    contact: str = Field(
        default="",
        max_length=200,
        description="Whom people are told to ask where they cannot help themselves, such as it@acme.example; empty for "
        "an admin.",
    )

    @field_validator("activation")
    @classmethod
    def _is_a_day_at_most(cls, seconds: float) -> float:
        if not _HOUR <= seconds <= 24 * _HOUR:
            raise wrong(f"must be between 1h and 24h, but it is {duration_text(seconds)}", "Write for example 12h.")
        return seconds

    @field_validator("contact")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if text and not text.isprintable():
            raise wrong("must be one line of printable characters", "Write for example it@acme.example.")
        return text
