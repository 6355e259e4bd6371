"""Starting and ending as a process: what an operator, a supervisor and a power cut do to it."""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from proxy.app import serve
from proxy.model.audit import Phase
from proxy.services.clock import Clock
from tests.peers.answers import by_path, echo, plain
from tests.peers.changes import DEADLINE
from tests.peers.frames import CLOSE
from tests.peers.gateway import NAVIGATION, PASSWORD, Site, Visitor, visitor
from tests.peers.state import open_store
from tests.peers.talk import Line, dial, request
from tests.peers.upstream import Answer, Exchange, upstream
from tests.proxy.app.house import HOST, UPGRADE, line, metrics, readiness, site, until, value

HELLO = by_path({"*": plain(b"hello")})


def held(go_on: asyncio.Event) -> Answer:
    """An instance that answers /dashboard/slow when it is told to."""

    async def slow(exchange: Exchange) -> None:
        await go_on.wait()
        await plain(b"at last")(exchange)

    return by_path({"/dashboard/slow": slow, "/dashboard/socket.io/": echo(), "*": plain(b"hello")})


def asking(made: Site, somebody: Visitor, path: str = "/dashboard/") -> bytes:
    return request("GET", path, ("Cookie", somebody.cookie(HOST)), host=f"{HOST}:{made.port}")


@asynccontextmanager
async def socket_of(made: Site, somebody: Visitor) -> AsyncIterator[Line]:
    fields = (*UPGRADE, ("Origin", made.origin(HOST)), ("Cookie", somebody.cookie(HOST)))
    async with dial(made.port) as opened:
        target = "/dashboard/socket.io/?EIO=4&transport=websocket"
        await opened.send(request("GET", target, *fields, host=f"{HOST}:{made.port}"))
        assert (await opened.response()).status == 101
        yield opened


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_on_sigterm_it_finishes_what_is_under_way_then_closes_sockets_and_ends(
    tmp_path: Path, fast_lane: bool
) -> None:
    go_on = asyncio.Event()
    async with upstream(held(go_on)) as instance:
        made = site(tmp_path, instance.url, fast_lane=fast_lane)
        async with made.process() as process, visitor(made, "dora", HOST) as dora:
            async with dial(made.port) as line, socket_of(made, dora) as opened:
                await line.send(asking(made, dora, "/dashboard/slow"))
                await instance.until(lambda: instance.requests[-1].target == b"/dashboard/slow")
                process.send_signal(signal.SIGTERM)

                async def draining() -> bool:
                    return await readiness(made) == (503, ["draining"])

                await until(draining)
                with pytest.raises(OSError, match="Errno 111"):
                    async with dial(made.port):
                        pass
                go_on.set()
                answer = await line.response()
                assert (answer.status, answer.body) == (200, b"at last")
                last = await opened.hear()
                assert (last.opcode, last.payload[:2]) == (CLOSE, (1012).to_bytes(2))
            async with asyncio.timeout(DEADLINE):
                assert await process.wait() == 0


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    async with upstream(held(asyncio.Event())) as instance:
        made = site(tmp_path, instance.url, drain="60s")
        async with made.process() as process, visitor(made, "dora", HOST) as dora, dial(made.port) as line:
            await line.send(asking(made, dora, "/dashboard/slow"))
            await instance.until(lambda: instance.requests[-1].target == b"/dashboard/slow")
            process.send_signal(signal.SIGTERM)
            await until(lambda: _draining(made))
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(DEADLINE):
                assert await process.wait() == 0
            assert b"at last" not in await line.rest()


async def _draining(made: Site) -> bool:
    return (await readiness(made))[0] == 503


async def test_what_does_not_finish_in_time_is_cut(tmp_path: Path) -> None:
    async with upstream(held(asyncio.Event())) as instance:
        made = site(tmp_path, instance.url, drain="300ms")
        async with made.process() as process, visitor(made, "dora", HOST) as dora, dial(made.port) as line:
            await line.send(asking(made, dora, "/dashboard/slow"))
            await instance.until(lambda: instance.requests[-1].target == b"/dashboard/slow")
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(15):
                assert await process.wait() == 0


async def test_a_gateway_that_would_no_longer_hear_what_ended_ends_itself(tmp_path: Path) -> None:
    """A defect may end the watch; then a supervisor starts it again, and until then nobody gets in."""
    made = site(tmp_path, "http://127.0.0.1:9")
    made.write()
    serving = asyncio.create_task(serve(made.path))

    async def ready() -> bool:
        with suppress(OSError):
            return await readiness(made) == (200, [])
        return False

    await until(ready)
    (watch,) = (task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "Watch.run")  # type: ignore[union-attr]
    watch.cancel()
    async with asyncio.timeout(DEADLINE):
        await serving


async def test_what_changes_while_it_starts_is_taken_over(tmp_path: Path) -> None:
    """The files are read first, and much is done before anybody looks at them again."""
    made, writing = site(tmp_path, "http://127.0.0.1:9"), []

    def wall() -> float:
        if not writing:
            made.estate["instances"] = [line("line-3", "http://127.0.0.1:9"), line("line-4", "http://127.0.0.1:9")]
            writing.append(asyncio.get_running_loop().run_in_executor(None, made.write))
        return time.time()

    async with made.running(Clock(wall)) as running:

        async def there() -> bool:
            estate = await running.store.database.estate()
            return {each.slug for each in estate.resources.values()} >= {"line-3", "line-4"}

        await until(there)
    await asyncio.gather(*writing)


@pytest.mark.parametrize("times", [2, pytest.param(200, marks=pytest.mark.soak)])
async def test_killed_under_load_it_is_back_in_three_seconds_and_everybody_is_still_logged_in(
    tmp_path: Path, times: int
) -> None:
    async with upstream(HELLO) as instance:
        made = site(tmp_path, instance.url)
        async with made.process(stop=signal.SIGKILL), visitor(made, "dora", HOST) as dora:
            cookie = dora.cookie(HOST)
        for _ in range(times):
            async with made.process(stop=signal.SIGKILL) as process, visitor(made) as other:
                assert cpu_seconds(process.pid) < 3  # of its own: a busy machine may make it wait
                asked = request("GET", "/dashboard/", ("Cookie", cookie), host=f"{HOST}:{made.port}")
                loads = [asyncio.create_task(_load(made.port, asked)) for _ in range(4)]
                page = await other.log_in("max", f"{made.origin(HOST)}/dashboard/")
                async with asyncio.timeout(DEADLINE):
                    while page.status == 503:  # a disk that others keep busy: the page asks to come again
                        page = await other.log_in("max", f"{made.origin(HOST)}/dashboard/")
                assert (page.status, await page.text()) == (200, "hello")
                cookie = other.cookie(HOST)
                process.kill()
                assert {status for task in loads for status in await task} <= {200}


def cpu_seconds(pid: int) -> float:
    """What a process has used so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


async def _load(port: int, asked: bytes) -> list[int]:
    """Ask until the other side is gone; what it answered until then."""
    seen: list[int] = []
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        async with dial(port) as line:
            while True:
                await line.send(asked)
                seen.append((await line.response()).status)
    return seen


def started(made: Site) -> "subprocess.CompletedProcess[str]":
    """`flowward serve` to its end."""
    command = [sys.executable, "-m", "proxy.cli", "serve", "-c", str(made.path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.parametrize("same", [True, False], ids=["on the same port", "on another port"])
async def test_a_second_gateway_on_a_state_that_is_not_shared_is_refused_and_leaves_what_is_under_way_alone(
    tmp_path: Path, same: bool
) -> None:
    go_on = asyncio.Event()

    async def deploy(exchange: Exchange) -> None:
        await exchange.body()
        if exchange.request.method == b"POST":
            await go_on.wait()
        await plain(b'{"rev": "r2"}', (b"Content-Type", b"application/json"))(exchange)

    async with upstream(by_path({"/admin/flows": deploy, "*": plain(b"hello")})) as instance:
        made, second = site(tmp_path / "one", instance.url), site(tmp_path / "two", instance.url)
        second.settings["state"] = {"directory": str(made.folder / "var")}
        second.write()
        async with made.process(), visitor(made, "max", HOST) as max_, dial(made.port) as opened:
            fields = (("Cookie", max_.cookie(HOST)), ("Content-Type", "application/json"))
            await opened.send(request("POST", "/admin/flows", *fields, body=b"[]", host=f"{HOST}:{made.port}"))
            await instance.until(lambda: any(each.method == b"POST" for each in instance.requests))
            refused = await asyncio.to_thread(started, made if same else second)
            go_on.set()
            assert (await opened.response(to=b"POST")).status == 200
        assert refused.returncode == 1
        assert refused.stderr.strip() == (
            f"flowward: state.directory: {made.folder / 'var'} is in use by another gateway or by flowward state copy, and "
            "state.shared is embedded, so each of two would count limits by itself. Stop the other one first, or set "
            "state.shared of both to a Redis, for example redis://127.0.0.1:6379/0."
        )
        async with open_store(made.folder / "var") as store:
            events = [each.event for each in await store.database.events_after(0, 1_000)]
        assert [event.error for event in events if event.phase is Phase.OUTCOME] == [""]


@pytest.mark.parametrize("setting", ["listen", "operations", "redirect_http"])
def test_an_address_that_is_taken_ends_the_start_with_its_setting_and_what_to_do(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        made = site(tmp_path, "http://127.0.0.1:9", trusted_proxies=["10.0.0.0/8"])
        made.scheme = "https"
        made.settings["server"][setting] = at if setting == "operations" else [at]
        made.write()
        ended = started(made)
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        f"flowward: server.{setting}: nothing can listen on {at}: Address already in use. "
        "Stop what uses it, or choose another address."
    )


def test_a_wrong_configuration_ends_the_start_with_every_problem_at_once(tmp_path: Path) -> None:
    made = site(tmp_path, "ftp://127.0.0.1:9", lisen=["127.0.0.1:1"], drain="soon")
    made.settings["sessoin"] = {}
    made.write()
    ended = started(made)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for key in ("server.lisen", "server.drain", "sessoin", "instances[0].upstream"):
        assert f": {key}: " in ended.stderr
    assert len(ended.stderr.splitlines()) == 4


def test_a_certificate_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "gate.pem").write_text("no certificate")
    files = {"certificate": "gate.pem", "key": "gate.pem"}
    made = site(tmp_path, "http://127.0.0.1:9", tls={**files, "hosts": {HOST: files}})
    made.scheme = "https"
    made.write()
    ended = started(made)
    assert ended.returncode == 2
    assert "server.tls.certificate: and its key cannot be used" in ended.stderr
    assert f"server.tls.hosts.{HOST}.certificate: and its key" in ended.stderr


async def test_as_many_files_may_be_open_as_the_system_allows(tmp_path: Path) -> None:
    made = site(tmp_path, "http://127.0.0.1:9")
    limited = ("sh", "-c", 'ulimit -Sn 256 && exec "$@"', "sh")
    async with made.process(before=limited) as process:
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard > 256


async def test_a_pipe_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    """Lines are lost, and counted; requests are answered, and the end comes in time."""
    async with upstream(HELLO) as instance:
        made = site(tmp_path, instance.url)
        made.settings["log"] = {"level": "debug", "access": True}
        reading, writing = os.pipe()
        try:
            async with made.process(stdout=writing) as process, visitor(made, "dora", HOST) as dora:
                path = "/dashboard/" + "x" * 7000
                async with dial(made.port) as line:

                    async def lost() -> bool:
                        for _ in range(50):
                            await line.send(asking(made, dora, path))
                            assert (await line.response()).status == 200
                        process.send_signal(signal.SIGHUP)  # each is an event as well
                        return value(await metrics(made), "flowward_access_log_dropped_total") > 0

                    await until(lost, seconds=60)
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(DEADLINE):
                    assert await process.wait() == 0
        finally:
            os.close(reading)
            os.close(writing)


async def test_the_log_is_json_and_holds_no_secret_of_a_whole_visit(tmp_path: Path) -> None:
    """Login refused, login, a page, an endpoint with a bad token, a socket, logout: no password, cookie or assertion."""
    async with upstream(held(asyncio.Event())) as instance:
        made = site(tmp_path, instance.url)
        made.settings["log"] = {"level": "debug", "access": True}
        pipe = asyncio.subprocess.PIPE
        async with made.process(stdout=pipe, stderr=pipe) as process, visitor(made) as dora:
            told = asyncio.create_task(process.communicate())
            address = f"{made.origin(HOST)}/dashboard/?canary=in-the-query"
            wrong = "canary-wrong-password"
            assert (await dora.log_in("dora", address, wrong)).status != 303
            assert (await dora.log_in("dora", address)).status == 200
            assertion = instance.requests[-1].value(b"X-Flowward-Assertion")
            async with socket_of(made, dora):
                pass
            refused = {"Authorization": "Bearer canary-token", "X-Canary": "canary-field"}
            await dora.request("GET", f"{made.origin(HOST)}/api/x", headers=refused)
            cookies = {text for held in dora.cookies.values() for text in held.values() if text}
            assert (await _log_out(dora)).status in (200, 303)
            process.send_signal(signal.SIGTERM)
            output, errors = await told
    assert assertion is not None
    lines = [json.loads(line) for line in output.decode().splitlines()]
    assert {line.get("path") for line in lines} >= {"/dashboard/"}
    assert {line["event"] for line in lines if "event" in line} >= {"serving", "draining"}
    secrets = {PASSWORD, wrong, "canary", *cookies, assertion.decode(), assertion.decode().rpartition(".")[2]}
    written = (output + errors).decode()
    assert [secret for secret in secrets if secret in written] == []


async def _log_out(somebody: Visitor):  # type: ignore[no-untyped-def]
    page = await somebody.navigate(f"{somebody.site.home}/-/logout")
    fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', await page.text()))
    headers = {**NAVIGATION, "Origin": somebody.site.home, "Content-Type": "application/x-www-form-urlencoded"}
    data = "&".join(f"{name}={text}" for name, text in fields.items())
    return await somebody.request("POST", f"{somebody.site.home}/-/logout", headers=headers, data=data)
