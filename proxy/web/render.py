"""The gateway's pages as bytes: self-contained, for people, and whole without script.

Pages may be shown on an instance's host, where the gateway serves no files of its own: the style is part of every page,
and the policy names its hash.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from proxy.web.looks import STOCK, Look

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "static" / "flowward.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_PASSKEYS: Final = (_HERE / "static" / "passkey.js").read_text(encoding="utf-8")
_PASSKEYS_HASH: Final = base64.b64encode(sha256(_PASSKEYS.encode()).digest()).decode()
_FRAMED: Final = (_HERE / "static" / "framed.js").read_text(encoding="utf-8")
_FRAMED_HASH: Final = base64.b64encode(sha256(_FRAMED.encode()).digest()).decode()
_SEND: Final = "HTMLFormElement.prototype.submit.call(document.forms[0])"
_SEND_HASH: Final = base64.b64encode(sha256(_SEND.encode()).digest()).decode()


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Ours, read from our own files: the only texts that are not escaped.
    environment.globals["style"] = Markup(_STYLE)  # noqa: S704
    environment.globals["passkey_script"] = Markup(_PASSKEYS)  # noqa: S704
    environment.globals["framed_script"] = Markup(_FRAMED)  # noqa: S704
    environment.globals["send"] = Markup(_SEND)  # noqa: S704
    for name in environment.list_templates():
        environment.get_template(name)  # read now, since nothing may block the loop later
    return environment


_ENVIRONMENT: Final = _environment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole answer, in somebody's looks."""

    status: int
    template: str
    context: Mapping[str, object]
    policy: str
    """What of the content security policy is this page's own."""
    referrer: str
    retry_after: int = 0
    further: tuple[tuple[str, str], ...] = ()
    """Header fields besides those of every page."""
    look: Look = STOCK

    def worn(self, look: Look) -> "Page":
        """The same page in other looks."""
        return replace(self, look=look)

    @property
    def body(self) -> bytes:
        text = _ENVIRONMENT.get_template(self.template).render({**self.context, "look": self.look})
        return text.encode("utf-8", "replace")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        again = (("Retry-After", str(self.retry_after)),) if self.retry_after else ()
        return (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", f"{_policy(self.look)}; {self.policy}"),
            ("Referrer-Policy", self.referrer),
            ("X-Content-Type-Options", "nosniff"),
            *again,
            *self.further,
        )


def _policy(look: Look) -> str:
    styles = " ".join(f"'sha256-{each}'" for each in (_STYLE_HASH, look.style_hash) if each)
    pictures = "data: 'self'" if look.from_home else "data:"
    return f"default-src 'none'; style-src {styles}; img-src {pictures}; base-uri 'none'"


def form(
    template: str,
    *,
    status: int = 200,
    target: str = "",
    retry_after: int = 0,
    passkeys: bool = False,
    **context: object,
) -> Page:
    """A page with a form; what is in it as arguments of their own."""
    return filled(template, context, status=status, target=target, retry_after=retry_after, passkeys=passkeys)


def filled(
    template: str,
    context: Mapping[str, object],
    *,
    status: int = 200,
    target: str = "",
    retry_after: int = 0,
    passkeys: bool = False,
) -> Page:
    """A page with a form. `target` is one more origin its answer may lead to; with `passkeys` it may ask for one.

    Chromium checks form-action against the redirects that follow a post too, so that origin must be named.
    """
    # No frames: a form of ours is never part of somebody else's page. The referrer stays on this origin; with none at all
    # browsers send `Origin: null` with the form (Fetch section 3.1), which could not be told from a stranger's.
    script = f"script-src 'sha256-{_PASSKEYS_HASH}'; " if passkeys else ""
    return Page(
        status=status,
        template=template,
        context={**context, "passkeys": passkeys},
        policy=f"{script}form-action 'self'{' ' + target if target else ''}; frame-ancestors 'none'",
        referrer="same-origin",
        retry_after=retry_after,
        further=(("Cross-Origin-Opener-Policy", "same-origin"), ("X-Frame-Options", "DENY")),
    )


def page(template: str, *, status: int = 200, retry_after: int = 0, **context: object) -> Page:
    """A page to read."""
    return Page(
        status=status,
        template=template,
        context=context,
        policy="form-action 'none'; frame-ancestors 'self'",
        referrer="no-referrer",
        retry_after=retry_after,
    )


def framed(path: str) -> Page:
    """A page in a frame on another site's, for who is not logged in; `path` is what was to be shown."""
    return Page(
        status=401,
        template="framed.html",
        context={"path": path},
        policy=f"script-src 'sha256-{_FRAMED_HASH}'; form-action 'none'; frame-ancestors 'self'",
        referrer="no-referrer",
    )


def passage(origins: Iterable[str], **context: object) -> Page:
    """A page that leads on to another site by itself; its form may go to these origins alone.

    The origin is told where the form is sent, and no more of the address.
    """
    return Page(
        status=200,
        template="passage.html",
        context=context,
        policy=f"script-src 'sha256-{_SEND_HASH}'; form-action {' '.join(origins)}; frame-ancestors 'none'",
        referrer="strict-origin",
        further=(("X-Frame-Options", "DENY"),),
    )
