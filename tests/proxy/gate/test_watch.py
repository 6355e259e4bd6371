"""No stale permission: what changes is applied, and the open connections it concerns end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from proxy.gate.live import LiveConnections, place_of, rights_of
from proxy.gate.principal import Principal
from proxy.gate.watch import Watch
from proxy.model.access import Reason, Role
from proxy.model.estate import Estate, HttpAuth, Resource, ResourceKind
from proxy.model.identity import Token, TokenKind
from proxy.nodered.surfaces import Surface
from proxy.services.snapshot import Snapshot
from proxy.store import Change, StoreUnavailable, Subject
from tests.peers.changes import DEADLINE
from tests.proxy.gate.house import GROUND, LINE_3, Facts, House, head, instance, person

GRACE = 300.0
PLC = Token(id="t-plc", kind=TokenKind.HTTP, name="plc", created=0.0, instance="r-line-3")


@dataclass
class Versioned(Facts):
    """Facts with versions that say what changed."""

    log: list[Change] = field(default_factory=list)
    now: Estate = field(default_factory=Estate)
    seen: dict[str, float] = field(default_factory=dict)
    swept: asyncio.Event = field(default_factory=asyncio.Event)
    estate_fails: bool = False
    shared_fails: StoreUnavailable | None = None

    def change(self, subject: Subject, id_: str = "") -> None:
        self.log.append(Change(version=len(self.log) + 1, subject=subject, id=id_))

    async def version(self) -> int:
        return await self._answer("version", len(self.log))

    async def changes(self, since: int) -> Sequence[Change]:
        return self.log[since:]

    async def renewed(self, estate: Estate) -> Estate:
        if self.estate_fails:
            raise StoreUnavailable("gone")
        return replace(self.now, version=len(self.log))

    async def get(self, key: str, now: float) -> str | None:
        if self.shared_fails is not None:
            raise self.shared_fails
        return self.kept.get(key)

    async def touch(self, seen: Sequence[tuple[str, float]]) -> None:
        self.seen |= dict(await self._answer("touch", seen))

    async def sweep(self, now: float) -> None:
        await self._answer("sweep", now)
        self.swept.set()


@dataclass(eq=False)
class Open:
    """An open connection that notes why it is ended."""

    principal: Principal
    surface: Surface
    rights: object
    place: object
    resource_id: str = "r-line-3"
    told: list[Reason] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, reason: Reason) -> None:
        self.told.append(reason)
        self.over.set()


class Watched:
    """A gate that is watched, and connections somebody opened through it."""

    def __init__(self, *instances: object) -> None:
        self.facts = Versioned()
        self.house = House(facts=self.facts).open(instances or None)  # type: ignore[arg-type]
        self.live = LiveConnections()
        snapshot = Snapshot(self.facts, self.house.gate.world.estate)  # type: ignore[arg-type]
        gate, facts = self.house.gate, self.facts
        self.watch = Watch(gate, facts, facts, snapshot, self.live, GROUND, GRACE)  # type: ignore[arg-type]

    async def opened(self, role: Role | None, surface: Surface = Surface.SOCKET) -> Open:
        cookie = self.house.login(person("ada", role)) if role is not None else None
        target = {
            Surface.SOCKET: "/dashboard/socket.io/?EIO=4",
            Surface.COMMS: "/comms",
            Surface.ENDPOINT: "/api/events",
        }[surface]
        passed = await self.house.passed(self.house.caller(), head(target, cookie=cookie))
        lease = passed.lease
        rights = rights_of(lease.station, surface, lease.decision)
        one = Open(passed.principal, surface, rights, place_of(lease.station, passed.principal))
        self.live.add(one)
        return one

    async def opened_by_token(self) -> Open:
        field = self.house.give(PLC)
        passed = await self.house.passed(self.house.caller(), head("/dashboard/socket.io/?EIO=4", field))
        lease = passed.lease
        rights = rights_of(lease.station, lease.surface, lease.decision)
        one = Open(passed.principal, lease.surface, rights, place_of(lease.station, passed.principal))
        self.live.add(one)
        return one

    async def becomes(self, role: Role) -> None:
        self.facts.people["u-ada"] = person("ada", role)
        self.facts.change(Subject.USER, "u-ada")
        await self.watch.look()

    async def estate_becomes(self, *instances: object) -> None:
        self.facts.now = self.house.world(instances).estate  # type: ignore[arg-type]
        self.facts.change(Subject.RESOURCE)
        await self.watch.look()


async def test_a_session_that_ended_has_its_connections_ended() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    watched.facts.change(Subject.SESSION, "session-ada")
    await watched.watch.look()
    assert one.told[0] is Reason.SESSION_ENDED
    assert one.principal.ended


async def test_whoever_waits_for_a_change_to_hold_does_not_wait_until_all_sockets_are_judged() -> None:
    watched = Watched()
    await watched.opened(Role.OWNER)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        if watched.facts.asked[-1].startswith("person"):
            asked.set()
            await answer.wait()

    watched.facts.pause = slowly
    judging = asyncio.create_task(watched.becomes(Role.NONE))
    await asked.wait()
    watched.facts.change(Subject.SESSION, "session-ada")
    await watched.watch.heed(2)
    assert (watched.watch.version, judging.done()) == (2, False)
    answer.set()
    await judging


@pytest.mark.parametrize(
    ("surface", "before", "after", "reason"),
    [
        (Surface.SOCKET, Role.MEMBER, Role.MEMBER, None),
        (Surface.SOCKET, Role.MEMBER, Role.VIEWER, Reason.RIGHTS_CHANGED),
        (Surface.SOCKET, Role.MEMBER, Role.NONE, Reason.NO_ACCESS),
        (Surface.COMMS, Role.OWNER, Role.MEMBER, None),
        (Surface.COMMS, Role.OWNER, Role.VIEWER, Reason.RIGHTS_CHANGED),
        (Surface.COMMS, Role.VIEWER, Role.OWNER, Reason.RIGHTS_CHANGED),
        (Surface.COMMS, Role.VIEWER, Role.DASHBOARD, Reason.ROLE_TOO_LOW),
    ],
)
async def test_a_changed_role_ends_what_was_opened_with_another(
    surface: Surface, before: Role, after: Role, reason: Reason | None
) -> None:
    watched = Watched()
    one = await watched.opened(before, surface)
    await watched.becomes(after)
    assert one.told == ([reason] if reason else [])


async def test_protection_reaches_an_open_editor_and_leaves_dashboards_alone() -> None:
    watched = Watched()
    editor, dashboard = await watched.opened(Role.OWNER, Surface.COMMS), await watched.opened(Role.OWNER)
    await watched.estate_becomes(instance("line-3", LINE_3, protected=True))
    assert (editor.told, dashboard.told) == ([Reason.RIGHTS_CHANGED], [])


async def test_an_upstream_that_changes_ends_what_goes_to_the_old_one() -> None:
    watched = Watched()
    editor, dashboard = await watched.opened(Role.OWNER, Surface.COMMS), await watched.opened(Role.OWNER)
    line_3 = instance("line-3", LINE_3)
    assert line_3.instance is not None
    await watched.estate_becomes(replace(line_3, instance=replace(line_3.instance, upstream="http://10.1.2.3:1880")))
    assert (editor.told, dashboard.told) == ([Reason.UPSTREAM_CHANGED],) * 2


async def test_an_instance_that_is_gone_has_no_open_connection() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    await watched.estate_becomes()
    assert one.told == [Reason.NOT_FOUND]


async def test_when_too_much_changed_everything_is_looked_at_again() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    watched.facts.now = watched.house.gate.world.estate
    watched.facts.change(Subject.EVERYTHING)
    await watched.watch.look()
    assert Reason.SESSION_ENDED in one.told


async def test_an_estate_that_could_not_be_read_is_read_the_next_time() -> None:
    """What has not been applied has not been seen."""
    watched = Watched()
    one = await watched.opened(Role.OWNER, Surface.COMMS)
    watched.facts.estate_fails = True
    await watched.estate_becomes(instance("line-3", LINE_3, protected=True))
    assert watched.watch.failing
    assert not one.told
    watched.facts.estate_fails = False
    await watched.watch.look()
    assert one.told == [Reason.RIGHTS_CHANGED]
    assert not watched.watch.failing


async def test_trouble_ends_nothing_and_is_asked_again() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    watched.house.gate.forget_person("u-ada")
    watched.watch._pending.add(one)
    watched.facts.failing = StoreUnavailable("gone")
    for _ in range(2):
        await watched.watch.look()
    assert (one.told, watched.watch.failing) == ([], True)
    watched.facts.failing = None
    watched.facts.people["u-ada"] = person("ada", Role.NONE)
    await watched.watch.look()
    assert one.told == [Reason.NO_ACCESS]


async def test_open_connections_end_when_their_session_runs_out() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    watched.house.steady += 3599
    await watched.watch.look()
    assert not one.told
    watched.house.steady += 1
    await watched.watch.look()
    assert one.told == [Reason.SESSION_ENDED]


async def test_an_instances_own_idle_time_ends_sessions_and_not_visitors_without_one() -> None:
    watched = Watched(instance("line-3", LINE_3, session_idle=60.0, http_auth=HttpAuth.NONE))
    ada, anybody = await watched.opened(Role.OWNER), await watched.opened(None)
    watched.house.steady += 61
    await watched.watch.look()
    assert (ada.told, anybody.told) == ([Reason.SESSION_ENDED], [])


async def test_activity_is_written_down_and_trouble_with_it_ends_nothing() -> None:
    watched = Watched()
    cookie = watched.house.login(person("ada", Role.OWNER))
    request = head("/dashboard", cookie=cookie)
    await watched.house.passed(watched.house.caller(), request)
    await watched.watch.write_seen()
    assert watched.facts.seen == {"session-ada": pytest.approx(watched.house.wall)}
    watched.house.steady += 20
    await watched.house.passed(watched.house.caller(), request)
    watched.facts.failing = StoreUnavailable("gone")
    await watched.watch.write_seen()
    await watched.watch._clean()
    assert not watched.facts.swept.is_set()


async def test_it_looks_when_woken_and_writes_and_sweeps_now_and_then() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    running = asyncio.create_task(watched.watch.run())
    try:
        watched.facts.change(Subject.SESSION, "session-ada")
        watched.watch.wake()
        async with asyncio.timeout(DEADLINE):
            await one.over.wait()
        watched.house.steady += 301
        async with asyncio.timeout(DEADLINE):
            await watched.facts.swept.wait()
    finally:
        running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_connection_whose_facts_never_come_is_ended() -> None:
    """A person who changes again and again while the gateway looks is no reason to leave a socket open."""
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    gate = watched.house.gate

    async def changes_again() -> None:
        asyncio.get_running_loop().call_soon(gate.forget_person, "u-ada")

    watched.facts.pause = changes_again
    await watched.becomes(Role.OWNER)
    assert one.told == [Reason.FACTS_UNAVAILABLE]


async def test_a_change_that_concerns_thousands_of_connections_reaches_each() -> None:
    watched = Watched()
    first = await watched.opened(Role.OWNER)
    many = [Open(first.principal, first.surface, first.rights, first.place) for _ in range(1200)]
    for one in many:
        watched.live.add(one)
    await watched.becomes(Role.VIEWER)
    assert all(one.told == [Reason.RIGHTS_CHANGED] for one in (first, *many))


async def test_known_sessions_go_on_for_the_grace_without_a_store_and_no_longer() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    house, cookie = watched.house, watched.house.login(person("ada", Role.OWNER))
    caller = house.caller()
    await house.passed(caller, head("/dashboard", cookie=cookie))
    watched.facts.failing = StoreUnavailable("gone")
    house.steady += GRACE
    await watched.watch.look()
    assert one.told == []
    house.steady += 1.0
    await watched.watch.look()
    refused = await house.refused(caller, head("/dashboard", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.FACTS_UNAVAILABLE, 503)
    assert one.told == [Reason.FACTS_UNAVAILABLE]
    watched.facts.failing = None
    await watched.watch.look()
    await house.passed(caller, head("/dashboard", cookie=cookie))


async def test_without_what_knows_sessions_they_go_on_for_the_grace_and_tokens_for_ever() -> None:
    """Tokens and people are in the database, which answers."""
    watched = Watched()
    one, by_token = await watched.opened(Role.OWNER), await watched.opened_by_token()
    house, cookie = watched.house, watched.house.login(person("ada", Role.OWNER))
    await watched.watch.feel()
    watched.facts.shared_fails = StoreUnavailable("gone")
    house.steady += GRACE
    await watched.watch.feel()
    await watched.watch.look()
    await house.passed(house.caller(), head("/dashboard", cookie=cookie))
    house.steady += 1.0
    await watched.watch.look()
    refused = await house.refused(house.caller(), head("/dashboard", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.FACTS_UNAVAILABLE, 503)
    assert (one.told, by_token.told) == ([Reason.FACTS_UNAVAILABLE], [])
    await house.passed(house.caller(), head("/api", house.give(PLC)))
    watched.facts.shared_fails = None
    await watched.watch.feel()
    await watched.watch.look()
    await house.passed(house.caller(), head("/dashboard", cookie=cookie))


async def test_sessions_that_were_lost_end_with_what_is_open_under_them() -> None:
    """Nobody could end them any more: who forgot them cannot say whose they were."""
    watched = Watched()
    one, by_token = await watched.opened(Role.OWNER), await watched.opened_by_token()
    await watched.watch.feel()
    await watched.watch.feel()
    assert one.told == []
    watched.facts.kept.clear()
    watched.facts.sessions.clear()
    await watched.watch.feel()
    assert (one.told, by_token.told) == ([Reason.SESSION_ENDED], [])
    cookie = "__Host-flowward=ada@line-3.example"
    refused = await watched.house.refused(watched.house.caller(), head("/dashboard", cookie=cookie))
    assert refused.status == 401


async def test_a_proof_ends_nothing_and_is_known_from_then_on() -> None:
    watched = Watched()
    one = await watched.opened(Role.OWNER)
    house = watched.house
    cookie = house.login(person("ada", Role.OWNER), proved=house.wall + 5.0)
    watched.facts.change(Subject.PROOF, "session-ada")
    await watched.watch.look()
    assert one.told == []
    passed = await house.passed(house.caller(), head("/dashboard", cookie=cookie))
    assert passed.principal is one.principal
    assert passed.principal.session is not None
    assert passed.principal.session.proved == house.wall + 5.0


async def test_a_proof_of_a_session_that_nobody_uses_here_is_no_news() -> None:
    watched = Watched()
    watched.facts.change(Subject.PROOF, "session-of-somebody")
    await watched.watch.look()
    assert watched.watch.version == 1


async def test_a_revoked_token_has_its_connections_ended_and_a_changed_one_keeps_them() -> None:
    watched = Watched()
    one = await watched.opened_by_token()
    watched.house.give(replace(PLC, name="another"))
    watched.facts.change(Subject.TOKEN, "t-plc")
    await watched.watch.look()
    assert one.told == []
    watched.facts.tokens.clear()
    watched.facts.change(Subject.TOKEN, "t-plc")
    await watched.watch.look()
    assert one.told == [Reason.CREDENTIALS_WRONG]


async def test_an_expired_token_has_its_connections_ended() -> None:
    watched = Watched()
    watched.house.facts.tokens.clear()
    one = await watched.opened_by_token()
    one.principal.expires = watched.house.steady
    await watched.watch.look()
    assert one.told == [Reason.SESSION_ENDED]


async def test_when_tokens_were_used_is_written_with_what_sessions_saw() -> None:
    watched = Watched()
    await watched.opened_by_token()
    await watched.watch.write_seen()
    assert watched.facts.used == {"t-plc": watched.house.wall}


ENTRY = Resource(
    id="r-page",
    kind=ResourceKind.PAGE,
    slug="page",
    parent="r-line-3",
    attributes={"match": "/page1", "endpoints": ["/api/*"]},
)
LINE = instance("line-3", LINE_3)


@pytest.mark.parametrize(
    "after",
    [(LINE, replace(ENTRY, owner="s-customer")), (LINE, replace(ENTRY, attributes={"match": "/page2"})), (LINE,)],
    ids=["handed to somebody else", "of something else", "not shared by itself any more"],
)
async def test_g_01_a_socket_ends_when_its_dashboard_shows_something_else(after: tuple[Resource, ...]) -> None:
    """G-01, 3.5: it comes back at once, and gets what is left."""
    watched = Watched(LINE, ENTRY)
    one = await watched.opened(Role.DASHBOARD)
    await watched.estate_becomes(*after)
    assert one.told == [Reason.RIGHTS_CHANGED]


async def test_g_01_a_socket_that_nobody_reads_ends_when_it_has_to_be_read() -> None:
    """G-01: it was spliced before there were pages."""
    watched = Watched(LINE)
    one = await watched.opened(Role.DASHBOARD)
    await watched.estate_becomes(LINE, ENTRY)
    assert one.told == [Reason.RIGHTS_CHANGED]


async def test_a_page_that_is_renamed_ends_nothing() -> None:
    watched = Watched(LINE, ENTRY)
    one = await watched.opened(Role.DASHBOARD)
    await watched.estate_becomes(LINE, replace(ENTRY, name="Overview"))
    assert one.told == []


async def test_g_02_what_goes_on_at_an_endpoint_ends_when_pages_that_are_theirs_change() -> None:
    """G-02: of an open stream nobody knows any more which page it was on."""
    watched = Watched(LINE, ENTRY)
    one = await watched.opened(Role.DASHBOARD, Surface.ENDPOINT)
    await watched.estate_becomes(LINE, replace(ENTRY, owner="s-customer"))
    assert one.told == [Reason.NO_ACCESS]
