"""Answers of the gateway's own: pages and redirects, with the fields that keep them from being framed, kept or read."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from typing_extensions import override

from proxy.model.access import Reason
from proxy.web.looks import STOCK, Look
from proxy.web.render import Page

# The address of a redirect may hold a one-time code: nobody learns where the visitor came from.
_PLAIN: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


class Shown(web.Response):
    """A page as a response. It is rendered once somebody says in whose looks, or as it comes when it is sent."""

    def __init__(self, page: Page) -> None:
        super().__init__(status=page.status)
        self._page: Page | None = page

    def wear(self, look: Look) -> None:
        """Render it, once. Fields that are there already stay."""
        if self._page is None:
            return
        page, self._page = self._page.worn(look), None
        self.body = page.body
        for name, value in page.headers:
            self.headers.setdefault(name, value)

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Called by aiohttp as the head is about to be sent."""
        self.wear(STOCK)
        return await super().prepare(request)


def answer(page: Page, cookies: Iterable[str] = ()) -> Shown:
    """A page as a response."""
    response = Shown(page)
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
