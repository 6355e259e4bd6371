"""A reload: whole or not at all, told, and felt by nobody who is connected."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import jwt
import pytest
import trustme
from click.testing import CliRunner
from structlog.testing import capture_logs

from proxy.app import Running
from proxy.cli.commands import flowward
from proxy.services.clock import Clock
from tests.peers.answers import by_path, echo, plain
from tests.peers.frames import TEXT
from tests.peers.gateway import Site, Visitor, visitor
from tests.peers.talk import Line, dial, request
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import (
    HOST,
    UPGRADE,
    certificate,
    declare,
    line,
    metrics,
    shown_certificate,
    site,
    until,
    value,
)

ANSWERS = by_path({"/dashboard/": plain(b"hello"), "/dashboard/socket.io/": echo()})


@asynccontextmanager
async def one(folder: Path, **server: object) -> AsyncIterator[tuple[Site, Running, Upstream]]:
    async with upstream(ANSWERS) as instance:
        made = site(folder, instance.url, **server)
        async with made.running() as running:
            yield made, running, instance


async def reloaded(running: Running, times: int = 1) -> None:
    """Wait for reloads that nobody asked for but the files' times."""

    async def enough() -> bool:
        return running.reloader.done >= times

    await until(enough)


async def refused(running: Running, times: int = 1) -> None:
    async def enough() -> bool:
        return running.reloader.refused >= times

    await until(enough)


@asynccontextmanager
async def socket(made: Site, dora: Visitor) -> AsyncIterator[Line]:
    """A websocket on which every message comes back."""
    fields = (*UPGRADE, ("Origin", made.origin(HOST)), ("Cookie", dora.cookie(HOST)))
    async with dial(made.port) as opened:
        target = "/dashboard/socket.io/?EIO=4&transport=websocket"
        await opened.send(request("GET", target, *fields, host=f"{HOST}:{made.port}"))
        assert (await opened.response()).status == 101
        yield opened


async def echoes(opened: Line, message: bytes) -> bool:
    await opened.say(TEXT, message)
    return (await opened.hear()).payload == message


async def test_a_changed_file_is_taken_over_under_open_connections(tmp_path: Path) -> None:
    """An instance comes; a websocket and a kept-alive connection to another one stay as they are."""
    async with one(tmp_path) as (made, running, instance), visitor(made, "dora", HOST) as dora:
        asking = request("GET", "/dashboard/", ("Cookie", dora.cookie(HOST)), host=f"{HOST}:{made.port}")
        async with socket(made, dora) as opened, dial(made.port) as kept:
            await kept.send(asking)
            assert (await kept.response()).status == 200
            declare(made, line("line-3", instance.url), line("line-4", instance.url))
            made.write()
            await reloaded(running)
            assert await echoes(opened, b"still here")
            await kept.send(asking)
            assert (await kept.response()).status == 200
            await until(lambda: _shows(dora, f"{made.origin('line-4.localhost')}/dashboard/"))


async def _shows(somebody: Visitor, address: str) -> bool:
    page = await somebody.navigate(address)
    return (page.status, await page.text()) == (200, "hello")


async def test_an_instance_that_is_gone_takes_its_sockets_with_it(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, running, instance), visitor(made, "dora", HOST) as dora:
        async with socket(made, dora) as opened:
            declare(made, line("line-4", instance.url))
            made.write()
            await reloaded(running)
            assert await opened.rest(seconds=1) != b""
        assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 404


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made.path.write_text("server: [\n"),
        lambda made: made.path.write_text(made.path.read_text() + "\nserve: {}\n"),
        lambda made: (made.folder / "estate.yaml").write_text("instances: [{slug: x}]\n"),
        lambda made: (made.folder / "estate.yaml").unlink(),
        lambda made: made.path.write_text(made.path.read_text() + "\nauth: [{name: corp, plugin: nonesuch}]\n"),
    ],
    ids=["no YAML", "unknown section", "incomplete estate", "estate gone", "no such plugin"],
)
async def test_a_bad_file_changes_nothing_and_is_told(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    async with one(tmp_path, connections=100) as (made, running, _), visitor(made, "dora", HOST) as dora:
        before = running.gateway.gate.world
        with capture_logs() as lines:
            spoil(made)
            await refused(running)
        told = next(entry for entry in lines if entry["event"] == "reload-refused")
        assert str(made.folder) in str(told["reason"]) or "nonesuch" in str(told["reason"])
        samples = await metrics(made)
        assert value(samples, "flowward_reloads_total", outcome="refused") >= 1
        assert value(samples, "flowward_reloads_total", outcome="done") == 0
        assert running.gateway.gate.world is before
        assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 200


async def test_a_good_file_beside_a_bad_one_is_not_taken_over_either(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, running, _):
        made.settings["server"]["timeouts"] = {"idle": "7s"}
        declare(made, {"slug": "line-3"})
        made.write()
        await refused(running)
        assert running.gateway.plane.timeouts.idle != 7.0
        declare(made, line("line-3", "http://127.0.0.1:9"))
        made.write()
        await reloaded(running)
        assert running.gateway.plane.timeouts.idle == running.gateway.lane.timeouts.idle == 7.0


async def test_renewed_certificates_are_shown_to_whoever_connects_from_then_on(
    tmp_path: Path, authority: trustme.CA, client_tls
) -> None:  # type: ignore[no-untyped-def]
    tls = {**certificate(authority, tmp_path, "localhost"), "hosts": {HOST: certificate(authority, tmp_path, HOST)}}
    made = site(tmp_path, "http://127.0.0.1:9", tls=tls)
    made.scheme = "https"
    async with made.running() as running, dial(made.port, tls=client_tls, name=HOST) as early:
        before = {}
        for name in ("localhost", HOST):
            async with dial(made.port, tls=client_tls, name=name) as opened:
                before[name] = shown_certificate(opened)
            certificate(authority, tmp_path, name)
        await reloaded(running)
        for name in ("localhost", HOST):
            async with dial(made.port, tls=client_tls, name=name) as opened:
                assert shown_certificate(opened).serial_number != before[name].serial_number
        await early.send(request("GET", "/dashboard/", host=f"{HOST}:{made.port}"))
        assert (await early.response()).status == 401


async def test_a_certificate_that_does_not_fit_its_key_is_refused_and_the_old_one_stays(
    tmp_path: Path, authority: trustme.CA, client_tls
) -> None:  # type: ignore[no-untyped-def]
    made = site(tmp_path, "http://127.0.0.1:9", tls=certificate(authority, tmp_path, "localhost"))
    made.scheme = "https"
    async with made.running() as running:
        with capture_logs() as lines:
            shutil.copyfile(
                str(certificate(authority, tmp_path / "other", "localhost")["key"]), tmp_path / "localhost.key"
            )
            await refused(running)
        assert "server.tls.certificate" in str(lines)
        async with dial(made.port, tls=client_tls, name="localhost") as opened:
            await opened.send(request("GET", "/-/jwks.json", host=f"localhost:{made.port}"))
            assert (await opened.response()).status == 200


async def test_limits_and_deadlines_hold_for_whoever_comes_after(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, running, _), dial(made.port) as early:
        made.settings["server"] |= {"connections_per_address": 1, "timeouts": {"head": "300ms"}, "drain": "1s"}
        made.write()
        await reloaded(running)
        async with dial(made.port) as late:
            assert (b"503" in await late.rest()) or late.reader.at_eof()
        await early.send(request("GET", "/-/jwks.json", host=f"localhost:{made.port}"))
        assert (await early.response()).status == 200


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"anonymous": "2/h"}, {"anonymous": "4/h"}, [200, 200, 429, 200]),
        ({"anonymous": "2/h"}, {"anonymous": "2/h", "login": "1/h"}, [200, 200, 429, 429]),
    ],
)
async def test_how_often_something_may_be_tried_changes_without_a_restart(
    tmp_path: Path, before: dict[str, object], after: dict[str, object], expected: list[int]
) -> None:
    """What did not change goes on counting."""
    async with upstream(ANSWERS) as instance:
        made = site(tmp_path, instance.url)
        made.settings["limits"] = before
        async with made.running() as running, visitor(made) as somebody:
            found = [(await somebody.request("GET", f"{made.home}/-/login")).status for _ in range(3)]
            made.settings["limits"] = after
            with capture_logs() as lines:
                made.write()
                await reloaded(running)
            found.append((await somebody.request("GET", f"{made.home}/-/login")).status)
            assert found == expected
            assert not [entry for entry in lines if entry["event"] == "restart-needed"]


async def test_other_limits_of_logins_and_of_an_instance_hold_at_once(tmp_path: Path) -> None:
    async with upstream(ANSWERS) as instance:
        made = site(tmp_path, instance.url)
        async with made.running() as running, visitor(made) as somebody, visitor(made, "max", HOST) as member:
            made.settings["limits"] = {"login": "1/h", "lockout": {"failures": 2}}
            declare(made, {**line("line-3", instance.url), "limits": {"per_principal": {"rate": "1/h"}}})
            made.write()
            await reloaded(running)
            await running.gateway.watch.look()
            asked = [(await member.request("GET", f"{made.origin(HOST)}/dashboard/")).status for _ in range(2)]
            assert asked == [200, 429]
            tried = [(await somebody.log_in("max", f"{made.home}/-/login", "wrong")).status for _ in range(2)]
            assert tried == [403, 429]


async def test_settings_that_only_a_restart_takes_over_are_named(tmp_path: Path) -> None:
    async with one(tmp_path) as (made, running, _):
        made.settings["server"] |= {"fast_lane": False, "connections": 50}
        made.settings["session"] = {"idle": "1h"}
        with capture_logs() as lines:
            made.write()
            await reloaded(running)
        assert {entry["setting"] for entry in lines if entry["event"] == "restart-needed"} == {
            "server.fast_lane",
            "session",
        }


async def test_a_hangup_reloads_at_once_whatever_the_files_times_say(tmp_path: Path) -> None:
    async with upstream(ANSWERS) as instance:
        made = site(tmp_path, instance.url)
        async with made.process() as process, visitor(made, "dora", HOST) as dora:
            stamp = (made.folder / "estate.yaml").stat()
            declare(made, line("line-4", instance.url))
            text = (made.folder / "estate.yaml").read_text().replace("line-3", "line-4")
            (made.folder / "estate.yaml").write_text(text)
            os.utime(made.folder / "estate.yaml", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            process.send_signal(signal.SIGHUP)

            await until(lambda: _shows(dora, f"{made.origin('line-4.localhost')}/dashboard/"))


@pytest.mark.parametrize("times", [5, pytest.param(100, marks=pytest.mark.soak)])
async def test_reloads_under_load_fail_no_request_and_drop_no_socket(tmp_path: Path, times: int) -> None:
    async with upstream(ANSWERS) as instance:
        made = site(tmp_path, instance.url)
        async with made.process() as process, visitor(made, "dora", HOST) as dora, socket(made, dora) as opened:
            asking = request("GET", "/dashboard/", ("Cookie", dora.cookie(HOST)), host=f"{HOST}:{made.port}")
            over = asyncio.Event()
            async with asyncio.TaskGroup() as load:
                asked = [load.create_task(_ask_until(over, made.port, asking)) for _ in range(4)]
                for turn in range(1, times + 1):
                    declare(made, line("line-3", instance.url), *[line("line-4", instance.url)] * (turn % 2))
                    made.write()
                    process.send_signal(signal.SIGHUP)
                    await until(lambda turn=turn: _done(made, turn))  # type: ignore[misc]
                    assert await echoes(opened, b"%d" % turn)
                over.set()
            assert all(task.result() > times for task in asked)


async def _ask_until(over: asyncio.Event, port: int, asking: bytes) -> int:
    """Ask on one connection again and again; how often it was answered."""
    count = 0
    async with dial(port) as kept:
        while not over.is_set():
            await kept.send(asking)
            assert (await kept.response()).status == 200
            count += 1
    return count


async def _done(made: Site, times: int) -> bool:
    return value(await metrics(made), "flowward_reloads_total", outcome="done") >= times


async def test_a_rotated_key_is_published_at_once_and_signs_ten_minutes_later(tmp_path: Path) -> None:
    ahead = [0.0]
    clock = Clock(lambda: time.time() + ahead[0], lambda: time.monotonic() + ahead[0])
    async with upstream(ANSWERS) as instance:
        made = site(tmp_path, instance.url)
        async with made.running(clock), visitor(made) as anyone:

            async def signed() -> str:
                """What the instance is told about somebody who comes now."""
                async with visitor(made, "dora", HOST) as dora:
                    assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 200
                assertion = instance.requests[-1].value(b"X-Flowward-Assertion")
                assert assertion is not None
                return assertion.decode()

            async def published() -> dict[str, jwt.PyJWK]:
                answer = await anyone.request("GET", f"{made.home}/-/jwks.json")
                return {key.key_id: key for key in jwt.PyJWKSet.from_dict(await answer.json()).keys if key.key_id}

            first = await signed()
            [old] = await published()
            command = ["keys", "rotate", "-c", str(made.path)]
            assert (await asyncio.to_thread(CliRunner().invoke, flowward, command)).exit_code == 0

            async def both() -> bool:
                return len(await published()) == 2

            await until(both)
            ahead[0] = 500
            assert jwt.get_unverified_header(await signed())["kid"] == old
            ahead[0] = 610
            last = await signed()
            keys = await published()
            assert jwt.get_unverified_header(last)["kid"] in set(keys) - {old}
            for token in (first, last):
                kid = jwt.get_unverified_header(token)["kid"]
                options = {"verify_exp": False, "verify_iat": False, "verify_aud": False, "verify_nbf": False}
                assert jwt.decode(token, keys[kid].key, algorithms=["ES256"], options=options)["username"] == "dora"
            ahead[0] = 1300
            assert old not in await published()
