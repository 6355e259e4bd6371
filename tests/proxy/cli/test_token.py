"""`flowward token`: values shown once, limits told, what cannot be is refused with a remedy."""

import re

import pytest

from tests.proxy.cli.conftest import Run

VALUE = re.compile(r"fw[phs]_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def ready(run: Run) -> Run:
    """With the instance acme/plant/line-3, and ada, an owner of acme."""
    assert run("apply").exit_code == 0
    return run


def table(run: Run, *arguments: str) -> list[list[str]]:
    lines = run("token", "list", *arguments).stdout.splitlines()
    return [re.split(r" {2,}", line) for line in lines[1:]]


@pytest.mark.parametrize(
    ("arguments", "prefix", "of", "limits"),
    [
        (["--user", "ada", "--name", "ci"], "fwp_", "ada", "-"),
        (["--user", "ada", "--name", "ci", "--read-only", "--space", "acme"], "fwp_", "ada", "read-only, space acme"),
        (["--user", "ADA", "--name", "ci", "--from", "10.0.0.0/8"], "fwp_", "ada", "from 10.0.0.0/8"),
        (
            ["--instance", "acme/plant/line-3", "--name", "plc", "--path", "/api/*", "--method", "get"],
            "fwh_",
            "acme/plant/line-3",
            "path /api, GET",
        ),
        (["--service", "deploy-bot", "--space", "acme=member"], "fws_", "deploy-bot", "-"),
    ],
)
def test_a_value_is_printed_once_and_the_list_shows_the_rest(
    ready: Run, arguments: list[str], prefix: str, of: str, limits: str
) -> None:
    made = ready("token", "create", *arguments)
    assert made.exit_code == 0, made.stderr
    assert VALUE.fullmatch(made.stdout)
    assert made.stdout.startswith(prefix)
    assert made.stdout.strip() not in made.stderr
    [[id_, _, _, whose, expires, used, told]] = table(ready)
    assert id_ in made.stderr
    assert (whose, expires, used, told) == (of, "never", "never", limits)
    assert made.stdout.strip() not in ready("token", "list").output


def test_lists_are_of_a_user_or_of_an_instance(ready: Run) -> None:
    ready("token", "create", "--user", "ada", "--name", "ci", "--expires", "90d")
    ready("token", "create", "--instance", "acme/plant/line-3", "--name", "plc")
    assert [row[2] for row in table(ready, "--user", "ada")] == ["ci"]
    assert [row[2] for row in table(ready, "--instance", "acme/plant/line-3")] == ["plc"]
    assert table(ready, "--user", "ada")[0][4] != "never"


def test_a_service_account_is_made_with_its_first_token_and_is_no_person(ready: Run) -> None:
    ready("token", "create", "--service", "bot", "--space", "acme=member")
    assert ready("token", "create", "--service", "bot", "--name", "second").exit_code == 0
    assert [row[2] for row in table(ready, "--user", "bot")] == ["second", "bot"]
    assert "bot" not in ready("user", "list").stdout
    refused = ready("user", "link", "bot")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "service account" in refused.stderr


def test_a_revoked_token_is_gone_and_a_service_account_goes_with_its_tokens(ready: Run) -> None:
    ready("token", "create", "--user", "ada", "--name", "ci")
    ready("token", "create", "--service", "bot", "--space", "acme=member")
    [ci] = table(ready, "--user", "ada")
    assert ready("token", "revoke", ci[0]).exit_code == 0
    assert ready("token", "revoke", "--service", "bot").exit_code == 0
    assert table(ready) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["create", "--name", "x"], 2, "one of --user, --instance and --service"),
        (["create", "--user", "ada", "--instance", "acme/plant/line-3", "--name", "x"], 2, "one of --user"),
        (["create", "--user", "ada"], 2, "--name says what it is for"),
        (["create", "--user", "ada", "--name", "x", "--path", "/api"], 2, "--path and --method go with --instance"),
        (["create", "--instance", "acme/plant/line-3", "--name", "x", "--read-only"], 2, "do not go with --instance"),
        (["create", "--user", "eve", "--name", "x"], 1, "There is no user eve."),
        (["create", "--instance", "acme/plant/line-9", "--name", "x"], 1, "There is no instance acme/plant/line-9."),
        (["create", "--user", "ada", "--name", "x", "--space", "nowhere"], 1, "There is no space nowhere."),
        (["create", "--user", "ada", "--name", "x", "--admin"], 1, "ada is no admin"),
        (["create", "--user", "ada", "--name", "x", "--expires", "soon"], 2, "'soon'"),
        (["create", "--user", "ada", "--name", "x", "--from", "10.0.0.1/8"], 1, "networks/0 must be a CIDR"),
        (["create", "--service", "bot"], 2, "--space SPACE=ROLE"),
        (["create", "--service", "ada"], 1, "ada is a person, not a service account"),
        (["create", "--service", "bot", "--space", "nowhere=member"], 1, "There is no space nowhere."),
        (["revoke", "nothing"], 1, "There is no token nothing."),
        (["revoke"], 2, "Name the ID of a token"),
        (["revoke", "--service", "ada"], 1, "There is no service account ada."),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(ready: Run, arguments: list[str], code: int, message: str) -> None:
    refused = ready("token", *arguments)
    assert (refused.exit_code, refused.stdout) == (code, ""), refused.stderr
    assert message in refused.stderr
    assert table(ready) == []


def test_a_person_is_no_service_account_the_other_way_round_either(ready: Run) -> None:
    ready("token", "create", "--service", "bot", "--space", "acme=member")
    assert "is a service account" in ready("token", "create", "--user", "bot", "--name", "x").stderr
    assert "leave --space out" in ready("token", "create", "--service", "bot", "--space", "acme=owner").stderr


def test_what_the_command_does_is_on_record_as_the_command_lines(ready: Run) -> None:
    ready("token", "create", "--user", "ada", "--name", "ci")
    value = ready("token", "create", "--instance", "acme/plant/line-3", "--name", "plc").stdout.strip()
    told = ready("audit", "export").stdout
    assert '"event":"user.pat.created"' in told.replace(" ", "")
    assert '"event":"project.httpToken.created"' in told.replace(" ", "")
    assert '"source":"cli"' in told.replace(" ", "")
    assert value not in told
