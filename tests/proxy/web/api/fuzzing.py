"""A gateway of its own with two tenants in it, and sessions that requests made from its description are sent by."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote

import requests

from proxy.web.api.operation import BELOW
from tests.peers.gateway import HASH, PASSWORD, Site

SECRET = "Zebrafinch"
"""In every name that is of the first tenant."""
GUESSES: Final = 10
"""Wrong passwords in a row that an account takes."""
_PART: Final = re.compile(r"{([^}]+)}")
_NEW: Final = {"slug": "<new>", "name": SECRET}
MAKING: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = {
    "/spaces/{space}/service-accounts/{account}/tokens/{token}": (
        "/spaces/<space>/service-accounts/<account>/tokens",
        {"name": SECRET},
    ),
    "/instances/{instance}/tokens/{token}": ("/instances/<instance>/tokens", {"name": SECRET, "paths": ["/api/*"]}),
    "/me/tokens/{token}": ("/me/tokens", {"name": SECRET}),
    "{space}": ("/spaces", {"kind": "team", "slug": "<new>", "title": SECRET}),
    "{customer}": ("/spaces/zebrafinch/customers", {"slug": "<new>", "title": f"{SECRET} <new>"}),
    "/spaces/{customer}/users/{user}": ("/spaces/<customer>/users", {"username": "<new>", "role": "viewer"}),
    "/spaces/{space}/members/{user}": ("/users", {"username": "<new>", "memberships": {"<space>": "viewer"}}),
    "{user}": ("/users", {"username": "<new>", "name": SECRET}),
    "{account}": ("/spaces/<space>/service-accounts", {"name": "<new>", "role": "viewer"}),
    "{invitation}": ("/spaces/<space>/invitations", {"to": "ada", "role": "viewer"}),
    "{application}": ("/applications", {**_NEW, "space": "zebrafinch"}),
    "{instance}": ("/instances", {**_NEW, "application": "zebrafinch/plant", "hosts": ["<new>.localhost"]}),
    "{device}": ("/devices", {**_NEW, "application": "zebrafinch/plant"}),
    "{page}": ("/pages", {**_NEW, "instance": "<instance>", "match": "/<new>"}),
    "{thing}": ("/things", {**_NEW, "space": "zebrafinch", "subtype": "asset"}),
    "{folder}": ("/folders", {**_NEW, "space": "zebrafinch"}),
    "{resource}": ("/devices", {**_NEW, "space": "zebrafinch"}),
    "{tag}": ("/tags", {"name": "<new>"}),
    "{policy}": (
        "/row-policies",
        {"instance": "<instance>", "name": "<new>", "kind": "http", "tag": "@tenant", "field": "tenant"},
    ),
}
"""End of a path as far as it names something, the longest that fits -> how an admin makes such a thing: where to, and of
what. `<new>` is a name that nothing has yet, any other in angle brackets such a thing, of the same path or made for this."""


def _tenant(slug: str, title: str) -> dict[str, list[dict[str, object]]]:
    """A team with a customer, an application with an instance, and an owner."""
    below, host = f"{slug}-customer", f"{slug}.localhost"
    name = f"{title} Olga" if title == SECRET else "Olga"
    return {
        "spaces": [
            {"slug": slug, "kind": "team", "title": title},
            {"slug": below, "kind": "customer", "parent": slug, "title": f"{title} customer"},
        ],
        "users": [{"username": f"{slug}-olga", "name": name, "memberships": {slug: "owner"}, "password_hash": HASH}],
        "applications": [{"slug": "plant", "space": slug, "title": f"{title} plant"}],
        "instances": [
            {"slug": "line", "application": f"{slug}/plant", "hosts": [host], "upstream": "http://127.0.0.1:1"}
        ],
        "grants": [{"target": f"{slug}/plant", "space": below, "role": "viewer"}],
    }


def _estate() -> dict[str, object]:
    first, second = _tenant("zebrafinch", SECRET), _tenant("beta", "Beta")
    admin: dict[str, object] = {"username": "ada", "admin": True, "password_hash": HASH}
    both: dict[str, object] = {key: [*first[key], *second[key]] for key in first}
    return {**both, "users": [*first["users"], *second["users"], admin]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What requests need: where to, and as whom."""

    url: str
    given: Mapping[str, str]
    """Name of a part of a path -> the first tenant's thing of that kind that a file declares, or a session of the admin."""
    ids: set[str]
    """Ids of all that is the first tenant's."""
    numbers: "count[int]" = field(default_factory=count)
    sessions: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def session(self, name: str) -> Mapping[str, str]:
        """Header fields of a session of theirs; of a new one where the last has ended, or wants a second factor."""
        held = self.sessions.get(name)
        if held is None or requests.get(f"{self.url}/dashboards", headers=held, timeout=60).status_code != 200:
            held = self.sessions[name] = _log_in(self.url, name)
        return held

    def made(self, path: str) -> Mapping[str, str]:
        """What the parts of a path name, made for this very path: things that no file declares."""
        found: dict[str, str] = {}
        for part in _PART.finditer(path):
            kind, way = part[1], _way_to(path[: part.end()])
            if kind == "ban":
                found[kind] = self._ban()
            else:
                found[kind] = self._new(*way, found) if way else self.given.get(kind, "x")
        return found

    def ask(self, method: str, path: str, body: object = None, *, name: str = "ada") -> requests.Response:
        return requests.request(method, self.url + path, json=body, headers=self.session(name), timeout=60)

    def _new(self, where: str, what: Mapping[str, object], found: Mapping[str, str]) -> str:
        body = self._filled(what, {**found, "new": f"new-{next(self.numbers)}"})
        answer = self.ask("POST", str(self._filled(where, found)), body)
        assert answer.ok, f"{where}: {answer.text}"
        content = answer.json()
        if "id" not in content:
            return str(content["name"])  # a tag, which is everybody's
        self.ids.add(content["id"])
        return str(content["id"])

    def _filled(self, value: object, found: Mapping[str, str]) -> object:
        match value:
            case str():
                return re.sub(r"<(\w+)>", lambda gap: found.get(gap[1]) or self.made(f"{{{gap[1]}}}")[gap[1]], value)
            case dict():
                return {self._filled(key, found): self._filled(each, found) for key, each in value.items()}
            case list():
                return [self._filled(each, found) for each in value]
        return value

    def _ban(self) -> str:
        """Of an account whose password was guessed at."""
        user = self.made("/users/{user}")["user"]
        username = self.ask("GET", f"/users/{user}").json()["username"]
        guess = {"username": username, "password": "wrong password"}
        for _ in range(GUESSES):
            _try(self.url, guess)
        return next(each["id"] for each in self.ask("GET", "/bans").json()["items"] if each["user"] == user)


def _way_to(path: str) -> tuple[str, Mapping[str, object]] | None:
    return next((way for end, way in MAKING.items() if path == end), None) or MAKING.get(path[path.rindex("{") :])


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """The gateway in a process of its own for as long as the context is open."""
    site = Site(folder, _estate())
    many: dict[str, object] = dict.fromkeys(
        ("activation", "anonymous", "api", "invites", "login", "token_create"), "1000000/60s"
    )
    site.settings = {"limits": {**many, "lockout": {"failures": GUESSES}, "ban": {"failures": 10000}}}
    with asyncio.Runner() as runner:
        process = site.process()
        runner.run(_entered(process))
        try:
            yield _set(site.home + BELOW)
        finally:
            runner.run(_left(process))


async def _entered(process: object) -> None:
    await process.__aenter__()  # type: ignore[attr-defined]


async def _left(process: object) -> None:
    await process.__aexit__(None, None, None)  # type: ignore[attr-defined]


def _set(url: str) -> Stage:
    declared = {
        "space": "zebrafinch",
        "customer": "zebrafinch-customer",
        "resource": "zebrafinch/plant",
        "application": "zebrafinch/plant",
        "instance": "zebrafinch/plant/line",
        "user": "zebrafinch-olga",
    }
    parts = {kind: quote(name, safe="") for kind, name in declared.items()}
    ready = Stage(url=url, given=parts, ids=set())
    _log_in(url, "ada")
    spare = next(each["id"] for each in ready.ask("GET", "/me/sessions").json()["items"] if not each["current"])
    parts["session"] = spare
    for path in ("/spaces", "/applications", "/instances", "/me"):
        content = ready.ask("GET", path, name="zebrafinch-olga").json()
        found: Sequence[Mapping[str, str]] = content.get("items", [content])
        ready.ids.update(item["id"] for item in found)
    return ready


def _log_in(url: str, name: str) -> Mapping[str, str]:
    """Header fields of a new session."""
    answer = _try(url, {"username": name, "password": PASSWORD})
    cookie = "; ".join(f"{key}={value}" for key, value in answer.cookies.items())
    return {"Cookie": cookie, "X-Flowward-CSRF": answer.json()["csrf"]}


def _try(url: str, body: Mapping[str, str]) -> requests.Response:
    return requests.post(f"{url}/auth/login", json=body, headers={"Origin": url.removesuffix(BELOW)}, timeout=60)
