from pathlib import Path

import pytest

from config.addresses import Listen
from tests.config.conftest import Loaded, Told


def test_the_environment_stands_above_the_file(loaded: Loaded) -> None:
    settings = loaded(
        "server: {public_url: http://localhost:1, drain: 1s}",
        environ={"FLOWWARD_SERVER__PUBLIC_URL": "http://localhost:2"},
    ).settings
    assert settings.server.public_url.port == 2
    assert settings.server.drain == 1


def test_lists_are_separated_by_commas(loaded: Loaded) -> None:
    settings = loaded(environ={"FLOWWARD_SERVER__LISTEN": "127.0.0.1:1, [::1]:2"}).settings
    assert settings.server.listen == (Listen(host="127.0.0.1", port=1), Listen(host="::1", port=2))


def test_values_have_the_type_of_their_setting(loaded: Loaded) -> None:
    server = loaded(
        environ={
            "FLOWWARD_SERVER__FAST_LANE": "false",
            "FLOWWARD_SERVER__CONNECTIONS": "7",
            "FLOWWARD_SERVER__OPERATIONS": "",
            "FLOWWARD_SERVER__TIMEOUTS__HEAD": "90",
            "FLOWWARD_SERVER__REDIRECT_HTTP": "",
        }
    ).settings.server
    assert server.fast_lane is False
    assert server.connections == 7
    assert server.operations is None
    assert server.timeouts.head == 90
    assert server.redirect_http == ()


def test_a_variable_can_name_a_file_that_holds_the_value(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://localhost:3\n")
    settings = loaded(environ={"FLOWWARD_SERVER__PUBLIC_URL_FILE": str(tmp_path / "url")}).settings
    assert settings.server.public_url.port == 3


def test_an_option_of_a_plugin_is_named_by_its_entry(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("s3cret\n")
    settings = loaded(
        "auth: [{name: local, plugin: local}, {name: my-corp, plugin: ldap, url: a}]",
        environ={
            "FLOWWARD_AUTH__MY_CORP__URL": "b",
            "FLOWWARD_AUTH__MY_CORP__BIND_PASSWORD_FILE": str(tmp_path / "pw"),
        },
    ).settings
    assert settings.auth[1].options == {"url": "b", "bind_password": "s3cret"}
    assert settings.auth[0].options == {}


def test_an_estate_in_a_variable_is_relative_to_the_working_directory(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/other.yaml").write_text("spaces: [{slug: acme, kind: team}]")
    monkeypatch.chdir(tmp_path / "below")
    (file,) = loaded(environ={"FLOWWARD_ESTATE": "other.yaml"}).estates
    assert file.path == tmp_path / "below/other.yaml"


@pytest.mark.parametrize("variable", ["FLOWWARD_CONFIG", "HOME", "OTHER__SERVER__LISTEN", "FLOWWARDX__A"])
def test_other_variables_are_none_of_our_business(told: Told, variable: str) -> None:
    assert told(environ={variable: "x"}) == []


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("FLOWWARD_SERVER__LISTN", "x", "names no setting to set. Did you mean listen?"),
        ("FLOWWARD_SERVR__LISTEN", "x", "names no setting to set. Did you mean server?"),
        ("FLOWWARD_LOG", "x", "names no setting to set. log is a section; add __ and one of: access, format, level."),
        ("FLOWWARD_LOG__LEVEL__X", "x", "names no setting to set. log.level holds a value, not a section."),
        ("FLOWWARD_AUTH__CORP__URL", "x", "names no setting to set. Add an entry named corp to auth first."),
        (
            "FLOWWARD_SERVER__PUBLIC_URL_FILE",
            "/absent",
            "cannot be read. Create the file it names or correct the path.",
        ),
        ("FLOWWARD_SERVER__FAST_LANE", "yes", "must be true or false, but it is 'yes'. Write true or false."),
    ],
)
def test_a_bad_variable_is_told_by_its_name(told: Told, variable: str, value: str, problem: str) -> None:
    assert told(environ={variable: value}) == [f"environment: {variable}: {problem}"]


def test_a_value_and_a_file_for_one_setting_are_one_too_many(told: Told, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://localhost:3")
    environ = {
        "FLOWWARD_SERVER__PUBLIC_URL": "http://localhost:2",
        "FLOWWARD_SERVER__PUBLIC_URL_FILE": str(tmp_path / "url"),
    }
    (problem,) = told(environ=environ)
    assert problem.endswith("Set either FLOWWARD_SERVER__PUBLIC_URL or FLOWWARD_SERVER__PUBLIC_URL_FILE.")


def test_what_a_file_of_a_variable_holds_is_never_shown(told: Told, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("hunter2")
    (problem,) = told(environ={"FLOWWARD_SERVER__PUBLIC_URL_FILE": str(tmp_path / "wrong")})
    assert problem.startswith("environment: FLOWWARD_SERVER__PUBLIC_URL_FILE: must be http")
    assert "hunter2" not in problem
