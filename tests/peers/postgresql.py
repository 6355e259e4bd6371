"""A real PostgreSQL of this machine: a child of the test, in a folder of its own, on a free port."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg

from tests.peers.ports import free_port

PATIENCE = 60.0
"""Seconds that a loaded machine may take to start it."""
_PLACES = "/usr/lib/postgresql/*/bin"
_NUMBERS = count()


def programs() -> Path | None:
    """The folder of initdb and postgres: on PATH, or the newest that Debian keeps aside."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    kept = [Path("/", *path.parts[1:]) for path in Path("/").glob(_PLACES.strip("/")) if (path / "initdb").exists()]
    return max(kept, key=lambda path: float(path.parent.name), default=None)


@dataclass(kw_only=True)
class Postgresql:
    """One server, with what it keeps in a folder; it trusts whoever connects from this machine."""

    programs: Path
    folder: Path
    options: Sequence[str]
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        return f"postgresql://flowward@127.0.0.1:{port or self.port}/{database}?sslmode=disable"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *self.options]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_as_another(), *command, *(word for each in settings for word in ("-c", each))],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        asyncio.run(self._answers())

    async def _answers(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                await (await asyncpg.connect(self.url())).close()
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > until:
                    raise TimeoutError((self.folder / "log").read_text()) from None
                await asyncio.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """At once, as after a crash; with SIGINT in good order, but without waiting for clients."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None

    async def new_database(self, template: str | None = None) -> str:
        """A database of its own, with all that is in the template; its name."""
        name = f"test_{next(_NUMBERS)}"
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")
        finally:
            await connection.close()
        return name


def _as_another() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_servant().pw_uid}", f"--regid={_servant().pw_gid}", "--clear-groups"]


def _servant() -> pwd.struct_passwd:
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


@contextmanager
def postgresql(programs: Path, *options: str) -> Iterator[Postgresql]:
    """A server that is gone afterwards, and fast: what it keeps survives its own crash, but not the machine's."""
    folder = Path(tempfile.mkdtemp(prefix="flowward-postgresql-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, _servant().pw_uid, _servant().pw_gid)
        ways = ["--username=flowward", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        initdb = [str(programs / "initdb"), f"--pgdata={folder / 'data'}", *ways]
        subprocess.run([*_as_another(), *initdb], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        server = Postgresql(programs=programs, folder=folder, options=["fsync=off", "max_connections=200", *options])
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
