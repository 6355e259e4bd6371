import subprocess
import sys
from pathlib import Path

import pytest

from tests.proxy.cli.conftest import Run


def test_a_sound_configuration_passes_with_its_warnings_shown(run: Run, site: Path) -> None:
    text = (site / "estate.yaml").read_text().replace("hosts:", "http_auth: {public: [/hooks/*]}, hosts:")
    (site / "estate.yaml").write_text(text)
    checked = run("check")
    assert checked.exit_code == 0
    assert checked.stdout.endswith("is sound. Estate files: 1, instances: 1.\n")
    assert "warning: opens /hooks/* to anyone" in checked.stderr


def test_every_problem_of_every_file_is_told_at_once(run: Run, site: Path) -> None:
    (site / "flowward.yaml").write_text("servre: {}\nsession: {idle: 1x}\nestate: [estate.yaml]\n")
    (site / "estate.yaml").write_text("spaces: [{slug: Acme, kind: team}]\n")
    checked = run("check")
    assert checked.exit_code == 2
    assert checked.stdout == ""
    told = checked.stderr.splitlines()
    assert len(told) == 3
    assert all(
        any(part in line for line in told)
        for part in ("flowward.yaml:1: servre", "session.idle", "estate.yaml:1: spaces[0].slug")
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{name: corp, plugin: nothing}", "auth.corp: plugin 'nothing' is not installed. Installed are: basic, "),
        ("{name: local, plugin: local, colour: red}", "auth.local: option 'colour' is unknown"),
    ],
)
def test_login_plugins_and_their_options_are_checked(run: Run, site: Path, entry: str, message: str) -> None:
    (site / "flowward.yaml").write_text(f"auth: [{entry}]\n")
    checked = run("check")
    assert checked.exit_code == 2
    assert message in checked.stderr


@pytest.mark.parametrize(
    "command", [["check"], ["apply"], ["user", "list"], ["keys", "rotate"], ["nodered", "snippet", "x"]]
)
def test_a_configuration_that_is_not_there_is_no_traceback(run: Run, site: Path, command: list[str]) -> None:
    (site / "flowward.yaml").unlink()
    refused = run(*command)
    assert refused.exit_code == 2
    assert "flowward.yaml: cannot be read" in refused.stderr


def test_a_store_that_cannot_be_opened_fails_with_a_sentence(run: Run, site: Path) -> None:
    (site / "var").write_text("a file where the folder should be")
    refused = run("user", "list")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("flowward: The database cannot be opened:")


def flowward(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    start = "from proxy.cli import main; main()"
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {start}", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_works_as_a_process_of_its_own(site: Path) -> None:
    assert flowward("check", folder=site).stdout == "flowward.yaml is sound. Estate files: 1, instances: 1.\n"
    assert flowward("version", folder=site).stdout.startswith("flowward ")
    assert flowward("nonsense", folder=site).returncode == 2


def test_another_package_in_the_way_of_ours_is_named(site: Path) -> None:
    (site / "config.py").write_text("")
    start = f"import sys; sys.path[:0] = [{str(site)!r}, {str(Path(__file__).parents[3])!r}]; from proxy.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", start, "check"], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"flowward: the package config is taken from {site / 'config.py'}, not from ")


def test_check_tells_of_certificates_that_cannot_be_used(run: Run, site: Path) -> None:
    (site / "gate.pem").write_text("no certificate\n")
    server = "server: {public_url: 'https://gate.example', tls: {certificate: gate.pem, key: gate.pem}}\n"
    (site / "flowward.yaml").write_text(server + "estate: [estate.yaml]\n")
    checked = run("check")
    assert checked.exit_code == 2
    assert "server.tls.certificate: and its key cannot be used" in checked.stderr
