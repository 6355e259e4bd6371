from pathlib import Path

import pytest

from tests.proxy.cli.conftest import Run


def test_a_new_user_is_pending_and_gets_a_link_that_is_printed_once(run: Run) -> None:
    added = run("user", "add", "max", "--email", "max@acme.example", "--name", "Max", "--admin")
    assert added.exit_code == 0
    assert added.stdout.startswith("http://localhost:8080/-/activate/")
    assert run("user", "list").stdout.splitlines()[1].split() == [
        "max",
        "pending",
        "max@acme.example",
        "admin",
        "by",
        "hand",
    ]
    assert "activate" not in run("user", "list").output


def test_a_user_is_added_with_roles_in_spaces(run: Run) -> None:
    run("apply")
    assert run("user", "add", "max", "--member", "acme=member").exit_code == 0
    assert "acme=member" in run("user", "list").stdout


def test_who_logs_in_by_a_provider_gets_no_link(run: Run, site: Path) -> None:
    refused = run("user", "add", "max", "--provider", "corp")
    assert (refused.exit_code, "Those are: none" in refused.stderr) == (2, True)
    assert run("user", "list").stdout.count("max") == 0
    settings = site / "flowward.yaml"
    settings.write_text(settings.read_text() + "auth: [{name: local, plugin: local}, {name: corp, plugin: headers}]\n")
    added = run("user", "add", "max", "--provider", "corp")
    assert (added.exit_code, added.stdout) == (0, "max logs in by corp from now on.\n")
    assert run("user", "list").stdout.splitlines()[1].split()[:2] == ["max", "active"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["max", "--member", "nowhere=member"], 1, "There is no space nowhere."),
        (["max", "--member", "acme=king"], 2, "must be SPACE=ROLE with a role of dashboard, viewer, member, owner"),
        (["ma x"], 2, "must be 1 to 128 letters, digits or ._@+-"),
        (["max", "--email", "max"], 2, "'max'"),
        (["ROOT"], 1, "The username ROOT is taken."),
    ],
)
def test_what_cannot_be_a_user_is_refused(run: Run, arguments: list[str], code: int, message: str) -> None:
    run("user", "add", "root", "--admin")
    refused = run("user", "add", *arguments)
    assert refused.exit_code == code
    assert message in refused.stderr
    assert refused.stdout == ""


def test_a_link_is_made_anew_for_someone_who_lost_it(run: Run) -> None:
    first = run("user", "add", "max").stdout
    second = run("user", "link", "max").stdout
    assert second.startswith("http://localhost:8080/-/activate/")
    assert first != second


def test_a_suspended_user_gets_no_link(run: Run) -> None:
    run("user", "add", "max")
    run("user", "suspend", "max")
    refused = run("user", "link", "max")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "flowward user resume max" in refused.stderr


def test_whose_password_a_file_states_gets_no_link(run: Run) -> None:
    run("apply")
    refused = run("user", "link", "ada")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "The password of ada stands in estate.yaml" in refused.stderr
    assert run("user", "link", "root").exit_code == 0


def test_suspending_and_resuming_are_told_to_the_next_command(run: Run) -> None:
    run("apply")
    suspended = run("user", "suspend", "ADA")
    assert suspended.stdout == "ada is suspended.\n"
    assert "estate.yaml declares ada" in suspended.stderr
    assert "suspended" in run("user", "list").stdout
    assert run("apply").stdout == "Everything is as declared.\n"
    assert run("user", "resume", "ada").stdout == "ada may log in again.\n"
    assert "suspended" not in run("user", "list").stdout


def test_one_who_never_chose_a_password_is_pending_again_after_a_suspension(run: Run) -> None:
    run("user", "add", "max")
    run("user", "suspend", "max")
    assert "has no password yet" in run("user", "resume", "max").stdout
    refused = run("user", "resume", "max")
    assert (refused.exit_code, refused.stderr) == (1, "flowward: max is not suspended, but pending.\n")


def test_s_09_second_factors_are_taken_away_by_hand(run: Run) -> None:
    """S-09."""
    run("apply")
    done = run("user", "reset-mfa", "Ada")
    assert done.stdout.startswith("ada has no second factor any more")
    refused = run("user", "reset-mfa", "nobody")
    assert (refused.exit_code, "There is no user nobody" in refused.stderr) == (1, True)


def test_a_user_who_is_not_there_is_told(run: Run) -> None:
    refused = run("user", "suspend", "nobody")
    assert refused.exit_code == 1
    assert refused.stderr == "flowward: There is no user nobody. Run flowward user list to see who there is.\n"
