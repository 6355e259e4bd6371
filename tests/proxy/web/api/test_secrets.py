"""No secret that is sent to the gateway, or made by it, is found again in what it keeps, tells or writes down (A-10, R-72).

Every operation is called with secrets where they belong and where they do not; a deploy carries credentials. Afterwards
they are looked for in every byte of the database, in every export of the log, in the program's own log and its metrics.
"""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from proxy.web.api.table import OPERATIONS
from tests.peers.answers import by_path, plain
from tests.peers.events import unfit
from tests.peers.gateway import NAVIGATION, PASSWORD, Site, estate, visitor
from tests.peers.upstream import Upstream, upstream
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.probing import LEFT_OUT
from tests.real.place import PLENTY, flowward

HOST = "line.localhost"
FLOWS = plain(json.dumps({"rev": "1", "flows": []}).encode(), (b"Content-Type", b"application/json"))


@dataclass(slots=True)
class Secrets:
    """What must not be found again, by what it is."""

    numbers: "count[int]" = field(default_factory=lambda: count(1000))
    known: dict[str, str] = field(default_factory=dict)

    def new(self, what: str) -> str:
        """A secret that nobody could type by chance, good enough as a password."""
        return self.keep(what, f"Canary-{next(self.numbers)}-of-the-mine")

    def keep(self, what: str, value: str) -> str:
        self.known[f"{what} {len(self.known)}"] = value
        return value

    def found(self, raw: bytes) -> list[str]:
        return [what for what, value in self.known.items() if value.encode() in raw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """A gateway that writes down as much as it can, and somebody who may do everything."""

    site: Site
    instance: Upstream
    admin: Client
    secrets: Secrets


@asynccontextmanager
async def mine(folder: Path) -> AsyncIterator[Mine]:
    site = Site(folder, estate([]))
    site.settings = {
        "log": {"level": "debug", "access": True},
        "limits": dict.fromkeys(("login", "anonymous", "api", "token_create", "activation"), PLENTY),
    }
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        running = site.process(stdout=out.fileno(), stderr=err.fileno())
        async with upstream(by_path({"/admin/flows": FLOWS})) as instance, running, visitor(site) as somebody:
            admin = Client(somebody)
            answer = await admin.post("/auth/login", {"username": "ada", "password": PASSWORD})
            admin.csrf = str(answer.json["csrf"])
            yield Mine(site=site, instance=instance, admin=admin, secrets=Secrets())


async def test_a_10_r_72_nothing_secret_is_kept_told_or_written_down(tmp_path: Path) -> None:
    async with mine(tmp_path) as here:
        here.secrets.keep("password", PASSWORD)
        await misplaced(here)
        line = await an_instance(here)
        await somebody_new(here)
        await tokens(here, line)
        await deployed(here)
        here.secrets.keep("session", here.admin.visitor.cookies["localhost"]["flowward"])
        here.secrets.keep("csrf", here.admin.csrf)
        csv = (await here.admin.get("/audit/export.csv")).text
        async with aiohttp.ClientSession() as session:
            metrics = await (await session.get(f"http://127.0.0.1:{here.site.operations}/metrics")).text()
    exported = [await flowward(here.site, "audit", "export", "--format", form) for form in ("jsonl", "csv")]
    told = "\n".join((csv, metrics, *exported)).encode()
    assert here.secrets.found(told) == []
    written = (tmp_path / "stdout").read_bytes() + (tmp_path / "stderr").read_bytes()
    assert b'"surface":"deploy"' in written
    assert here.secrets.found(written) == []
    kept = b"".join(each.read_bytes() for each in (tmp_path / "var").rglob("*") if each.is_file())
    # What the gateway has to say to an instance it cannot keep as a hash.
    assert {what.partition(" ")[0] for what in here.secrets.found(kept)} == {"admin_token"}
    events = [json.loads(row) for row in exported[0].splitlines()]
    assert unfit(events) == []
    assert {"user.pat.created", "project.httpToken.created", "flows.set", "account.login"} <= {
        event["event"] for event in events
    }


async def misplaced(here: Mine) -> None:
    """Where no secret belongs: members and queries that there are not, a wrong login, tokens that are none's."""
    secrets, admin = here.secrets, here.admin
    for operation in OPERATIONS:
        if operation.name in LEFT_OUT:
            continue
        path = operation.path.replace("{", "").replace("}", "")
        body = {"password": secrets.new("member"), "credentials": {"x": {"token": secrets.new("member within")}}}
        answer = await admin.call(operation.method, path, body if operation.body else None, If_Match="*")
        asked = await admin.call(operation.method, f"{path}?token={secrets.new('query')}", If_Match="*")
        assert max(answer.status, asked.status) < 500, operation.name
        assert secrets.found(f"{answer.text}{asked.text}".encode()) == [], operation.name
    async with visitor(here.site) as nobody:
        stranger = Client(nobody)
        for name in ("ada", secrets.new("password as username")):
            body = {"username": name, "password": secrets.new("wrong password")}
            assert (await stranger.post("/auth/login", body)).status == 401
        for value in (secrets.new("bearer"), f"fwp_{secrets.new('token')}", f"fws_{secrets.new('token')}"):
            assert (await stranger.get("/me", Authorization=f"Bearer {value}")).status == 401
        assert (await stranger.get("/me", Cookie=f"flowward={secrets.new('cookie')}")).status == 401
    assert (await admin.post("/auth/reauth", {"password": secrets.new("wrong proof")})).status == 401


async def an_instance(here: Mine) -> str:
    """With a password of its own and a token of Node-RED's, both changed once; its id."""
    secrets, admin = here.secrets, here.admin
    settings = {
        name: value
        for name, value in (await admin.get("/settings")).json.items()
        if name not in ("actions", "configured", "mingled_groups")
    }
    assert (await admin.put("/settings", {**settings, "upstream_allow": ["127.0.0.1/32"]})).status == 200
    place = {"application": "acme/plant", "slug": "line", "hosts": [HOST]}
    refused = await admin.post("/instances", {**place, "upstream": f"http://ada:{secrets.new('userinfo')}@10.0.0.1"})
    assert refused.status == 422
    assert secrets.found(refused.text.encode()) == []

    def access() -> dict[str, object]:
        basic = {"mode": "basic", "username": "wall", "password": secrets.new("basic password")}
        return {"http_auth": basic, "admin_token": secrets.new("admin_token"), "admin_root": "/admin"}

    made = await admin.post("/instances", {**place, "upstream": here.instance.url, "security": access()})
    assert made.status == 201, made.text
    line = str(made.json["id"])
    changed = await admin.put(f"/instances/{line}/security", access())
    shown = await admin.get(f"/instances/{line}/security")
    assert (changed.status, secrets.found(f"{made.text}{changed.text}{shown.text}".encode())) == (200, [])
    wrong = base64.b64encode(f"wall:{secrets.new('wrong basic password')}".encode()).decode()
    async with visitor(here.site) as nobody:
        headers = {"Authorization": f"Basic {wrong}"}
        answer = await nobody.request("GET", here.site.origin(HOST) + "/api", headers=headers)
        assert answer.status == 401
    assert (await admin.put(f"/instances/{line}/security", {"http_auth": {"mode": "user"}})).status == 200
    return line


async def somebody_new(here: Mine) -> None:
    """Chooses a password by a link, changes it, and has it changed for them."""
    secrets, admin = here.secrets, here.admin
    made = await admin.post("/users", {"username": "eve", "name": "Eve", "email": "eve@acme.example"})
    link = str((await admin.post(f"/users/{made.json['id']}/activation-link")).json["link"])
    secrets.keep("link", link.rpartition("/")[2])
    first, second = secrets.new("chosen password"), secrets.new("changed password")
    async with visitor(here.site) as browser:
        page = await (await browser.navigate(link)).text()
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        fields = {"csrf": csrf, "username": "eve", "password": first, "again": first}
        headers = {**NAVIGATION, "Origin": here.site.home, "Content-Type": "application/x-www-form-urlencoded"}
        assert (await browser.request("POST", link, headers=headers, data=urlencode(fields))).status == 303
        eve = Client(browser)
        eve.csrf = str((await eve.post("/auth/login", {"username": "eve", "password": first})).json["csrf"])
        assert (await eve.put("/me/password", {"current": first, "new": second})).status == 204
        secrets.keep("session", browser.cookies["localhost"]["flowward"])


async def tokens(here: Mine, line: str) -> None:
    """Each kind is made, used and told; its value once."""
    secrets, admin = here.secrets, here.admin
    mine_ = secrets.keep("token", str((await admin.post("/me/tokens", {"name": "ci"})).json["value"]))
    made = await admin.post(f"/instances/{line}/tokens", {"name": "plc"})
    endpoint = secrets.keep("token", str(made.json["value"]))
    async with visitor(here.site) as program:
        assert (await Client(program, token=mine_).get("/me")).status == 200
        headers = {"Authorization": f"Bearer {endpoint}"}
        assert (await program.request("GET", here.site.origin(HOST) + "/api", headers=headers)).status == 404
    listed = (await admin.get("/me/tokens")).text + (await admin.get(f"/instances/{line}/tokens")).text
    assert secrets.found(listed.encode()) == []


async def deployed(here: Mine) -> None:
    """With credentials as the editor sends them, and as a whole set."""
    secrets, url = here.secrets, here.site.origin(HOST)
    somebody = here.admin.visitor
    await somebody.navigate(f"{url}/admin/flows")
    node = {"id": "n1", "type": "mqtt-broker", "credentials": {"user": "u", "password": secrets.new("credentials")}}
    body = {"flows": [node], "credentials": {"n1": {"password": secrets.new("credentials")}}}
    headers = {"Origin": url, "Content-Type": "application/json", "Node-RED-API-Version": "v2"}
    answer = await somebody.request("POST", f"{url}/admin/flows", headers=headers, data=json.dumps(body))
    assert answer.status == 200
    sent = next(each for each in here.instance.requests if each.method == b"POST")
    assert json.loads(sent.body) == body
