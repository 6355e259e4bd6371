"""Flowward under test: its two files, started by `flowward serve`, entered through its login form."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from argon2 import PasswordHasher

from benchmarks.harness import CACHE, PROXY_CORE, Failed, Running, free_port, started
from benchmarks.load import ECHO, SMALL, Address
from benchmarks.subject import Subject, Upstreams
from benchmarks.visitor import Visitor

PLENTY = "1000000/1s"
"""A limit that is counted and never reached."""
PASSWORD = "a password of the benchmark's visitors"
SERVE = [sys.executable, "-c", "from proxy.cli import main; main()", "serve", "-c"]
"""As the `flowward` command would, from this tree whatever is installed."""
BYTECODE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE / "bytecode")}
"""Kept, as an installed gateway has it: it halves the time to start."""
START_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a gateway has to know. Instance 0 is the upstream, 1 the echo server; users are user-0, user-1, ..."""

    instances: int = 2
    users: int = 1


SMALLEST = Size()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running Flowward."""

    running: Running
    port: int
    started_in: float
    """Seconds from the start of the process to its first accepted connection."""

    def host(self, instance: int) -> str:
        return f"line-{instance}.localhost:{self.port}"

    def address(self, visitor: Visitor, instance: int) -> Address:
        host = self.host(instance)
        return Address(port=self.port, host=host, credential=visitor.cookie(host))

    def basic(self, instance: int) -> Address:
        """Where to ask an instance in mode basic, with its name and password."""
        pair = base64.b64encode(f"visitor:{PASSWORD}".encode()).decode()
        return Address(port=self.port, host=self.host(instance), credential=f"Authorization: Basic {pair}")

    def enter(self, visitor: Visitor, instance: int, username: str = "user-0") -> Address:
        """Where and as whom to ask an instance, after logging in as a person would."""
        path = ECHO if instance == 1 else SMALL
        page = visitor.log_in(f"http://{self.host(instance)}{path}", username, PASSWORD)
        if page.status == HTTPStatus.INTERNAL_SERVER_ERROR or not page.url.startswith(f"http://{self.host(instance)}/"):
            raise Failed(f"the login of {username} ended on {page.url} with {page.status}:\n{page.text[:1000]}")
        return self.address(visitor, instance)


@contextmanager
def serving(
    folder: Path,
    behind: Upstreams,
    *,
    size: Size = SMALLEST,
    fast_lane: bool = True,
    basic: bool = False,
    declared: bool = True,
    database: str = "sqlite",
) -> Iterator[Gateway]:
    """A gateway with everything on: identity, assertion, metrics, access log. A second call on a folder restarts it.

    `declared`: the estate file is applied at start; otherwise the gateway has what it had before.
    """
    folder.mkdir(exist_ok=True)
    port = free_port()
    file = folder / "flowward.yaml"
    file.write_text(json.dumps(_settings(folder, port, database, fast_lane=fast_lane, declared=declared)))
    if declared and not (folder / "estate.yaml").exists():
        (folder / "estate.yaml").write_text(estate(size, behind, basic=basic))
    begun = time.monotonic()
    with started(folder.name, [*SERVE, file], core=PROXY_CORE, folder=folder, environment=BYTECODE) as running:
        running.await_port(port, START_SECONDS)
        yield Gateway(running=running, port=port, started_in=time.monotonic() - begun)


@contextmanager
def subject(
    behind: Upstreams, folder: Path, *, fast_lane: bool, basic: bool = False, fields_differ: bool = False
) -> Iterator[Subject]:
    """A gateway and one visitor: logged in, or with name and password on every request."""
    with serving(folder, behind, fast_lane=fast_lane, basic=basic) as gateway:
        visitor = Visitor(gateway.port)
        places = [gateway.basic(number) if basic else gateway.enter(visitor, number) for number in (0, 1)]
        places[0] = replace(places[0], fields_differ=fields_differ)
        yield Subject(running=gateway.running, http=places[0], sockets=places[1])


def _settings(folder: Path, port: int, database: str, *, fast_lane: bool, declared: bool) -> dict[str, object]:
    return {
        "server": {
            "listen": [f"127.0.0.1:{port}"],
            "public_url": f"http://localhost:{port}",
            "operations": f"127.0.0.1:{free_port()}",
            "fast_lane": fast_lane,
            "connections_per_address": 20000,
            "allow_public_http": True,
        },
        "state": {"directory": str(folder / "var"), "database": database},
        "limits": {"login": PLENTY, "anonymous": PLENTY, "api": PLENTY},
        "estate": ["estate.yaml"] if declared else [],
    }


def estate(size: Size, behind: Upstreams, *, basic: bool = False) -> str:
    """An estate of that size. JSON is YAML, and one line per object keeps it quick to write and to read."""
    hashed = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
    http_auth = {"mode": "basic", "username": "visitor", "password_hash": hashed} if basic else {"mode": "user"}
    sections: dict[str, list[dict[str, object]]] = {
        "spaces": [{"slug": "acme", "kind": "team", "title": "Acme"}],
        "users": [
            {"username": f"user-{n}", "name": f"User {n}", "password_hash": hashed, "memberships": {"acme": "member"}}
            for n in range(size.users)
        ],
        "applications": [{"slug": "plant", "space": "acme", "title": "Plant"}],
        "instances": [_instance(n, behind, http_auth) for n in range(size.instances)],
    }
    lines = [
        f"{name}:\n" + "".join(f"  - {json.dumps(each)}\n" for each in entries) for name, entries in sections.items()
    ]
    return "".join(lines)


def _instance(number: int, behind: Upstreams, http_auth: dict[str, str]) -> dict[str, object]:
    port = behind.sockets if number == 1 else behind.http
    return {
        "slug": f"line-{number}",
        "application": "acme/plant",
        "hosts": [f"line-{number}.localhost"],
        "upstream": f"http://127.0.0.1:{port}",
        "admin_root": "/admin",
        "http_auth": http_auth,
        "identity": ["assertion", "flowward"],
        "limits": {"per_principal": {"rate": PLENTY}, "per_address": {"rate": PLENTY}},
    }
