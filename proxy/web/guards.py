"""What is asked of a request before a page of the gateway answers it."""

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from proxy.model.access import Reason
from proxy.services.sites import LOOPBACK, Sites, host_name
from proxy.web.keys import SENT, SITE
from proxy.wire.origin import origin_allowed

FORM_BYTES: Final = 16 * 1024
MESSAGE_BYTES: Final = 256 * 1024
"""Of a message from an identity provider, which may name hundreds of groups."""
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class TurnedAway(Exception):
    """This request gets a refusal and nothing else; `detail` is a sentence for people."""

    def __init__(self, reason: Reason, status: int, detail: str = "") -> None:
        super().__init__(reason, status, detail)
        self.reason, self.status, self.detail = reason, status, detail


def is_navigation(request: web.Request) -> bool:
    """Whether a person's browser goes to this address, as opposed to a script that fetches it."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    return "text/html" in request.headers.get("Accept", "") and "X-Requested-With" not in request.headers


def at_home(request: web.Request) -> None:
    """Raises TurnedAway on an instance's host: what is for home is nowhere else."""
    if not request[SITE].home:
        raise TurnedAway(Reason.NOT_FOUND, 404)


def at_further_home(sites: Sites, request: web.Request) -> bool:
    """Whether this is a home beside the first, which login providers and passkeys do not know."""
    site = request[SITE]
    return site.home and site.origin != sites.home.origin


def from_own_page(request: web.Request) -> bool:
    """Whether no page but one of this very host can have sent this.

    Sibling hosts are same-site, so SameSite cookies alone do not tell them apart.
    """
    headers = request.headers
    origin, fetch_site = _bytes(headers.get("Origin")), _bytes(headers.get("Sec-Fetch-Site"))
    return origin_allowed(origin, fetch_site, (request[SITE].origin.encode(),))


async def own_form(request: web.Request) -> dict[str, str]:
    """The fields of a form that a page of this very host posted. Raises TurnedAway."""
    if not from_own_page(request):
        raise TurnedAway(Reason.FOREIGN_ORIGIN, 403)
    fields = await _form(request, FORM_BYTES)
    request[SENT] = fields
    return fields


async def foreign_form(request: web.Request) -> dict[str, str]:
    """The fields of a form that anybody's page or server sent: whoever reads them decides what they are worth.

    Raises TurnedAway.
    """
    return await _form(request, MESSAGE_BYTES)


async def _form(request: web.Request, longest: int) -> dict[str, str]:
    if request.content_type != FORM_TYPE:
        raise TurnedAway(Reason.BAD_REQUEST, 415, f"A form is sent as {FORM_TYPE}.")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > longest:
            raise TurnedAway(Reason.BAD_REQUEST, 413, f"A form has at most {longest} bytes.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=32))
    except ValueError as error:
        raise TurnedAway(Reason.BAD_REQUEST, 400, "The form could not be read.") from error


def public_address(host: bytes, sites: Sites, target: str) -> str | None:
    """Where a visitor who typed the loopback address belongs: passkeys and cookies need the name of `public_url`."""
    if host_name(host) not in LOOPBACK or sites.find(host) is not None:
        return None
    return sites.home.origin + (target if target.startswith("/") else "/")


def cookie_field(request: web.Request) -> str:
    """The Cookie field, whole: a dict of cookies would hide all but one of a name."""
    return "; ".join(request.headers.getall("Cookie", ()))


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else value.encode("utf-8", "surrogateescape")
