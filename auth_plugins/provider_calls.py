"""Requests from the gateway to a provider, past the browser: JSON comes back, or Unavailable."""

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import quote_plus, urlencode, urljoin, urlsplit

from pydantic import AfterValidator

from auth_plugins.claims import Claims, loaded, parsed
from auth_plugins.contract import Answer, Kit
from auth_plugins.values import Refused, Unavailable
from config.addresses import is_local_name
from config.base import wrong

LONGEST_DETAIL: Final = 200
"""Characters of what a provider says that go to the log."""
MOST_PAGES: Final = 20
OURSELVES: Final[Mapping[str, str]] = {"User-Agent": "flowward"}
"""GitHub answers nobody who does not say who asks."""
_NEXT: Final = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')


def secured(url: str) -> bool:
    """Whether what is sent to an address stays between us and it: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and not parts.fragment and "@" not in parts.netloc
    return plain and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_local_name(host)))


def _provider_url(value: str) -> str:
    if value and not secured(value):
        raise wrong(
            f"must be an address with https://, and is '{value}'",
            "Plain http is for names of this machine alone; let the gateway trust a private authority by SSL_CERT_FILE.",
        )
    return value


ProviderUrl = Annotated[str, AfterValidator(_provider_url)]
"""An option that is an address of the provider; empty where it is not used."""


async def document(kit: Kit, url: str, *, token: str = "") -> Claims:
    """The JSON object at an address, asked for with an access token where there is one."""
    return json_of(url, await fetched(kit, url, token=token))


async def listed(kit: Kit, url: str, *, token: str) -> tuple[Claims, ...]:
    """The JSON objects of a list, which may come in pages (RFC 8288, `rel="next"`)."""
    found: list[Claims] = []
    page, pages = url, 0
    while page and pages < MOST_PAGES:
        answer = await fetched(kit, page, token=token)
        found += _objects(page, answer)
        page, pages = _next(url, answer.headers.get("link", "")), pages + 1
    return tuple(found)


async def fetched(kit: Kit, url: str, *, token: str = "") -> Answer:
    """What is at an address. Raises Refused where the access token no longer counts, Unavailable unless it is 200."""
    headers = {**OURSELVES, "Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    answer = await _asked(kit, "GET", url, headers)
    if answer.status == 401 and token:
        raise Refused("access_ended", f"{url} no longer accepts the access token of this login")
    if answer.status != 200:
        raise Unavailable("provider_failed", f"{url} answered {answer.status}")
    return answer


async def posted(kit: Kit, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """What came back for a form."""
    sent = {**OURSELVES, "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **headers}
    return await _asked(kit, "POST", url, sent, urlencode(fields).encode())


async def _asked(kit: Kit, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    try:
        return await kit.fetch(method, url, headers=headers, body=body)
    except Unavailable as error:
        raise Unavailable(error.code, f"{url}: {error.detail or 'no answer came'}") from error


def json_of(url: str, answer: Answer) -> Claims:
    """The JSON object of an answer; raises Unavailable where it is none."""
    try:
        return parsed(answer.body)
    except ValueError as error:
        raise Unavailable("provider_nonsense", f"{url} answered {answer.status} without a JSON object") from error


def _objects(url: str, answer: Answer) -> list[Claims]:
    try:
        items = loaded(answer.body)
    except ValueError as error:
        raise Unavailable("provider_nonsense", f"{url} answered without JSON") from error
    if not isinstance(items, list):
        raise Unavailable("provider_nonsense", f"{url} answered without a list")
    return [Claims(item) for item in items if isinstance(item, dict)]


def _next(url: str, link: str) -> str:
    """The next page, where it is at the same server: the access token goes to no other."""
    found = _NEXT.search(link)
    following = urljoin(url, found[1]) if found else ""
    return following if urlsplit(following)[:2] == urlsplit(url)[:2] else ""


def basic(client_id: str, secret: str) -> str:
    """The Authorization of a client; both parts are form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def printable(text: str) -> str:
    """A provider's or a visitor's own words, as far as a log can bear them."""
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST_DETAIL])
