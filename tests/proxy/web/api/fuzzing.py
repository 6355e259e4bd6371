"""A gateway of its own with two tenants in it, and sessions that requests made from its description are sent by."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proxy.web.api.operation import BELOW
from tests.peers.gateway import HASH, PASSWORD, Site, visitor

SECRET = "Zebrafinch"
"""In every name that is of the first tenant."""


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
    sessions: Mapping[str, Mapping[str, str]]
    """Username -> header fields of a session."""
    parts: Mapping[str, str]
    """Name of a part of a path -> the first tenant's thing of that kind."""
    ids: frozenset[str]
    """Ids of all that is the first tenant's."""


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """The gateway in a process of its own for as long as the context is open."""
    site = Site(folder, _estate())
    site.settings = {"limits": {"api": "1000000/60s", "login": "1000/60s", "anonymous": "1000000/60s"}}
    with asyncio.Runner() as runner:
        process = site.process()
        runner.run(_entered(process))
        try:
            yield runner.run(_set(site))
        finally:
            runner.run(_left(process))


async def _entered(process: object) -> None:
    await process.__aenter__()  # type: ignore[attr-defined]


async def _left(process: object) -> None:
    await process.__aexit__(None, None, None)  # type: ignore[attr-defined]


async def _set(site: Site) -> Stage:
    sessions = {name: await _session(site, name) for name in ("ada", "beta-olga", "zebrafinch-olga")}
    parts = {
        "space": "zebrafinch",
        "customer": "zebrafinch-customer",
        "resource": "zebrafinch%2Fplant",
        "application": "zebrafinch%2Fplant",
        "instance": "zebrafinch%2Fplant%2Fline",
        "user": "zebrafinch-olga",
    }
    ids: set[str] = set()
    async with visitor(site) as somebody:
        for path in ("/spaces", "/applications", "/instances", "/me"):
            answer = await somebody.request("GET", site.home + BELOW + path, headers=sessions["zebrafinch-olga"])
            content = json.loads(await answer.text())
            ids |= {item["id"] for item in content.get("items", [content])}
    return Stage(url=site.home + BELOW, sessions=sessions, parts=parts, ids=frozenset(ids))


async def _session(site: Site, name: str) -> Mapping[str, str]:
    async with visitor(site) as somebody:
        raw = json.dumps({"username": name, "password": PASSWORD})
        fields = {"Content-Type": "application/json"}
        answer = await somebody.request("POST", f"{site.home}{BELOW}/auth/login", headers=fields, data=raw)
        return {"Cookie": somebody.cookie("localhost"), "X-Flowward-CSRF": json.loads(await answer.text())["csrf"]}
