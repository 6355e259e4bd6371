from pathlib import Path

import pytest

from config.audit_schema import Audit, SyslogTransport
from tests.config.conftest import Loaded, Told


def test_by_default_events_are_kept_for_ever_and_go_nowhere(loaded: Loaded) -> None:
    audit = loaded().settings.audit
    assert (audit.retention, audit.syslog, audit.webhook) == (0, None, None)


def test_a_complete_section(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    (tmp_path / "secret").write_text("shared\n")
    audit = loaded(
        "audit:\n"
        "  retention: 365d\n"
        "  syslog: {address: 'tls://siem.example', ca: ca.pem, facility: local3, app_name: gate}\n"
        "  webhook: {url: 'https://siem.example/in?index=a', secret: {file: secret}, batch: 7}\n"
    ).settings.audit
    assert audit.retention == 365 * 86400
    assert audit.syslog
    assert audit.webhook
    assert (audit.syslog.address.transport, str(audit.syslog.address)) == (
        SyslogTransport.TLS,
        "tls://siem.example:6514",
    )
    assert (audit.syslog.ca, audit.syslog.facility, audit.syslog.app_name) == (tmp_path / "ca.pem", "local3", "gate")
    assert audit.webhook.secret
    assert audit.webhook.secret.get_secret_value() == "shared"
    assert (audit.webhook.url, audit.webhook.batch) == ("https://siem.example/in?index=a", 7)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("udp://siem", "udp://siem:514"),
        ("tcp://10.0.0.1:601", "tcp://10.0.0.1:601"),
        ("tls://[::1]:6514/", "tls://[::1]:6514"),
    ],
)
def test_a_syslog_server_has_a_port_by_its_transport(loaded: Loaded, written: str, meant: str) -> None:
    syslog = loaded(f"audit: {{syslog: {{address: '{written}'}}}}").settings.audit.syslog
    assert str(syslog and syslog.address) == meant


@pytest.mark.parametrize(
    "settings",
    [
        "syslog: {address: siem}",
        "syslog: {address: 'http://siem'}",
        "syslog: {address: 'tcp://siem:70000'}",
        "syslog: {address: 'tcp://ada@siem'}",
        "syslog: {address: 'tcp://siem', facility: mail}",
        "syslog: {address: 'tcp://siem', app_name: 'two words'}",
        "syslog: {address: 'tcp://siem', ca: missing.pem}",
        "webhook: {url: 'ftp://siem/'}",
        "webhook: {url: 'https://ada:secret@siem/'}",
        "webhook: {url: 'https://siem/', secret: written here}",
        "webhook: {url: 'https://siem/', batch: 0}",
        "retention: for ever",
    ],
)
def test_what_cannot_work_is_refused_at_once(told: Told, settings: str) -> None:
    assert len(told(f"audit: {{{settings}}}")) == 1


def test_the_default_is_written_like_any_other() -> None:
    assert Audit().model_dump(mode="json") == {"retention": "0s", "syslog": None, "webhook": None}
