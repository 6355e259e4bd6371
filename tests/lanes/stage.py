"""The whole gateway before a made-up instance, on the lane a test asks for, with sessions ready to be used."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from proxy.app import Running
from proxy.gate.gate import Gate
from proxy.services.clock import SYSTEM, Clock
from proxy.services.sessions import Visit
from tests.peers.gateway import Site, estate
from tests.peers.talk import Line, dial
from tests.peers.upstream import Answer, Upstream, upstream

HOST = "line-3.localhost"
PRESETS = ["flowward", "remote", "authentik", "cloudflare", "oauth2-proxy", "portal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a test has at hand."""

    site: Site
    running: Running
    cookie: bytes
    """The Cookie pair of max, a member, on the instance's host."""

    @property
    def gate(self) -> Gate:
        return self.running.gateway.gate

    @property
    def host(self) -> bytes:
        return f"{HOST}:{self.site.port}".encode()

    @property
    def origin(self) -> bytes:
        return b"http://" + self.host

    async def user_id(self, name: str) -> str:
        account = await self.running.store.database.account(name)
        assert account is not None
        return account.user.id

    async def log_in(self, name: str, host: str = HOST) -> bytes:
        """The Cookie pair of a new session."""
        visit = Visit(user_id=await self.user_id(name), provider="local", amr=("pwd",), host=host)
        _, value = await self.running.gateway.sessions.start(visit)
        return f"flowward={value}".encode()

    async def end_sessions(self, name: str) -> None:
        """As another process would: nobody is told but the store."""
        await self.running.store.shared.end_sessions_of(await self.user_id(name))

    def head(self, start: bytes, *lines: bytes, cookie: bytes | None = None, host: bytes | None = None) -> bytes:
        """A head of max's: `start` is method and target, `lines` are whole fields. An empty `cookie` is none."""
        pair = self.cookie if cookie is None else cookie
        cookies = [b"Cookie: " + pair] if pair else []
        return b"\r\n".join([start + b" HTTP/1.1", b"Host: " + (host or self.host), *cookies, *lines]) + b"\r\n\r\n"

    def line(self) -> AbstractAsyncContextManager[Line]:
        return dial(self.site.port)


@asynccontextmanager
async def standing(
    folder: Path,
    url: str,
    *,
    fast_lane: bool,
    clock: Clock = SYSTEM,
    server: Mapping[str, object] | None = None,
    others: tuple[Mapping[str, object], ...] = (),
    session: Mapping[str, object] | None = None,
    auth: tuple[Mapping[str, object], ...] = (),
    gateway_limits: Mapping[str, object] | None = None,
    **instance: object,
) -> AsyncIterator[Stage]:
    """A gateway before an instance at `url`; `instance` are its own settings, `others` stand beside it.

    `auth` are the ways in, where they are not local accounts alone; `gateway_limits` the section `limits`.
    """
    known = {
        "slug": "line-3",
        "hosts": [HOST],
        "upstream": url,
        "admin_root": "/admin",
        "identity": PRESETS,
        "http_auth": {"mode": "user", "public": ["/open/**"]},
    }
    site = Site(folder, estate([{**known, **instance}, *others]))
    site.settings = {
        "server": {"fast_lane": fast_lane, **(server or {})},
        "limits": {"anonymous": "100000/1s", **(gateway_limits or {})},
        **({"session": dict(session)} if session else {}),
        **({"auth": [dict(entry) for entry in auth]} if auth else {}),
    }
    async with site.running(clock) as running:
        gate = Stage(site=site, running=running, cookie=b"")
        yield Stage(site=site, running=running, cookie=await gate.log_in("max"))


@asynccontextmanager
async def stage(
    folder: Path, answer: Answer, *, fast_lane: bool, **more: object
) -> AsyncIterator[tuple[Stage, Upstream]]:
    """A gateway before an instance that answers so; `more` as for `standing`."""
    async with upstream(answer) as instance:
        async with standing(folder, instance.url, fast_lane=fast_lane, **more) as gate:  # type: ignore[arg-type]
            yield gate, instance
