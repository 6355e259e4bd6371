"""Trying out a way in from the command line, against a real directory."""

import json
from pathlib import Path

import pytest
import trustme

from tests.peers.slapd import GROUPS, PEOPLE, READER, READER_PASSWORD, Slapd
from tests.proxy.cli.conftest import Run


@pytest.fixture
def corp(site: Path, openldap: Slapd, authority: trustme.CA) -> Path:
    """The site with the directory as `corp`."""
    (site / "reader").write_text(READER_PASSWORD)
    authority.cert_pem.write_to_path(site / "ca.pem")
    entry = {
        "name": "corp",
        "plugin": "ldap",
        "url": openldap.ldaps,
        "ca": "ca.pem",
        "bind_dn": READER,
        "bind_password": {"file": "reader"},
        "base_dn": PEOPLE,
        "groups_from": {"base_dn": GROUPS},
        "groups": {"table": {"unique (ones)": {"acme/plant": "owner"}}, "required": False},
        "provision": True,
    }
    settings = {"estate": ["estate.yaml"], "auth": [{"name": "local", "plugin": "local"}, entry]}
    (site / "flowward.yaml").write_text(json.dumps(settings))
    return site


def test_it_says_which_account_and_which_roles_a_login_would_come_to(run: Run, corp: Path) -> None:
    """The issue's item 6; S-22, S-23: each group is answered for."""
    assert corp.is_dir()
    run("apply")
    shown = run("auth", "test", "corp", "--user", "star")
    assert shown.exit_code == 0, shown.output
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert "Here they are: star (a new account)" in lines
    assert {"ff-acme-member: member in acme", "unique (ones): owner in acme/plant"} <= set(lines)
    assert {"acme: member", "acme/plant: owner"} <= set(lines)
    assert "star" not in run("user", "list").stdout, "nothing is written"


def test_it_says_why_somebody_would_be_refused(run: Run, corp: Path) -> None:
    assert corp.is_dir()
    run("apply")
    taken = run("auth", "test", "corp", "--user", "ada")
    assert (taken.exit_code, "username_taken" in taken.stdout) == (1, True)
    assert "ada is a local account declared in estate.yaml; write provider: corp there" in taken.stdout
    unknown = run("auth", "test", "corp", "--user", "nobody", "--json")
    assert unknown.exit_code == 1
    told = json.loads(unknown.stdout)
    assert (told["identity"], told["user"]) == (None, None)
    assert told["refused"]


def test_without_a_name_the_provider_alone_is_looked_at(run: Run, corp: Path, openldap: Slapd) -> None:
    assert corp.is_dir()
    shown = run("auth", "test", "corp")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"ok: {openldap.ldaps}")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["other"], 1, "No active way in is called other. These are: local."),
        (["local", "--user", "ada", "--sample", "estate.yaml"], 2, "--user or --sample"),
        (["local", "--user", "ada"], 1, "samples_not_understood"),
    ],
)
def test_what_cannot_be_tried_out_is_said(run: Run, site: Path, arguments: list[str], code: int, message: str) -> None:
    named = [str(site / each) if each.endswith(".yaml") else each for each in arguments]
    shown = run("auth", "test", *named)
    assert (shown.exit_code, message in shown.output) == (code, True), shown.output
