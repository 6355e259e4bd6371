"""The peers, each as its own users would set it up for one worker and this load."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import PROXY_CORE, Missing, free_port, module, started
from benchmarks.install import caddy, node_modules, system_program
from benchmarks.load import ECHO, Address
from benchmarks.subject import Subject, Upstreams, nginx_configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a peer."""

    words: list[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)


_BASIC = base64.b64encode(b"visitor:benchmark").decode()
_BASIC_LINE = f"Authorization: Basic {_BASIC}"

_NGINX = """
  upstream web {{ server 127.0.0.1:{http}; keepalive 128; keepalive_requests 1000000000; keepalive_timeout 600; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1; {settings}
    location / {{
      proxy_pass http://web;
      proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
    }}
    location {echo} {{
      proxy_pass http://127.0.0.1:{sockets}; proxy_read_timeout 1h;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $http_host;
    }}
  }}
"""
_ASK = """
    auth_request /auth;
    location = /auth {
      internal; proxy_pass http://web/auth; proxy_pass_request_body off;
      proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_set_header Host $http_host;
    }
"""
_BUFFERS = "proxy_buffers 16 16k;"
"""Enough for 100 KiB: nginx's own default holds 64 KiB and writes what is over that to a temporary file."""

_HAPROXY = """
global
  maxconn 9000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
userlist visitors
  user visitor insecure-password benchmark
frontend door
  bind 127.0.0.1:{port} backlog 4096
  http-request auth unless {{ http_auth(visitors) }}
  use_backend echo if {{ path_beg {echo} }}
  default_backend web
backend web
  server web 127.0.0.1:{http}
backend echo
  server echo 127.0.0.1:{sockets}
"""

_CADDY = """
{{
  admin off
  auto_https off
  persist_config off
  log {{
    level ERROR
  }}
}}
http://:{port} {{
  bind 127.0.0.1
  forward_auth 127.0.0.1:{http} {{
    uri /auth
    transport http {{
      keepalive_idle_conns_per_host 128
    }}
  }}
  handle {echo}* {{
    reverse_proxy 127.0.0.1:{sockets}
  }}
  handle {{
    reverse_proxy 127.0.0.1:{http} {{
      transport http {{
        keepalive_idle_conns_per_host 128
      }}
    }}
  }}
}}
"""


def _nginx(settings: str) -> Callable[[int, Upstreams, Path], Command]:
    def command(port: int, behind: Upstreams, folder: Path) -> Command:
        servers = _NGINX.format(port=port, http=behind.http, sockets=behind.sockets, echo=ECHO, settings=settings)
        file = nginx_configuration(folder, "nginx", servers)
        return Command(words=[system_program("nginx", "nginx"), "-c", file, "-e", "stderr"])

    return command


def _haproxy(port: int, behind: Upstreams, folder: Path) -> Command:
    file = folder / "haproxy.cfg"
    file.write_text(_HAPROXY.format(port=port, http=behind.http, sockets=behind.sockets, echo=ECHO))
    return Command(words=[system_program("haproxy", "haproxy"), "-db", "-f", file])


def _caddy(port: int, behind: Upstreams, folder: Path) -> Command:
    file = folder / "Caddyfile"
    file.write_text(_CADDY.format(port=port, http=behind.http, sockets=behind.sockets, echo=ECHO))
    homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GOMAXPROCS": "1"}
    return Command(words=[caddy(), "run", "--config", file, "--adapter", "caddyfile"], environment=homes)


def _http_proxy_3(port: int, behind: Upstreams, _: Path) -> Command:
    node = shutil.which("node")
    if not node:
        raise Missing("node is not on PATH: install Node.js 20 or newer")
    script = Path(__file__).with_name("http_proxy_3.cjs")
    path = {"NODE_PATH": str(node_modules() / "node_modules"), "NODE_ENV": "production"}
    return Command(words=[node, script, str(port), str(behind.http), str(behind.sockets)], environment=path)


def _aiohttp(port: int, behind: Upstreams, _: Path) -> Command:
    return Command(words=[*module("benchmarks.aiohttp_proxy", str(port), str(behind.http), str(behind.sockets))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A proxy of somebody else's."""

    title: str
    command: Callable[[int, Upstreams, Path], Command]
    credential: str | None = None

    @contextmanager
    def run(self, behind: Upstreams, folder: Path) -> Iterator[Subject]:
        folder.mkdir()
        port = free_port()
        command = self.command(port, behind, folder)
        with started(
            folder.name, command.words, core=PROXY_CORE, folder=folder, environment=command.environment
        ) as running:
            running.await_port(port)
            host = f"line-1.localhost:{port}"
            line = {"credential": self.credential} if self.credential else {}
            address = Address(port=port, host=host, **line)
            yield Subject(running=running, http=address, sockets=address)


PEERS = {
    "nginx": Peer(title="nginx plain proxy, no auth", command=_nginx("")),
    "nar": Peer(title="nginx auth_request, static 200", command=_nginx(_ASK)),
    "nar-buffers": Peer(title="the same, proxy_buffers 16 16k", command=_nginx(_ASK + _BUFFERS)),
    "haproxy": Peer(title="HAProxy, basic (plain password)", command=_haproxy, credential=_BASIC_LINE),
    "caddy": Peer(title="Caddy forward_auth, static 200", command=_caddy),
    "http-proxy-3": Peer(title="Node http-proxy-3, no auth", command=_http_proxy_3),
    "aiohttp": Peer(title="aiohttp server + ClientSession, no auth", command=_aiohttp),
}
