"""Answers of the gateway's own: pages and redirects, with the fields that keep them from being framed, kept or read."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from proxy.model.access import Reason
from proxy.web.render import Page

# The address of a redirect may hold a one-time code: nobody learns where the visitor came from.
_PLAIN: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def answer(page: Page, cookies: Iterable[str] = ()) -> web.Response:
    """A rendered page as a response."""
    response = web.Response(status=page.status, body=page.body)
    response.headers.extend(page.headers)
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def see_other(location: str, cookies: Iterable[str] = ()) -> web.Response:
    """Go there with GET (RFC 9110 section 15.4.4)."""
    response = web.Response(status=303, headers={**_PLAIN, "Location": location})
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def document(content: object, *, status: int = 200, kind: str = "application/json") -> web.Response:
    """JSON that nobody keeps."""
    return web.Response(status=status, body=orjson.dumps(content), content_type=kind, headers=_PLAIN)


def problem(reason: Reason, status: int, detail: str = "") -> web.Response:
    """A refusal for machines (RFC 9457)."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": reason}
    return document(content | ({"detail": detail} if detail else {}), status=status, kind="application/problem+json")
