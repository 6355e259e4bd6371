"""Reload: whole or not at all, and without dropping a connection."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from config.configuration import Config
from config.keys import load_or_create
from config.load import load
from config.problems import ConfigurationError
from config.schema import Settings
from proxy.access.gcra import Buckets, Rate
from proxy.app.gateway import Gateway, timeouts_of
from proxy.services.estate_plan import Plan
from proxy.store import Conflict, StoreUnavailable

POLL: Final = 1.0
"""Seconds between two looks at the files."""
_log = structlog.get_logger(__name__)

ApplyEstate = Callable[[Config], Awaitable[Plan]]


class Reloader:
    """Watches the configuration's files and takes over what changed."""

    def __init__(self, path: Path, config: Config, gateway: Gateway, apply_estate: ApplyEstate) -> None:
        self._path, self._config, self._gateway, self._apply = path, config, gateway, apply_estate
        self._wanted = asyncio.Event()
        self._stamps: dict[Path, tuple[int, int]] = {}
        self.done = 0
        self.refused = 0

    def ask(self) -> None:
        """SIGHUP: look now, whatever the files' times say."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._stamps = await asyncio.to_thread(_stamps, self._files())
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._wanted.wait()
            asked = self._wanted.is_set()
            self._wanted.clear()
            stamps = await asyncio.to_thread(_stamps, self._files())
            if asked or stamps != self._stamps:
                self._stamps = stamps
                await self.reload()

    def _files(self) -> list[Path]:
        return [*self._config.files(), self._config.settings.state.directory / "signing-keys.json"]

    async def reload(self) -> None:
        """Take over the files as they are now, or leave everything as it is and say why."""
        now = self._gateway.gate.clock.wall()
        try:
            config = await asyncio.to_thread(load, self._path, os.environ)
            keys = await asyncio.to_thread(load_or_create, self._config.settings.state.directory, now)
            planned = await self._apply(config)
        except (ConfigurationError, Conflict, StoreUnavailable) as error:
            self.refused += 1
            _log.error("reload-refused", reason=str(error))
            return
        self._gateway.signer.keys = keys
        self._take_over(config.settings)
        for setting in _needing_restart(self._config.settings, config.settings):
            _log.warning("restart-needed", setting=setting)
        self._config = config
        self._gateway.watch.wake()
        self.done += 1
        _log.info("reloaded", steps=len(planned.steps))

    def _take_over(self, settings: Settings) -> None:
        gateway, anonymous = self._gateway, settings.limits.anonymous
        gateway.plane.timeouts = timeouts_of(settings)
        gateway.gate.trusted = settings.server.trusted_proxies
        gateway.gate.anonymous = Buckets(Rate(count=anonymous.count, period=anonymous.seconds))


def _stamps(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Time and size of each file; a file that is gone has neither."""
    stamps: dict[Path, tuple[int, int]] = {}
    for file in files:
        with contextlib.suppress(OSError):
            stat = file.stat()
            stamps[file] = (stat.st_mtime_ns, stat.st_size)
    return stamps


def _needing_restart(before: Settings, after: Settings) -> list[str]:
    """Settings that differ and that only a restart can take over."""
    reloaded = {"trusted_proxies", "timeouts"}
    names = [f"server.{name}" for name in type(before.server).model_fields if name not in reloaded]
    names += ["state", "session", "auth", "limits.login", "log"]
    return [name for name in names if _at(before, name) != _at(after, name)]


def _at(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
