"""What a password must be that somebody chooses: how it is made, and how hard it is to guess."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from zxcvbn import zxcvbn

from config.accounts_schema import Character, PasswordRules

JUDGED: Final = 72
"""Characters that strength is judged by: what it takes grows with the square, and so many are strong or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One rule that a password does not meet."""

    code: str
    """What programs look at."""
    message: str
    """A sentence for whoever chose it."""


UNCHANGED: Final = Flaw(code="password_unchanged", message="The new password is the one you have; choose another.")
REUSED: Final = Flaw(code="password_reused", message="You had this password before; choose one you never had.")

_KINDS: Final[Mapping[Character, tuple[str, Callable[[str], bool]]]] = {
    "upper": ("an upper-case letter", str.isupper),
    "lower": ("a lower-case letter", str.islower),
    "digit": ("a digit", str.isdigit),
    "special": (
        "a character that is neither letter nor digit",
        lambda character: not character.isalnum() and not character.isspace(),
    ),
}
"""What a character of a kind is called, and whether one is of it."""


def described(rules: PasswordRules) -> str:
    """What is asked of how it is made, in a sentence for the form."""
    kinds = [_KINDS[kind][0] for kind in rules.require]
    needed = f", with {' and '.join(filter(None, [', '.join(kinds[:-1]), *kinds[-1:]]))}" if kinds else ""
    blanks = "" if rules.whitespace else ", without blanks"
    words = " A few words in a row are easy to remember and hard to guess." if rules.whitespace else ""
    return f"At least {rules.min_length} characters{needed}{blanks}.{words}"


def flaws(rules: PasswordRules, password: str, names: Collection[str]) -> Iterator[Flaw]:
    """What is wrong with how it is made; `names` are what its owner is called by, which others know."""
    size = len(password)
    if size < rules.min_length:
        message = f"The password has {size} characters; it needs at least {rules.min_length}."
        yield Flaw(code="password_too_short", message=message)
    if size > rules.max_length:
        message = f"The password has {size} characters; it may have at most {rules.max_length}."
        yield Flaw(code="password_too_long", message=message)
    for kind in rules.require:
        called, is_one = _KINDS[kind]
        if not any(map(is_one, password)):
            yield Flaw(code=f"password_needs_{kind}", message=f"The password needs {called}.")
    if not rules.whitespace and any(character.isspace() for character in password):
        yield Flaw(code="password_whitespace", message="The password may have no blanks in it.")
    if password.casefold() in {name.casefold() for name in names}:
        message = "The password is your username or e-mail; choose something others do not know."
        yield Flaw(code="password_is_name", message=message)


def weak(password: str, names: Collection[str], least: int) -> Iterator[Flaw]:
    """What is wrong with its strength. Takes up to some 50 ms of a core: run it beside the loop."""
    if least and password and zxcvbn(password[:JUDGED], [*filter(None, names)])["score"] < least:
        message = "The password is too easy to guess. Add a word or two that have nothing to do with each other."
        yield Flaw(code="password_too_weak", message=message)
