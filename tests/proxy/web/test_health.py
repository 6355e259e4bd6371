"""What the operations listener tells: alive, ready, and how much of what happened."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from proxy.app import Running
from proxy.store.sql import FILE
from tests.peers.answers import by_path, echo, plain
from tests.peers.gateway import Site, visitor
from tests.peers.ports import free_port
from tests.peers.talk import dial, request
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import HOST, UPGRADE, declare, line, metrics, readiness, site, until, value

NAME = "acme/plant/line-3"
ANSWERS = by_path(
    {"/dashboard/": plain(b"hello"), "/dashboard/socket.io/": echo(), "/dashboard/ill": plain(b"ill", status=500)}
)


@asynccontextmanager
async def one(folder: Path) -> AsyncIterator[tuple[Site, Running, Upstream]]:
    async with upstream(ANSWERS) as instance:
        made = site(folder, instance.url)
        async with made.running() as running:
            yield made, running, instance


async def test_it_is_alive_and_ready(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, _, _), ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{made.operations}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        assert await readiness(made) == (200, [])


async def test_the_operations_pages_are_on_their_own_listener_alone(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, _, _), visitor(made, "ada") as ada:
        for path in ("/metrics", "/readyz", "/healthz"):
            for origin in (made.home, made.origin(HOST)):
                answer = await ada.request("GET", origin + path)
                assert answer.status in (401, 404)
                assert b"flowward_" not in await answer.read()


async def test_every_family_is_there_and_explained(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, _, _), ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{made.operations}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    assert {name: family.type for name, family in families.items()} == {
        "flowward_requests": "counter",
        "flowward_request_duration_seconds": "histogram",
        "flowward_refusals": "counter",
        "flowward_upstream_failures": "counter",
        "flowward_upstream_up": "gauge",
        "flowward_open_sockets": "gauge",
        "flowward_client_connections": "gauge",
        "flowward_reloads": "counter",
        "flowward_access_log_dropped": "counter",
        "flowward_audit_exported": "counter",
        "flowward_audit_export_lag_seconds": "gauge",
    }
    assert all(family.documentation for family in families.values())


async def test_counters_tell_what_happened(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, _, _), visitor(made, "dora", HOST) as dora, visitor(made) as nobody:
        base = made.origin(HOST)
        before = await metrics(made)
        for _ in range(3):
            assert (await dora.request("GET", f"{base}/dashboard/")).status == 200
        assert (await dora.request("GET", f"{base}/dashboard/ill")).status == 500
        assert (await nobody.request("GET", f"{base}/dashboard/")).status == 401
        assert (await dora.request("GET", f"{base}/admin/flows")).status == 403
        assert (await nobody.request("GET", made.origin("other.localhost"))).status == 404
        fields = (*UPGRADE, ("Origin", base), ("Cookie", dora.cookie(HOST)))
        async with dial(made.port) as opened:
            target = "/dashboard/socket.io/?EIO=4&transport=websocket"
            await opened.send(request("GET", target, *fields, host=f"{HOST}:{made.port}"))
            assert (await opened.response()).status == 101
            while_open = await metrics(made)
        after = await metrics(made)

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    dashboard = {"instance": NAME, "surface": "dashboard"}
    assert grown("flowward_requests_total", **dashboard, outcome="2xx") == 3
    assert grown("flowward_requests_total", **dashboard, outcome="5xx") == 1
    assert grown("flowward_request_duration_seconds_count", **dashboard) >= 4
    assert grown("flowward_refusals_total", instance=NAME, reason="login_required") == 1
    assert grown("flowward_refusals_total", instance=NAME, reason="role_too_low") == 1
    assert grown("flowward_refusals_total", instance="", reason="unknown_host") == 1
    assert value(while_open, "flowward_open_sockets", instance=NAME) == 1
    assert value(after, "flowward_upstream_up", instance=NAME) == 1


async def test_an_instance_that_cannot_be_reached_is_down_until_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    made = site(tmp_path, f"http://127.0.0.1:{port}")
    async with made.running(), visitor(made, "dora", HOST) as dora:
        assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 502
        down = await metrics(made)
        assert value(down, "flowward_upstream_up", instance=NAME) == 0
        assert value(down, "flowward_upstream_failures_total", instance=NAME, reason="upstream_unreachable") >= 1
        async with upstream(ANSWERS, port=port):
            assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 200
            assert value(await metrics(made), "flowward_upstream_up", instance=NAME) == 1


async def test_labels_are_bounded_by_the_estate_whatever_clients_send(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, running, instance), visitor(made, "dora", HOST) as dora:
        for number in range(50):
            await dora.request("GET", f"{made.origin(HOST)}/dashboard/{number}?{number}")
            await dora.request("GET", made.origin(f"h{number}.localhost"))
            await dora.request(f"M{number}", f"{made.origin(HOST)}/x{number}")
        samples = await metrics(made)
        assert {dict(labels).get("instance", "") for _, labels in samples} == {"", NAME}
        assert len(samples) < 300
        declare(made, line("line-4", instance.url))
        made.write()
        running.reloader.ask()

        async def forgotten() -> bool:
            return NAME not in str(await metrics(made))

        await until(forgotten)


async def test_while_the_store_is_away_it_is_not_ready_and_lets_nobody_unknown_in(tmp_path: Path) -> None:
    """Whoever is known goes on; a session not seen before gets 503; both as before once the store is back."""
    async with one(tmp_path) as (made, _, _), visitor(made, "dora", HOST) as dora, visitor(made, "vic", HOST) as vic:
        address = f"{made.origin(HOST)}/dashboard/"
        assert (await dora.request("GET", address)).status == 200
        vic.cookies[HOST]["flowward"] = "x" * 43
        with closing(sqlite3.connect(tmp_path / "var" / FILE)) as database:
            for table in ("change", "session_cookie"):
                database.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
            database.commit()

            async def not_ready() -> bool:
                return await readiness(made) == (503, ["the store cannot be read"])

            await until(not_ready)
            assert (await dora.request("GET", address)).status == 200
            assert (await vic.request("GET", address)).status == 503
            for table in ("change", "session_cookie"):
                database.execute(f"ALTER TABLE {table}_away RENAME TO {table}")
            database.commit()

        async def ready() -> bool:
            return await readiness(made) == (200, [])

        await until(ready)
        assert (await vic.request("GET", address)).status == 401
