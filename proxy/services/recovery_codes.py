"""Recovery codes: ten that are good once each, for whoever has lost everything else."""

import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Final

COUNT: Final = 10
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's Base32: nothing in it is read as something else."""
_LENGTH: Final = 16
"""Characters of five bits: with 80 bits a plain hash cannot be searched."""
_LOOKALIKES: Final = str.maketrans("oil", "011")


def new_codes(choice: Callable[[str], str] = secrets.choice) -> tuple[str, ...]:
    """Ten codes, in groups of four characters."""
    return tuple(_grouped("".join(choice(_ALPHABET) for _ in range(_LENGTH))) for _ in range(COUNT))


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, _LENGTH, 4))


def digest(typed: str) -> bytes:
    """What is kept of a code; case, blanks and dashes do not matter, nor letters that look like others."""
    bare = re.sub(r"[\s-]", "", typed.casefold()).translate(_LOOKALIKES)
    return sha256(bare.encode("utf-8", "surrogatepass")).digest()
