"""The gateway's cookies: their names, how they are set, and how they are found among the others."""

import math
from dataclasses import dataclass
from typing import Final, Self

TRIED: Final = 4
"""Cookies of one name that are looked at: a sibling host can add some, but must not make us look at hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """Names and attributes. Over https the `__Host-` prefix makes the browser hold the attributes (RFC 6265bis 4.1.3)."""

    session: str
    hop: str
    device: str
    """Of a browser in which a second factor was proven."""
    secure: bool

    @classmethod
    def of(cls, public_url: str) -> Self:
        """Plain http happens on localhost names only, where `__Host-` and Secure would keep cookies from being set."""
        secure = public_url.startswith("https://")
        prefix = "__Host-" if secure else ""
        return cls(
            session=f"{prefix}flowward", hop=f"{prefix}flowward-hop", device=f"{prefix}flowward-device", secure=secure
        )

    def set(self, name: str, value: str, seconds: float, *, cross_site: bool = False) -> str:
        """A Set-Cookie value; 0 seconds removes the cookie. It may outlive what it opens, but never ends before it.

        `cross_site`: other sites may send it along, which browsers grant over https alone.
        """
        same_site, secure = ("None" if cross_site and self.secure else "Lax"), ("; Secure" if self.secure else "")
        return f"{name}={value}; Path=/; Max-Age={math.ceil(seconds)}; HttpOnly; SameSite={same_site}{secure}"

    def remove(self, name: str) -> str:
        return self.set(name, "", 0)


def values(header: str, name: str) -> list[str]:
    """The first values of this name in a Cookie field (RFC 6265 section 4.2.1)."""
    pairs = (pair.strip(" \t").partition("=") for pair in header.split(";"))
    return [value for found, _, value in pairs if found == name][:TRIED]
