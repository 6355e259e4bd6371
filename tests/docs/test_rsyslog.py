"""The page about audit says how rsyslog is set up to take events, and so it takes them."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import trustme

from proxy.model.audit import Recorded
from proxy.services.audit_export import SinkGone
from proxy.services.audit_format import as_json
from proxy.services.audit_syslog import SyslogSink
from tests.conftest import Needs
from tests.docs.pages import ROOT
from tests.peers.ports import free_port
from tests.proxy.services.test_audit_syslog import EVENT, HEADING

CONFIGURATION = re.compile(r"For rsyslog[^\n]*:\n\n```\n(.*?)```", re.DOTALL)
LONG = replace(EVENT, id=8, event=replace(EVENT.event, body={"updates": "x" * 20_000}))


@pytest.fixture
def rsyslogd(needs: Needs) -> Path:
    if not any(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")):
        needs("rsyslog-gnutls")
    return needs("rsyslogd")


@contextmanager
def running(program: Path, folder: Path, port: int, authority: trustme.CA) -> Iterator[None]:
    """As the page has it, but in a folder and at a port of its own."""
    server = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in server.cert_chain_pems))
    (shown,) = CONFIGURATION.findall((ROOT / "docs" / "audit.md").read_text())
    written = shown.replace("/etc/rsyslog/", f"{folder}/").replace("/var/log/", f"{folder}/").replace("6514", str(port))
    (folder / "rsyslog.conf").write_text(written)
    command = [str(program), "-n", "-C", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid")]
    with (folder / "rsyslogd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def test_what_the_page_shows_makes_rsyslog_write_down_every_event_whole(
    rsyslogd: Path, tmp_path: Path, authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    sink = SyslogSink(host="localhost", port=free_port(), heading=HEADING, tls=client_tls)
    with running(rsyslogd, tmp_path, sink.port, authority):
        await taken(sink, [EVENT, LONG])
    lines = (tmp_path / "flowward.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == [as_json(EVENT), as_json(LONG)]


async def taken(sink: SyslogSink, events: Sequence[Recorded]) -> None:
    """Send them as soon as the server listens."""
    for _ in range(600):
        try:
            return await sink.send(events)
        except SinkGone:
            await asyncio.sleep(0.05)
    raise AssertionError("rsyslogd does not listen")
