"""What a large state costs: starting, lists through the API, one proxied request, one change.

python -m benchmarks.scale --help
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import asyncpg
from argon2 import PasswordHasher

from benchmarks.browsers import browse
from benchmarks.clients import Answers, Plan
from benchmarks.crowd import Crowd, fill, username
from benchmarks.gateway import PASSWORD, Gateway, serving
from benchmarks.harness import Failed, Missing, raise_open_files, stay_on_load_core, stop_on_signals
from benchmarks.load import SMALL, head
from benchmarks.subject import Upstreams, upstreams
from benchmarks.visitor import Visitor
from proxy.store.sql import open_postgresql, open_store
from tests.peers.postgresql import postgresql, programs

START_LIMIT, LIST_LIMIT, GROWTH_LIMIT, CHANGE_LIMIT = 5.0, 50.0, 1.15, 1.0
"""Seconds, milliseconds, times, seconds."""
CONNECTIONS = 64
PAGE = 50
"""Items of a page, as long as nobody asks for another number."""
WHO: Final = {"admin": 0, "owner": 1, "member": 2}
"""Number of the user; see `Crowd`."""
LISTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "instances": ("/instances", {}),
    "dashboards": ("/dashboards", {}),
    "search, one of a thousand": ("/search", {"q": "line-77"}),
    "search, all": ("/search", {"q": "line"}),
    "counts": ("/counts", {}),
    "spaces": ("/spaces", {}),
    "directory": ("/directory", {}),
    "members of a team": ("/spaces/s0/members", {}),
    "members, by a word": ("/spaces/s0/members", {"query": "number 77"}),
    "log of an instance": ("/audit", {"scope": "instance", "id": "i1"}),
}
PLATFORM: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "users": ("/users", {}),
    "users, by a word few have": ("/users", {"query": "person7777"}),
    "users, by a word all have": ("/users", {"query": "number"}),
    "log of a team": ("/audit", {"scope": "space", "id": "s0"}),
    "log of the platform": ("/audit", {}),
    "log, by a word": ("/audit", {"query": "user-012345"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An answer of the API."""

    status: int
    content: dict[str, object]
    seconds: float


class Caller:
    """One user at the API, over one connection."""

    def __init__(self, gateway: Gateway, number: int) -> None:
        self._host = f"localhost:{gateway.port}"
        seen = Visitor(gateway.port)
        seen.log_in(f"http://{self._host}/", username(number), PASSWORD)
        field, _, value = seen.cookie(self._host).partition(": ")
        self._fields = {"Host": self._host, field: value}
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)

    def ask(self, path: str, query: Mapping[str, str]) -> Asked:
        return self._send("GET", path + (f"?{urlencode(query)}" if query else ""), {}, None)

    def put(self, path: str, content: object) -> Asked:
        fields = {
            "X-Flowward-CSRF": str(self.ask("/me", {}).content["csrf"]),
            "Content-Type": "application/json",
            "Origin": f"http://{self._host}",
            "If-Match": "*",
        }
        return self._send("PUT", path, fields, json.dumps(content))

    def _send(self, method: str, path: str, fields: Mapping[str, str], body: str | None) -> Asked:
        begun = time.perf_counter()
        self._connection.request(method, f"/-/api/v1{path}", body, {**self._fields, **fields})
        answer = self._connection.getresponse()
        text = answer.read()
        seconds = time.perf_counter() - begun
        if answer.status >= 400:
            raise Failed(f"{method} {path} was answered {answer.status}: {text[:500]!r}")
        return Asked(status=answer.status, content=json.loads(text), seconds=seconds)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="of requests to instances, per gateway and round")
    return parser.parse_args()


@contextmanager
def database(kind: str) -> Iterator[str]:
    """What state.database says: the word for SQLite, or the address of a PostgreSQL of our own."""
    if kind == "sqlite":
        yield kind
        return
    found = programs()
    if found is None:
        raise Missing("postgresql: initdb is not there; install postgresql")
    with postgresql(found) as server:
        yield server.url(asyncio.run(server.new_database()))


async def _fill(folder: Path, where: str, crowd: Crowd) -> None:
    if where == "sqlite":
        async with open_store(folder / "var") as store:
            await fill(store.database, crowd)
        return
    async with open_postgresql(where) as store:
        await fill(store.database, crowd)
    connection = await asyncpg.connect(where)
    try:
        await connection.execute("VACUUM ANALYZE")  # as autovacuum would have done by the next minute
    finally:
        await connection.close()


def lists(gateway: Gateway, rounds: int) -> None:
    """Milliseconds of the first page and of one in the middle, for each of three people; and the CPU of both."""
    callers = {name: Caller(gateway, number) for name, number in WHO.items()}
    print(f"  {'list':28} {'as':7} {'total':>8} {'first':>8} {'middle':>8} {'CPU':>8}  ms")
    for name, (path, query) in {**LISTS, **PLATFORM}.items():
        for who in ("admin",) if name in PLATFORM else WHO:
            _list(gateway, callers[who], f"{name:28} {who:7}", path, query, rounds)
    print(f"  memory after the lists: {gateway.running.memory() / 1024:.0f} MiB", flush=True)


def _list(gateway: Gateway, caller: Caller, title: str, path: str, query: Mapping[str, str], rounds: int) -> None:
    meta = caller.ask(path, query).content.get("meta")
    total = int(meta["total"]) if isinstance(meta, dict) else 0
    middle = _middle(caller, path, query, total)
    used = gateway.running.cpu()
    medians = [_median(partial(_seconds, caller, path, at), rounds) * 1000 for at in (query, middle) if at is not None]
    cpu = (gateway.running.cpu() - used) / rounds / len(medians) * 1000
    second = f"{medians[1]:8.1f}" if middle else f"{'-':>8}"
    missed = "" if max(medians) <= LIST_LIMIT else f"  MISSED: <= {LIST_LIMIT:g} ms"
    print(f"  {title} {total:8,} {medians[0]:8.1f} {second} {cpu:8.1f}{missed}", flush=True)


def _middle(caller: Caller, path: str, query: Mapping[str, str], total: int) -> Mapping[str, str] | None:
    """The query of a page in the middle, reached by its cursor; None for a list that is too short."""
    if total <= 2 * PAGE:
        return None
    reached: dict[str, object] = {}
    if path == "/audit":  # goes on by cursor alone
        for _ in range(min(20, total // PAGE // 2)):
            reached = _meta(caller, path, {**query, **_onward(reached)})
    else:
        reached = _meta(caller, path, {**query, "offset": str(total // 2 - PAGE)})
    return {**query, **_onward(reached)}


def _onward(meta: Mapping[str, object]) -> dict[str, str]:
    cursor = meta.get("next_cursor")
    return {"cursor": cursor} if isinstance(cursor, str) else {}


def _meta(caller: Caller, path: str, query: Mapping[str, str]) -> dict[str, object]:
    meta = caller.ask(path, query).content["meta"]
    return meta if isinstance(meta, dict) else {}


def _seconds(caller: Caller, path: str, query: Mapping[str, str]) -> float:
    return caller.ask(path, query).seconds


def _median(once: Callable[[], float], rounds: int) -> float:
    return statistics.median(once() for _ in range(rounds))


def visitors(gateway: Gateway, crowd: Crowd) -> list[str]:
    """Heads of requests to instances all over the estate, each with a session of its own."""
    heads = []
    for number in range(CONNECTIONS):
        instance = number * crowd.instances // CONNECTIONS
        address = gateway.enter(Visitor(gateway.port), 0 if instance == 1 else instance, username(0))
        heads.append(head(address, SMALL).decode())
    return heads


def while_asked(gateway: Gateway, heads: list[str], folder: Path, busy: Callable[[], None], seconds: float) -> Answers:
    """How long requests to instances take, 200 a second, while something else is done again and again."""
    plan = Plan(port=gateway.port, heads=heads[:16], seconds=seconds, interval=0.08)
    with ThreadPoolExecutor(1) as beside:
        answers: Future[Answers] = beside.submit(browse, plan, folder)
        while not answers.done():
            busy()
        return answers.result()


def changes(gateway: Gateway, heads: list[str], folder: Path) -> None:
    """How long until a change through the API holds, and what it does to requests meanwhile."""
    admin, member = Caller(gateway, 0), Caller(gateway, 2)
    probe = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    held: list[float] = []

    def change() -> None:
        """Open an instance to everybody, and close it again."""
        for mode, awaited in (("none", 200), ("user", 401)):
            begun = time.perf_counter()
            admin.put("/instances/i5/security", {"http_auth": {"mode": mode}})
            while _status(probe, gateway) != awaited:
                if time.perf_counter() - begun > 30:
                    raise Failed("a change through the API did not hold after 30 s")
            held.append(time.perf_counter() - begun)

    def ask() -> None:
        for path, query in LISTS.values():
            admin.ask(path, query)
            member.ask(path, query)

    quiet = while_asked(gateway, heads, folder, lambda: time.sleep(0.05), 5)
    listed = while_asked(gateway, heads, folder, ask, 5)
    changed = while_asked(gateway, heads, folder, change, 5)
    verdict = "holds" if max(held) <= CHANGE_LIMIT else "MISSED"
    print(
        f"  a change through the API holds after {statistics.median(held) * 1000:.0f} ms, "
        f"at most {max(held) * 1000:.0f} ms of {len(held)} ({verdict}: <= {CHANGE_LIMIT:g} s)"
    )
    for name, answers in {"nothing else": quiet, "lists": listed, "changes": changed}.items():
        told = f"p50 {answers.p50:.1f}, p99 {answers.p99:.1f}, longest {answers.longest:.1f} ms"
        print(f"  requests to instances beside {name:12} {told}", flush=True)


def _status(probe: http.client.HTTPConnection, gateway: Gateway) -> int:
    probe.request("GET", SMALL, headers={"Host": gateway.host(5), "Sec-Fetch-Mode": "cors", "Accept": "*/*"})
    answer = probe.getresponse()
    answer.read()
    return answer.status


def compare(
    large: Gateway, small: Gateway, heads: dict[str, list[str]], options: argparse.Namespace, folder: Path
) -> None:
    """CPU per request of the large by that of a gateway with one instance."""
    ratios = []
    for _ in range(options.rounds):
        costs = {}
        for name, gateway in {"small": small, "large": large}.items():
            before = gateway.running.cpu()
            answers = browse(Plan(port=gateway.port, heads=heads[name], seconds=options.seconds), folder)
            costs[name] = (gateway.running.cpu() - before) / answers.count
        ratios.append(costs["large"] / costs["small"])
    median = statistics.median(ratios)
    verdict = "holds" if median <= GROWTH_LIMIT else "MISSED"
    print(
        f"  CPU per request by one instance's: {median:.2f} [{min(ratios):.2f}..{max(ratios):.2f}] ({verdict}: <= {GROWTH_LIMIT})"
    )


def measure(kind: str, behind: Upstreams, options: argparse.Namespace, folder: Path) -> None:
    hashed = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
    upstream = f"http://127.0.0.1:{behind.http}"
    large = Crowd(users=options.users, instances=options.instances, upstream=upstream, password_hash=hashed)
    small = Crowd(users=10, instances=1, events=0, upstream=upstream, password_hash=hashed)
    with ExitStack() as stack:
        where = {name: stack.enter_context(database(kind)) for name in ("large", "small")}
        for name, crowd in {"large": large, "small": small}.items():
            (folder / name).mkdir()
            asyncio.run(_fill(folder / name, where[name], crowd))
        started = []
        for _ in range(3):
            with serving(folder / "large", behind, declared=False, database=where["large"]) as gateway:
                started.append(gateway.started_in)
        gateway = stack.enter_context(serving(folder / "large", behind, declared=False, database=where["large"]))
        started.append(gateway.started_in)
        median = statistics.median(started)
        verdict = "holds" if median <= START_LIMIT else "MISSED"
        print(
            f"{kind}: {large.instances:,} instances, {large.users:,} users; load {os.getloadavg()[0]:.1f}\n"
            f"  ready {median:.1f} s after its start ({verdict}: <= {START_LIMIT:g} s), "
            f"{gateway.running.memory() / 1024:.0f} MiB",
            flush=True,
        )
        lists(gateway, options.rounds)
        heads = {"large": visitors(gateway, large)}
        changes(gateway, heads["large"], folder)
        other = stack.enter_context(serving(folder / "small", behind, declared=False, database=where["small"]))
        heads["small"] = visitors(other, small)
        compare(gateway, other, heads, options, folder)


def main() -> int:
    stop_on_signals()
    stay_on_load_core()
    raise_open_files()
    options = arguments()
    kinds = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    with tempfile.TemporaryDirectory(prefix="flowward-scale-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)
        try:
            behind = stack.enter_context(upstreams(folder))
            for kind in kinds:
                (folder / kind).mkdir()
                measure(kind, behind, options, folder / kind)
        except (Failed, Missing) as problem:
            print(f"Stopped: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
