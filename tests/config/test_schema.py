import ipaddress
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.addresses import Listen, Origin
from config.schema import Settings
from config.times import Rate
from tests.config.conftest import Loaded, Told


def test_an_empty_file_is_the_defaults(loaded: Loaded, tmp_path: Path) -> None:
    settings = loaded().settings
    assert settings.server.listen == (Listen(host="127.0.0.1", port=8080),)
    assert settings.server.public_url == Origin(scheme="http", host="localhost", port=8080)
    assert settings.server.operations == Listen(host="127.0.0.1", port=9090)
    assert settings.server.trusted_proxies == ()
    assert (settings.session.absolute, settings.session.idle) == (604800, 115200)
    assert settings.limits.login == Rate(count=5, seconds=30)
    assert [(entry.name, entry.plugin) for entry in settings.auth] == [("local", "local")]
    assert settings.state.directory == tmp_path / "var"


def test_relative_paths_are_relative_to_the_file(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "gate.pem").touch()
    settings = loaded(
        "server: {public_url: https://gate.example, tls: {certificate: gate.pem, key: gate.pem}}\n"
        "state: {directory: kept}\n"
        "auth: [{name: corp, plugin: ldap, bind_password: {file: secrets/bind}}]\n"
    ).settings
    assert settings.server.tls is not None
    assert settings.server.tls.certificate == tmp_path / "gate.pem"
    assert settings.state.directory == tmp_path / "kept"
    assert settings.auth[0].options == {"bind_password": {"file": "secrets/bind"}}
    assert settings.auth[0].directory == tmp_path


def test_a_plugin_s_options_are_kept_as_written(loaded: Loaded) -> None:
    (entry,) = loaded("auth: [{name: corp, plugin: ldap, url: 'ldaps://d', depth: 3}]").settings.auth
    assert entry.options == {"url": "ldaps://d", "depth": 3}


def test_networks_become_networks(loaded: Loaded) -> None:
    settings = loaded("server: {trusted_proxies: [10.0.0.0/8]}").settings
    assert settings.server.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"),)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().server = Settings().server  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        # kinds of value
        ("server: {fast_lane: no}", "1: server.fast_lane: must be true or false, but it is 'no'. Write true or false."),
        ("server: {connections: many}", "1: server.connections: must be a whole number, but it is 'many'. Write it in digits."),
        ("server: {connections: 0}", "1: server.connections: must be at least 1, but it is 0. Raise it."),
        ("server: {listen: a:1}", "1: server.listen: must be a list, but it is 'a:1'. Write [first, second]."),
        ("server: {listen: []}", "1: server.listen: must have at least 1 entry. Add one, or leave listen out for the default."),
        ("server: 5", "1: server: must be a mapping, but it is 5. Write key: value lines below it."),
        ("log: {level: loud}", "1: log.level: must be 'debug', 'info', 'warning' or 'error', but it is 'loud'. Choose one of them."),
        ("\nserver:\n  listen:\n    - abc", "4: server.listen[0]: must be host:port, but it is 'abc'. Write for example 127.0.0.1:8080."),
        ("server: {timeouts: {head: 0}}", "1: server.timeouts.head: must be longer than 0, but it is 0. Write for example 30s, 5m, 12h or 7d."),
        # unknown keys
        ("server: {lissten: []}", "1: server.lissten: is not a setting. Did you mean listen?"),
        ("sesion: {}", "1: sesion: is not a setting. Did you mean session?"),
        ("log: {xyz: 1}", "1: log.xyz: is not a setting. Known here: access, format, level."),
        # lengths of a session
        ("session: {absolute: 1h, idle: 1h}", "1: session.idle: must be shorter than absolute (1h), but it is '1h'. Lower idle or raise absolute."),
        # what a request waits for
        ("state: {timeout: 200ms}", "1: state.timeout: must be 1s to 1m, but it is '200ms'. Keep 3s unless the database is far away or its disk is slow."),
        ("state: {timeout: 2m}", "1: state.timeout: must be 1s to 1m, but it is '2m'. Keep 3s unless the database is far away or its disk is slow."),
        # ways to log in
        ("auth: []", "1: auth: must have at least 1 entry. Add one, or leave auth out for the default."),
        ("auth: [{name: a}]", "1: auth[0].plugin: is missing. Add plugin."),
        ("auth: [x]", "1: auth[0]: must be a mapping, but it is 'x'. Write key: value lines below it."),
        ("auth: [{name: a, plugin: local}, {name: a, plugin: local}]", "1: auth: has the name a more than once. Give every entry a name of its own."),
        ("auth: [{name: a, plugin: ''}]", "1: auth[0].plugin: must not be empty, but it is ''. Write a text."),
        # secrets stay where they are
        ("server: {public_url: 'http://ada:pw@h'}", "1: server.public_url: must be http:// or https:// with a host and no path, without user, query and fragment, but it is 'http://***@h'. Write for example https://gate.example.org."),
    ],
)  # fmt: skip
def test_a_bad_setting_is_told_with_place_value_and_remedy(told: Told, settings: str, problem: str) -> None:
    assert told(settings) == [f"flowward.yaml:{problem}"]


def test_a_file_that_is_named_must_be_there(told: Told) -> None:
    """The key is not shown: somebody will have put the key itself there."""
    remedy = "Create it or correct the path, which is relative to this file."
    settings = "server: {public_url: https://a, tls: {certificate: no.pem, key: -----BEGIN}}"
    assert told(settings) == [
        f"flowward.yaml:1: server.tls.certificate: must be a file that exists, but it is 'no.pem'. {remedy}",
        f"flowward.yaml:1: server.tls.key: must be a file that exists. {remedy}",
    ]
