"""Sections `accounts`, `mail` and the bans of `limits`."""

from pathlib import Path

import pytest

from tests.config.conftest import Loaded, Told


def test_by_default_passwords_are_strong_and_nobody_signs_up(loaded: Loaded) -> None:
    settings = loaded().settings
    rules, sign_up = settings.accounts.password, settings.accounts.sign_up
    assert (rules.min_length, rules.max_length, rules.score, rules.score_by_link) == (8, 128, 3, 2)
    assert (rules.require, rules.whitespace, rules.expires, rules.reuse) == ((), True, 0, 0)
    assert (sign_up.open, settings.mail, settings.accounts.activation) == (False, None, 86400)
    assert [str(rate) for rate in (settings.limits.forgot, settings.limits.sign_up, settings.limits.verify)] == [
        "2/m"
    ] * 3
    assert (settings.limits.lockout.longest, settings.limits.ban.failures, settings.limits.ban.longest) == (
        86400,
        50,
        86400,
    )


def test_a_complete_mail_section(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    (tmp_path / "secret").write_text("shared\n")
    mail = loaded(
        "mail: {server: 'smtps://Mail.example', username: gate, password: {file: secret}, ca: ca.pem,"
        " sender: 'Plant 3 <gate@plant.example>'}\n"
    ).settings.mail
    assert mail
    assert mail.password
    assert (str(mail.server), mail.password.get_secret_value(), mail.ca) == (
        "smtps://mail.example:465",
        "shared",
        tmp_path / "ca.pem",
    )
    assert (mail.sender.name, mail.sender.address) == ("Plant 3", "gate@plant.example")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("smtp://mail", "smtp://mail:587"),
        ("smtp://[::1]:25", "smtp://[::1]:25"),
        ("smtps://10.0.0.1", "smtps://10.0.0.1:465"),
    ],
)
def test_a_server_has_the_port_of_its_scheme(loaded: Loaded, written: str, meant: str) -> None:
    mail = loaded(f"mail: {{server: '{written}', sender: gate@plant.example}}\n").settings.mail
    assert mail
    assert (str(mail.server), str(mail.sender)) == (meant, "Flowward <gate@plant.example>")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.9", "'[::1]'", "mail.localhost"])
def test_only_a_server_on_this_machine_may_do_without_tls(loaded: Loaded, host: str) -> None:
    host = host.strip("'")
    mail = loaded(f"mail: {{server: 'smtp://{host}:25', starttls: false, sender: a@b.example}}\n").settings.mail
    assert mail


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("mail: {server: 'smtp://mail.example', starttls: false, sender: a@b.example}", "mail.starttls: must be true for smtp://mail.example:587"),
        ("mail: {server: 'mail.example', sender: a@b.example}", "mail.server: must be smtp:// or smtps:// with a host"),
        ("mail: {server: 'smtp://u:p@mail.example', sender: a@b.example}", "mail.server: must be smtp:// or smtps:// with a host"),
        ("mail: {server: 'smtp://mail:99999', sender: a@b.example}", "mail.server: must be smtp:// or smtps:// with a host"),
        ("mail: {server: 'smtp://mail', sender: nobody}", "mail.sender: must be a mail address"),
        ("mail: {server: 'smtp://mail', sender: 'A <a@b.example>, c@d.example'}", "mail.sender: must be a mail address"),
        ("mail: {server: 'smtp://mail', sender: \"A\\r\\nBcc: x <a@b.example>\"}", "mail.sender: must be a mail address"),
        ("mail: {server: 'smtp://mail', sender: a@b.example, password: {file: flowward.yaml}}", "mail.password: is set, but username is not"),
        ("accounts: {password: {min_length: 7}}", "accounts.password.min_length"),
        ("accounts: {password: {max_length: 129}}", "accounts.password.max_length"),
        ("accounts: {password: {min_length: 20, max_length: 16}}", "accounts.password.max_length: must not be less than min_length (20)"),
        ("accounts: {password: {score: 5}}", "accounts.password.score"),
        ("accounts: {password: {require: [emoji]}}", "accounts.password.require[0]"),
        ("accounts: {activation: 25h}", "accounts.activation: must be between 1h and 24h, but it is 25h"),
        ("accounts: {activation: 10m}", "accounts.activation: must be between 1h and 24h"),
        ("accounts: {sign_up: {enabled: true, domains: [a.example]}}", "accounts.sign_up: lets people make accounts, but without mail"),
        ("accounts: {sign_up: {invited: true}}", "accounts.sign_up: lets people make accounts, but without mail"),
        ("limits: {lockout: {seconds: 1h, longest: 30m}}", "limits.lockout.longest: must not be shorter than seconds (1h)"),
        ("limits: {ban: {seconds: 1h, longest: 30m}}", "limits.ban.longest: must not be shorter than seconds (1h)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place(told: Told, written: str, problem: str) -> None:
    assert problem in "\n".join(told(written))
