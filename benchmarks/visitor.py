"""A browser reduced to what a login needs: it follows redirects, keeps cookies per host and fills in the one form."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from typing_extensions import override

from benchmarks.harness import Failed

REDIRECTS = 12
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer that was no redirect."""

    url: str
    status: int
    text: str


class Form(HTMLParser):
    """The first form on a page: where it goes, and the fields it brings along."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._within = False
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form" and self.action is None:
            self.action, self._within = values.get("action") or "", True
        elif tag == "input" and self._within and values.get("type") == "hidden":
            self.fields[values.get("name") or ""] = values.get("value") or ""

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._within = False


class Visitor:
    """Somebody at a browser, whose every host is the gateway on one port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, dict[str, str]] = {}

    def log_in(self, url: str, username: str, password: str) -> Page:
        """The page at `url`, by way of the login form if one is shown."""
        page = self.open(url)
        form = Form(page.text)
        if form.action is None:
            return page
        fields = {**form.fields, "username": username, "password": password}
        return self.open(urljoin(page.url, form.action), form=fields, origin=page.url)

    def cookie(self, host: str) -> str:
        """The Cookie header line that a browser would send to `host`."""
        kept = self._cookies.get(host.partition(":")[0], {})
        if not kept:
            raise Failed(f"no cookie was set for {host}")
        return "Cookie: " + "; ".join(f"{name}={value}" for name, value in kept.items())

    def open(self, url: str, *, form: dict[str, str] | None = None, origin: str = "") -> Page:
        for _ in range(REDIRECTS):
            status, location, text = self._exchange(url, form, origin)
            if location is None:
                return Page(url=url, status=status, text=text)
            url, form = urljoin(url, location), None
        raise Failed(f"more than {REDIRECTS} redirects, the last to {url}")

    def _exchange(self, url: str, form: dict[str, str] | None, origin: str) -> tuple[int, str | None, str]:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {**self._headers(parts.netloc), **(_posted_from(origin) if form else {})}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST" if form else "GET", target, urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{url} was not answered: {error!r}") from error
        finally:
            connection.close()
        self._keep(parts.hostname or "", answer.headers.get_all("Set-Cookie") or [])
        location = answer.headers.get("Location") if answer.status in {301, 302, 303, 307, 308} else None
        return answer.status, location, text

    def _headers(self, netloc: str) -> dict[str, str]:
        headers = {
            "Host": netloc,
            "Accept": "text/html,application/xhtml+xml",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Site": "none",
        }
        kept = self._cookies.get(netloc.partition(":")[0])
        if kept:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        return headers

    def _keep(self, host: str, lines: list[str]) -> None:
        jar = self._cookies.setdefault(host, {})
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value


def _posted_from(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"{parts.scheme}://{parts.netloc}",
        "Sec-Fetch-Site": "same-origin",
    }
