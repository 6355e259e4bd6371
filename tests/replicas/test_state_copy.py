"""`flowward state copy`: a gateway that starts on the copy goes on where the other stopped."""

import asyncio
import os
import sys
from pathlib import Path

from tests.peers.answers import plain
from tests.peers.gateway import Site, estate, visitor
from tests.peers.postgresql import Postgresql
from tests.peers.upstream import upstream

HOST = "line-3.localhost"


async def run(*arguments: str, code: int = 0) -> str:
    """What a command says, or what it complains of where it must not end well."""
    command = (sys.executable, "-m", "proxy.cli", *arguments)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=dict(os.environ))
    async with asyncio.timeout(60):
        said, complaint = await process.communicate()
    assert process.returncode == code, complaint.decode()
    return (complaint if code else said).decode()


async def test_who_was_logged_in_on_sqlite_goes_on_on_postgresql(tmp_path: Path, postgresql_server: Postgresql) -> None:
    url = postgresql_server.url(await postgresql_server.new_database())
    async with upstream(plain(b"hello")) as instance:
        declared = {"slug": "line-3", "hosts": [HOST], "upstream": instance.url}
        site = Site(tmp_path / "site", estate([declared]))
        async with site.process(), visitor(site, "dora", HOST) as dora:
            held = dora.cookies
            refused = await run("state", "copy", "--to", url, "-c", str(site.path), code=1)
            assert "A gateway is at work on the source" in refused
        made = await run("token", "create", "--user", "max", "--name", "ci", "-c", str(site.path))
        copied = await run("state", "copy", "--to", url, "-c", str(site.path))
        assert "audit" in copied
        site.settings["state"] = {"database": url}
        async with site.process(), visitor(site) as browser, visitor(site, "max", HOST) as other:
            browser.cookies = held
            page = await browser.request("GET", f"{site.origin(HOST)}/dashboard/")
            assert (page.status, await page.text()) == (200, "hello")
            assert other.cookies[HOST]
            bearer = {"Authorization": f"Bearer {made.strip()}"}
            async with visitor(site) as program:
                answer = await program.request("GET", f"{site.origin(HOST)}/api", headers=bearer)
                assert answer.status == 200
        verified = await run("audit", "verify", "-c", str(site.path))
        assert "as it was written" in verified
