from pathlib import Path

from tests.proxy.cli.conftest import ESTATE, Run


def test_apply_prints_each_difference_and_each_activation_link_once(run: Run) -> None:
    first = run("apply")
    assert first.exit_code == 0
    lines = first.stdout.splitlines()
    assert lines[:5] == [
        "+ team acme",
        "+ application acme/plant",
        "+ instance acme/plant/line-3",
        "+ user ada",
        "+ user root",
    ]
    assert lines[5].startswith("root chooses a password at http://localhost:8080/-/activate/")
    assert len(lines) == 6
    again = run("apply")
    assert (again.exit_code, again.stdout) == (0, "Everything is as declared.\n")


def test_a_dry_run_prints_the_same_and_writes_nothing(run: Run) -> None:
    dry = run("apply", "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.splitlines()[-1] == "+ user root"
    assert "nothing is written" in dry.stderr
    assert run("user", "list").stdout.splitlines() == ["USERNAME  STATE  EMAIL  ROLES  FROM"]


def test_a_password_in_a_file_is_taken_over_when_it_changes_and_is_not_shown(run: Run, site: Path) -> None:
    run("apply")
    (site / "ada.password").write_text("another horse battery")
    assert run("apply").stdout == "~ user ada: password changed\n"
    assert run("apply").stdout == "Everything is as declared.\n"


def test_a_password_nobody_could_log_in_with_is_refused(run: Run, site: Path) -> None:
    (site / "ada.password").write_text("x" * 129)
    refused = run("apply")
    assert refused.exit_code == 2
    assert refused.stderr.endswith("more than 128 characters, which no login accepts. Choose a shorter one.\n")


def test_what_is_gone_from_a_file_is_removed_unless_it_is_to_be_kept(run: Run, site: Path) -> None:
    run("apply")
    (site / "estate.yaml").write_text("spaces: [{slug: acme, kind: team}]\n")
    assert run("apply", "--no-prune").stdout == "Everything is as declared.\n"
    assert run("apply").stdout.splitlines()[-1] == "- application acme/plant"


def test_another_file_adds_to_what_the_first_declares(run: Run, site: Path) -> None:
    run("apply")
    other = site / "people.yaml"
    other.write_text("users: [{username: vic, memberships: {acme: viewer}}]\n")
    assert run("apply", "-f", str(other)).stdout == "+ user vic\n"
    assert run("apply").stdout == "Everything is as declared.\n"


def test_bad_references_are_told_with_file_and_line_and_exit_2(run: Run, site: Path) -> None:
    other = site / "people.yaml"
    other.write_text("users:\n  - {username: vic, memberships: {nowhere: viewer}}\n")
    refused = run("apply", "-f", str(other))
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"{other}:2: users[0].memberships.nowhere: names a space that is not there. "
        "Declare that space or correct the slug.\n"
    )
    assert "vic" not in run("user", "list").stdout


def test_an_estate_file_that_is_not_there_is_told(run: Run, site: Path) -> None:
    refused = run("apply", "-f", str(site / "none.yaml"))
    assert refused.exit_code == 2
    assert "none.yaml: cannot be read" in refused.stderr


def test_a_file_that_is_named_is_judged_like_one_of_the_configuration(run: Run, site: Path) -> None:
    other = site / "other.yaml"
    other.write_text(ESTATE.replace("line-3.localhost", "localhost"))
    refused = run("apply", "-f", str(other))
    assert refused.exit_code == 2
    assert "the gateway's own host" in refused.stderr


def test_a_user_made_by_hand_is_not_taken_over(run: Run) -> None:
    run("user", "add", "ada")
    refused = run("apply")
    assert refused.exit_code == 2
    assert "declares the user ada, but there is one made by hand" in refused.stderr
