"""The gateway is killed in the middle of everything it does: what it has answered is there, and on record."""

import asyncio
import itertools
import json
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientError

from proxy.model.audit import Phase, Recorded
from proxy.services.audit_chain import verify_log
from proxy.services.audit_reading import whole
from proxy.services.audit_upkeep import UNKNOWN
from tests.peers.answers import by_path, echo, never, plain
from tests.peers.frames import TEXT
from tests.peers.gateway import Site, Visitor, visitor
from tests.peers.state import open_store
from tests.peers.talk import dial, request
from tests.peers.upstream import Answer, Exchange, upstream
from tests.proxy.app.house import HOST, UPGRADE, site
from tests.proxy.app.test_serve import cpu_seconds

API = "/-/api/v1"
GONE = (ClientError, ConnectionError, asyncio.IncompleteReadError)
"""What a client sees of a gateway that is killed."""
KEPT = 20
"""Tokens that stay; nobody has more than a hundred."""
READY_SECONDS = 3
JSON = (b"Content-Type", b"application/json")
LIMITS = ("login", "token_create", "anonymous", "api")


@dataclass(slots=True)
class Answered:
    """What the gateway has answered that it did, and so must still know whatever becomes of it."""

    cookies: list[str] = field(default_factory=list)
    spaces: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    """Value by id."""
    revoked: list[str] = field(default_factory=list)
    """Values of tokens that are no more."""
    deploys: list[str] = field(default_factory=list)
    """Revisions that the instance has made."""
    begun: int = 0
    """What the instance was asked for and has not answered."""
    messages: int = 0
    """There and back through sockets."""

    @property
    def kinds(self) -> tuple[int, ...]:
        tokens = len(self.tokens) + len(self.revoked)
        return len(self.cookies), len(self.spaces), tokens, len(self.deploys), self.begun, self.messages


@dataclass(slots=True)
class Load:
    """Everything at once, by several people, until the gateway is gone."""

    made: Site
    answered: Answered
    number: int
    """Of the round, so that all names are new."""
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)
    killed: bool = False

    async def run(self, kill: Callable[[], None], wanted: Sequence[int]) -> None:
        """Until there is so much more of each kind; then the gateway is killed, whatever is under way."""
        before = self.answered.kinds
        works = (self._log_in, self._write, self._make_tokens, self._deploy, self._install, self._talk)
        async with asyncio.TaskGroup() as everything:
            for work in works:
                everything.create_task(self._on_and_on(work))
            async with asyncio.timeout(60), self.progress:
                await self.progress.wait_for(
                    lambda: all(
                        now - was >= more for now, was, more in zip(self.answered.kinds, before, wanted, strict=True)
                    )
                )
            self.killed = True
            kill()

    async def _on_and_on(self, work: Callable[[], AsyncIterator[None]]) -> None:
        try:
            async for _ in work():
                async with self.progress:
                    self.progress.notify_all()
        except GONE:
            if not self.killed:
                raise

    async def _log_in(self) -> AsyncIterator[None]:
        while True:
            async with visitor(self.made) as dora:
                page = await dora.log_in("dora", f"{self.made.origin(HOST)}/dashboard/")
                assert (page.status, await page.text()) == (200, "hello")
                self.answered.cookies.append(dora.cookie(HOST))
            yield

    async def _write(self) -> AsyncIterator[None]:
        async with visitor(self.made, "ada") as ada:
            csrf = await _csrf(ada)
            for count in itertools.count():
                made = await _send(
                    ada, csrf, "POST", "/spaces", {"kind": "team", "slug": f"team-{self.number}-{count}"}
                )
                self.answered.spaces.append(str(made["id"]))
                yield

    async def _make_tokens(self) -> AsyncIterator[None]:
        """Of many an old one goes again."""
        async with visitor(self.made, "max") as max_:
            csrf = await _csrf(max_)
            while True:
                made = await _send(max_, csrf, "POST", "/me/tokens", {"name": "killed"})
                self.answered.tokens[str(made["id"])] = str(made["value"])
                if len(self.answered.tokens) > KEPT:
                    oldest = next(iter(self.answered.tokens))
                    value = self.answered.tokens.pop(oldest)
                    await _send(max_, csrf, "DELETE", f"/me/tokens/{oldest}")
                    self.answered.revoked.append(value)
                yield

    async def _deploy(self) -> AsyncIterator[None]:
        async with visitor(self.made, "max", HOST) as max_:
            fields = (("Cookie", max_.cookie(HOST)), ("Content-Type", "application/json"))
            asked = request("POST", "/admin/flows", *fields, body=b"[]", host=f"{HOST}:{self.made.port}")
            while True:
                async with dial(self.made.port) as line:  # what is put on record goes through a connection of its own
                    await line.send(asked)
                    answer = await line.response(to=b"POST")
                assert answer.status == 200
                self.answered.deploys.append(json.loads(answer.body)["rev"])
                yield

    async def _install(self) -> AsyncIterator[None]:
        async with visitor(self.made, "olga", HOST) as olga, dial(self.made.port) as line:
            fields = (("Cookie", olga.cookie(HOST)), ("Content-Type", "application/json"))
            host = f"{HOST}:{self.made.port}"
            await line.send(request("POST", "/admin/nodes", *fields, body=b'{"module": "x"}', host=host))
            yield
            await line.response(to=b"POST", seconds=60)
            raise AssertionError("an instance that never answers was answered for")

    async def _talk(self) -> AsyncIterator[None]:
        async with visitor(self.made, "vic", HOST) as vic, dial(self.made.port) as line:
            fields = (*UPGRADE, ("Origin", self.made.origin(HOST)), ("Cookie", vic.cookie(HOST)))
            host = f"{HOST}:{self.made.port}"
            await line.send(request("GET", "/dashboard/socket.io/?EIO=4&transport=websocket", *fields, host=host))
            assert (await line.response()).status == 101
            while True:
                await line.say(TEXT, b"hello")
                assert (await line.hear()).payload == b"hello"
                self.answered.messages += 1
                yield


async def _csrf(somebody: Visitor) -> str:
    me = await somebody.request("GET", f"{somebody.site.home}{API}/me")
    return str((await me.json())["csrf"])


async def _send(somebody: Visitor, csrf: str, method: str, path: str, content: object = None) -> dict[str, object]:
    """A change through the API, as a page of the gateway's own makes it."""
    headers = {
        "X-Flowward-CSRF": csrf,
        "Origin": somebody.site.home,
        "Content-Type": "application/json",
        "If-Match": "*",
    }
    data = json.dumps(content) if content is not None else None
    answer = await somebody.request(method, f"{somebody.site.home}{API}{path}", headers=headers, data=data)
    text = await answer.text()
    assert answer.status in (200, 201, 204), text
    return json.loads(text) if text else {}  # type: ignore[no-any-return]


@dataclass(slots=True)
class Record:
    """What is on record, read past the gateway."""

    events: list[Recorded] = field(default_factory=list)

    async def read_on(self, made: Site) -> None:
        """Look at what was added since, and at the whole chain."""
        async with open_store(made.folder / "var") as store:
            verdict = await verify_log(store.database)
            assert verdict.broken is None
            async for some in whole(store.database, self.events[-1].id if self.events else 0):
                self.events += some

    def holds(self, answered: Answered) -> None:
        """Every row of what was answered."""
        told = {(each.event.event, each.event.scope_id) for each in self.events}
        assert {("team.created", id_) for id_ in answered.spaces} <= told
        made = [each for each in self.events if each.event.event == "user.pat.created"]
        gone = [each for each in self.events if each.event.event == "user.pat.deleted"]
        assert len(made) >= len(answered.tokens) + len(answered.revoked)
        assert len(gone) >= len(answered.revoked)
        assert sum(each.event.event == "account.login" for each in self.events) >= len(answered.cookies)
        assert set(answered.deploys) <= {_revision(each) for each in self.events}

    def unfinished(self) -> set[int]:
        """The intents that have no outcome."""
        begun = {each.id for each in self.events if each.event.phase is Phase.INTENT}
        return begun - {each.event.intent or 0 for each in self.events}


def _revision(recorded: Recorded) -> object:
    rev = recorded.event.body.get("rev")
    return rev.get("after") if isinstance(rev, dict) else None


async def _still_there(made: Site, answered: Answered) -> None:
    """Everybody is logged in, every token is as it was left, every team there."""
    async with visitor(made) as nobody:
        for cookie in answered.cookies:
            page = await nobody.request("GET", f"{made.origin(HOST)}/dashboard/", headers={"Cookie": cookie})
            assert page.status == 200
        for value, status in [
            *((value, 200) for value in answered.tokens.values()),
            *((v, 401) for v in answered.revoked),
        ]:
            me = await nobody.request("GET", f"{made.home}{API}/me", headers={"Authorization": f"Bearer {value}"})
            assert me.status == status
    async with visitor(made, "ada") as ada:
        for id_ in answered.spaces:
            assert (await ada.request("GET", f"{made.home}{API}/spaces/{id_}")).status == 200


def node_red(answered: Answered) -> Answer:
    """Takes deploys, and never comes to an end of installing a module."""
    revisions = itertools.count(1)

    async def deploy(exchange: Exchange) -> None:
        await exchange.body()
        revision = b'{"rev": "r%d"}' % next(revisions) if exchange.request.method == b"POST" else b"[]"
        await plain(revision, JSON)(exchange)

    async def install(exchange: Exchange) -> None:
        await exchange.body()
        answered.begun += 1
        await never(exchange)

    answers = {"/admin/flows": deploy, "/admin/nodes": install, "/dashboard/socket.io/": echo(), "*": plain(b"hello")}
    return by_path(answers)


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.soak)])
async def test_killed_in_the_middle_of_everything_it_forgets_nothing_that_it_answered(
    tmp_path: Path, times: int
) -> None:
    chance, answered, record = random.Random(times), Answered(), Record()
    async with upstream(node_red(answered)) as instance:
        made = site(tmp_path, instance.url)
        made.settings["limits"] = dict.fromkeys(LIMITS, "1000000/1s")
        for number in range(times):
            async with made.process(stop=signal.SIGKILL) as process:
                # Of its own, since a busy machine may make it wait; the first start of all reads everything anew.
                assert number == 0 or cpu_seconds(process.pid) < READY_SECONDS
                await record.read_on(made)
                assert not record.unfinished()
                await _still_there(made, answered)
                wanted = [chance.randint(1, 4) for _ in answered.kinds[:4]] + [1, chance.randint(1, 50)]
                await Load(made, answered, number).run(process.kill, wanted)
                await process.wait()
            await record.read_on(made)
            record.holds(answered)
            assert record.unfinished()
        async with made.process():
            await record.read_on(made)
            assert not record.unfinished()
            await _still_there(made, answered)
    assert sum(each.event.error == UNKNOWN for each in record.events) >= times
