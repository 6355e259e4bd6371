"""What is measured: a running proxy, where it takes HTTP and where websockets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import LOAD_CORE, Running, free_port, module, started
from benchmarks.install import system_program
from benchmarks.load import LARGE, SIZES, SMALL, Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstreams:
    """The ports of what stands behind every proxy."""

    http: int
    sockets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A proxy under test, or the bare upstreams."""

    running: Running | None
    http: Address
    sockets: Address


@contextmanager
def upstreams(folder: Path) -> Iterator[Upstreams]:
    """An nginx with 1 KiB, 100 KiB and an empty 200 for the peers that ask somebody, and a websocket echo server."""
    ports = Upstreams(http=free_port(), sockets=free_port())
    nginx = system_program("nginx", "nginx")
    content = folder / "content"
    for path in (SMALL, LARGE):
        file = content / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * SIZES[path])
    server = f"root {content}; location = /auth {{ return 200; }}"
    configuration = nginx_configuration(folder, "upstream", f"server {{ listen 127.0.0.1:{ports.http}; {server} }}")
    with ExitStack() as stack:
        command: list[str | Path] = [nginx, "-c", configuration, "-e", "stderr"]
        stack.enter_context(started("upstream", command, core=LOAD_CORE, folder=folder)).await_port(ports.http)
        echo = stack.enter_context(
            started("echo", module("benchmarks.echo", str(ports.sockets)), core=LOAD_CORE, folder=folder)
        )
        echo.await_port(ports.sockets)
        yield ports


def nginx_configuration(folder: Path, name: str, servers: str) -> Path:
    """One worker, no access log, no limit that the load would meet."""
    own = folder / name
    own.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"{kind}_temp_path {own}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = own / "nginx.conf"
    file.write_text(
        f"daemon off; worker_processes 1; {user} pid {own}/pid; worker_rlimit_nofile 20000; error_log stderr warn;\n"
        "events { worker_connections 16384; }\n"
        "http {\n"
        f"  access_log off; sendfile on; tcp_nopush on; {temporary}\n"
        "  keepalive_timeout 600; keepalive_requests 1000000000; open_file_cache max=10;\n"
        f"  {servers}\n"
        "}\n"
    )
    return file
