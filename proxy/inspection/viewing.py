"""A Dashboard's page for an admin who looks on as somebody: with a line on it that says so, and leads back."""

import re
from html import escape
from typing import Final

from aiohttp import web

from proxy.gate.answers import is_navigation
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange, whole

_BODY: Final = re.compile(rb"<body\b[^>]*>", re.IGNORECASE)
# Styled where it stands: the page's own rules know nothing of it, and a policy that forbids it leaves a plain line of text.
_BANNER: Final = (
    '<div role="status" data-flowward-viewing style="position:fixed;z-index:2147483647;left:50%;bottom:12px;'
    "transform:translateX(-50%);box-sizing:border-box;max-width:calc(100% - 24px);padding:8px 16px;border-radius:8px;"
    'background:#7a4b00;color:#fff;font:14px/1.5 system-ui,sans-serif;box-shadow:0 2px 8px #0006">'
    "You are looking on as <strong>{}</strong>. Nothing you do changes anything. "
    '<a href="{}" target="_top" style="color:#fff;font-weight:650">End</a></div>'
)


async def page(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """GET of the Dashboard. Raises UpstreamFailed."""
    user_id = exchange.verdict.principal.user_id
    person = desk.person(user_id) if user_id is not None else None
    if person is None or exchange.request.method != "GET" or not is_navigation(exchange.head):
        return await desk.carrier.carry(exchange)
    fetched = await desk.carrier.fetch(exchange)
    kind = fetched.fields.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "text/html" or "Content-Encoding" in fetched.fields:
        return whole(fetched, fetched.body)
    name = person.user.name or person.user.username
    banner = _BANNER.format(escape(name), escape(f"{desk.home}/-/view-as")).encode("utf-8", "replace")
    return whole(fetched, _BODY.sub(lambda found: found[0] + banner, fetched.body, count=1))
