"""Reload: whole or not at all, and without dropping a connection."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from auth_plugins import Unavailable
from auth_plugins.registry import UnusablePlugins, choose, installed
from config.configuration import Config
from config.keys import Keys, load_or_create
from config.load import load
from config.problems import ConfigurationError
from config.schema import Settings
from proxy.app.gateway import Gateway
from proxy.services.certificates import Certificates, Entrance, certificate_files, certificates_of
from proxy.services.estate_plan import Plan
from proxy.store import Conflict, StoreUnavailable

POLL: Final = 1.0
"""Seconds between two looks at the files."""
_log = structlog.get_logger(__name__)

Stamps = Mapping[Path, tuple[int, int]]
AgreeOn = Callable[[Keys], Awaitable[None]]
ApplyEstate = Callable[[Config], Awaitable[Plan]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the files hold, found to be usable."""

    config: Config
    keys: Keys
    certificates: Certificates | None


def read(path: Path, state: Path, now: float) -> Read:
    """Read everything that a reload takes over; the keys are those of a state directory.

    Blocks; raises ConfigurationError, UnusablePlugins or OSError.
    """
    config = load(path, os.environ)
    choose(config.settings.auth, installed())
    return Read(config=config, keys=load_or_create(state, now), certificates=certificates_of(config))


class Reloader:
    """Watches the configuration's files and takes over what changed."""

    def __init__(
        self,
        path: Path,
        config: Config,
        gateway: Gateway,
        entrance: Entrance | None,
        agree_on: AgreeOn,
        apply_estate: ApplyEstate,
        stamps: Stamps,
    ) -> None:
        """`agree_on`: raises ConfigurationError for keys that other gateways on the same state do not have. `stamps`: of
        the files as they were when they were read: whatever changes while a gateway starts is taken over as well."""
        self._path, self._gateway, self._entrance = path, gateway, entrance
        self._agree_on, self._apply = agree_on, apply_estate
        self._wanted = asyncio.Event()
        self._stamps = stamps
        self._state = config.settings.state.directory
        self._started_with = config.settings
        self.config = config
        """As it was taken over last."""
        self.done = 0
        self.refused = 0

    def ask(self) -> None:
        """SIGHUP: look now, whatever the files' times say."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._wanted.wait()
            asked = self._wanted.is_set()
            self._wanted.clear()
            stamps = await asyncio.to_thread(stamps_of, (*written(self.config), keys_in(self._state)))
            if asked or stamps != self._stamps:
                self._stamps = stamps
                await self.reload()

    async def reload(self) -> None:
        """Take over the files as they are now, or leave everything as it is and say why."""
        try:
            found = await asyncio.to_thread(read, self._path, self._state, self._gateway.gate.clock.wall())
            await self._agree_on(found.keys)
            planned = await self._apply(found.config)
        except (ConfigurationError, UnusablePlugins, Conflict) as error:
            self._refuse(error)
        except (StoreUnavailable, Unavailable, OSError) as error:
            self._stamps = {}  # the files may be right: try again at the next look
            self._refuse(error)
        else:
            self._take_over(found)
            self.done += 1
            _log.info("reloaded", steps=len(planned.steps))

    def _refuse(self, error: Exception) -> None:
        self.refused += 1
        _log.error("reload-refused", reason=str(error))

    def _take_over(self, found: Read) -> None:
        settings = found.config.settings
        for setting in _needing_restart(self._started_with, settings):
            _log.warning("restart-needed", setting=setting)
        self._gateway.signer.keys = found.keys
        self._gateway.take_over(settings)
        if self._entrance is not None and found.certificates is not None:
            self._entrance.certificates = found.certificates
        self.config = found.config
        self._gateway.watch.wake()


def written(config: Config) -> Iterator[Path]:
    """The files that operators write."""
    yield from config.files()
    yield from certificate_files(config.settings.server.tls)


def keys_in(state: Path) -> Path:
    """The file of a state directory that other processes write as well."""
    return state / "signing-keys.json"


def stamps_of(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Time and size of each file; a file that is gone has neither. Blocks."""
    stamps: dict[Path, tuple[int, int]] = {}
    for file in files:
        with contextlib.suppress(OSError):
            stat = file.stat()
            stamps[file] = (stat.st_mtime_ns, stat.st_size)
    return stamps


_RELOADED: Final = frozenset({"connections", "connections_per_address", "drain", "timeouts", "trusted_proxies"})
"""Of the section server."""


def _needing_restart(before: Settings, after: Settings) -> list[str]:
    """Settings that differ from those the gateway was started with, and that only a restart can take over."""
    names = [f"server.{name}" for name in type(before.server).model_fields if name not in {*_RELOADED, "tls"}]
    names += ["state", "session", "auth", "audit", "log"]
    changed = [name for name in names if _at(before, name) != _at(after, name)]
    # Other certificates are taken over, but a socket that speaks TLS goes on speaking it, and the reverse.
    switched = (before.server.tls is None) != (after.server.tls is None)
    return [*changed, "server.tls"] if switched else changed


def _at(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
