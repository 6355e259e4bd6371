"""The audit log of a running gateway: passed on, counted and forgotten as the configuration says."""

import asyncio
import signal
import time
from pathlib import Path

import orjson

from proxy.model.audit import AuditQuery, Event
from proxy.services.audit_chain import verify_log
from proxy.services.audit_export import TURN
from proxy.services.clock import Clock
from tests.auth_plugins.token_forgeries import FORGERIES
from tests.peers.answers import plain
from tests.peers.changes import DEADLINE
from tests.peers.gateway import Site, visitor
from tests.peers.issuer import CLIENT, Issuer, running
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, metrics, site, until, value
from tests.proxy.services.test_audit_syslog import Siem, siem
from tests.proxy.services.test_audit_webhook import Endpoint, endpoint

JUDGED_BY_NOBODY = {"token_issuer", "token_malformed", "token_too_long"}
"""Of tokens that are not said to be of the issuer, so that no plugin takes them for its own."""


def names(there: Endpoint) -> list[str]:
    return [orjson.loads(line)["event"] for body in there.bodies for line in body.splitlines()]


def ids(there: Endpoint) -> list[int]:
    return [orjson.loads(line)["id"] for body in there.bodies for line in body.splitlines()]


def auditing(made: Site, **audit: object) -> Site:
    made.settings["audit"] = audit
    return made


async def test_every_event_reaches_both_sinks_and_the_metrics_say_so(tmp_path: Path) -> None:
    async with upstream(plain(b"hello")) as instance, endpoint(Endpoint()) as hook, siem(Siem()) as server:
        (tmp_path / "secret").write_text("shared")
        made = auditing(
            site(tmp_path, instance.url),
            webhook={"url": hook.url, "secret": {"file": "secret"}},
            syslog={"address": f"tcp://127.0.0.1:{server.port}"},
        )
        async with made.running(), visitor(made, "olga", HOST):

            async def all_there() -> bool:
                logged_in = any(b'event="account.login"' in each for each in server.messages)
                return logged_in and "account.login" in names(hook)

            await until(all_there)
            assert ids(hook) == list(range(1, len(ids(hook)) + 1))
            assert len(server.messages) == len(ids(hook))
            assert hook.headers[0]["X-Flowward-Signature"].startswith("sha256=")

            async def counted() -> bool:
                samples = await metrics(made)
                sent = [value(samples, "flowward_audit_exported_total", sink=sink) for sink in ("webhook", "syslog")]
                return sent == [len(ids(hook))] * 2

            await until(counted)
            samples = await metrics(made)
            assert value(samples, "flowward_audit_export_lag_seconds", sink="webhook") == 0


async def test_nothing_is_lost_when_the_sink_goes_away_and_the_gateway_is_killed(tmp_path: Path) -> None:
    async with upstream(plain(b"hello")) as instance, endpoint(Endpoint(status=503)) as hook:
        made = auditing(site(tmp_path, instance.url), webhook={"url": hook.url, "batch": 3})
        async with made.process(stop=signal.SIGKILL), visitor(made, "olga", HOST) as olga:
            async with asyncio.timeout(DEADLINE):
                assert (await olga.navigate(f"{made.origin(HOST)}/dashboard/")).status == 200, "nobody waits for a sink"
        hook.bodies.clear()
        hook.status = 204
        async with made.running(later(TURN)) as running:  # the turn of the one that was killed is over

            async def all_there() -> bool:
                last = (await running.store.database.events(AuditQuery(limit=1))).items[0].id
                return bool(ids(hook)) and ids(hook)[-1] == last

            await until(all_there)
        assert sorted(set(ids(hook))) == list(range(1, ids(hook)[-1] + 1))
        assert "account.login" in names(hook)


async def test_refusals_counted_last_are_on_record_when_the_gateway_ends(tmp_path: Path) -> None:
    async with upstream(plain(b"hello")) as instance:
        made = site(tmp_path, instance.url)
        async with made.running(), visitor(made, "nora", HOST) as nora:
            for _ in range(3):
                assert (await nora.navigate(f"{made.origin(HOST)}/dashboard/")).status == 404
        denied = [event for event in await kept(made, "http.denied") if event.error == "not_found"]
    assert [(event.scope_kind, event.body["instance"]) for event in denied] == [("instance", "acme/plant/line-3")]
    assert denied[0].body["count"] in (3, 4), "the login led there too"


async def test_the_reason_of_every_forged_token_is_on_record(tmp_path: Path) -> None:
    """The whole corpus through a gateway: none gets in."""
    async with upstream(plain(b"hello")) as instance, running(Issuer()) as issuer:
        made = site(tmp_path, instance.url)
        entry = {"name": "machines", "plugin": "bearer", "issuer": issuer.url, "audience": [CLIENT], "provision": True}
        made.settings["auth"] = [{"name": "local", "plugin": "local"}, entry]  # type: ignore[assignment]
        made.settings["limits"] = {"anonymous": "1000/s"}
        corpus = [forgery for name, forgery in FORGERIES.items() if name != "an access token"]
        forged = {token: code for code, forge in corpus if (token := forge(issuer)).isprintable()}
        async with made.running(Clock(wall=issuer.clock)), visitor(made) as nobody:
            for token in forged:
                sent = {"Authorization": f"Bearer {token}"}
                assert (await nobody.request("GET", f"{made.origin(HOST)}/api", headers=sent)).status in (401, 431)
        assert instance.requests == []
        events = await kept(made, "platform.credentials.refused")
    assert {each.body["provider"] for each in events} == {"machines"}
    codes, errors = set(forged.values()), {each.error for each in events}
    assert codes - JUDGED_BY_NOBODY <= errors <= codes


async def test_old_events_are_forgotten_at_the_start(tmp_path: Path) -> None:
    async with upstream(plain(b"hello")) as instance:
        made = auditing(site(tmp_path, instance.url), retention="1d")
        async with made.running(), visitor(made, "olga", HOST):
            pass
        async with made.running(later(2 * 86400)) as running:

            async def forgotten() -> bool:
                found = await running.store.database.events(AuditQuery())
                return [each.event.event for each in found.items] == ["audit.pruned"]

            await until(forgotten)
            assert (await verify_log(running.store.database)).broken is None


def later(seconds: float) -> Clock:
    """A clock that is ahead by so much."""
    return Clock(wall=lambda: time.time() + seconds)


async def kept(made: Site, name: str) -> list[Event]:
    async with made.running() as running:
        found = await running.store.database.events(AuditQuery(events=(name,), limit=500))
        return [each.event for each in found.items]
