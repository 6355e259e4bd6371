"""The gateway's pages as bytes: self-contained, for people, and whole without script.

Pages may be shown on an instance's host, where the gateway serves no files of its own: the style is part of every page,
and the policy names its hash.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "static" / "flowward.css").read_text(encoding="utf-8")
_ICON: Final = base64.b64encode((_HERE / "static" / "flowward.svg").read_bytes()).decode()
_STYLE_HASH: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_PASSKEYS: Final = (_HERE / "static" / "passkey.js").read_text(encoding="utf-8")
_PASSKEYS_HASH: Final = base64.b64encode(sha256(_PASSKEYS.encode()).digest()).decode()
_SEND: Final = "HTMLFormElement.prototype.submit.call(document.forms[0])"
_SEND_HASH: Final = base64.b64encode(sha256(_SEND.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'"


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
    environment.globals["send"] = Markup(_SEND)  # noqa: S704
    environment.globals["icon"] = f"data:image/svg+xml;base64,{_ICON}"
    for name in environment.list_templates():
        environment.get_template(name)  # read now, since nothing may block the loop later
    return environment


_ENVIRONMENT: Final = _environment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole answer, for either lane to send."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


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
    script = f"; script-src 'sha256-{_PASSKEYS_HASH}'" if passkeys else ""
    policy = f"{_POLICY}{script}; form-action 'self'{' ' + target if target else ''}; frame-ancestors 'none'"
    headers = [
        *_headers(policy, "same-origin", retry_after),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
    ]
    return Page(status=status, headers=tuple(headers), body=_body(template, {**context, "passkeys": passkeys}))


def page(template: str, *, status: int = 200, retry_after: int = 0, **context: object) -> Page:
    """A page to read."""
    policy = f"{_POLICY}; form-action 'none'; frame-ancestors 'self'"
    return Page(
        status=status, headers=tuple(_headers(policy, "no-referrer", retry_after)), body=_body(template, context)
    )


def passage(origins: Iterable[str], **context: object) -> Page:
    """A page that leads on to another site by itself; its form may go to these origins alone.

    The origin is told where the form is sent, and no more of the address.
    """
    script = f"script-src 'sha256-{_SEND_HASH}'"
    policy = f"{_POLICY}; {script}; form-action {' '.join(origins)}; frame-ancestors 'none'"
    headers = [*_headers(policy, "strict-origin", 0), ("X-Frame-Options", "DENY")]
    return Page(status=200, headers=tuple(headers), body=_body("passage.html", context))


def _headers(policy: str, referrer: str, retry_after: int) -> list[tuple[str, str]]:
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", policy),
        ("Referrer-Policy", referrer),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return [*headers, ("Retry-After", str(retry_after))] if retry_after else headers


def _body(template: str, context: Mapping[str, object]) -> bytes:
    return _ENVIRONMENT.get_template(template).render(context).encode("utf-8", "replace")
