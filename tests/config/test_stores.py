"""URLs of PostgreSQL and Redis: what they mean, and what is said of wrong ones, never with a part of a password."""

from pathlib import Path

import pytest

from config.addresses import Listen
from config.load import load
from config.stores import PostgresqlAddress, RedisAddress, RedisKind
from tests.config.conftest import Loaded, Told

HERE = Listen(host="127.0.0.1", port=6379)


def redis(kind: RedisKind = RedisKind.SINGLE, *servers: Listen, **more: object) -> RedisAddress:
    return RedisAddress(kind=kind, servers=servers or (HERE,), **more)  # type: ignore[arg-type]


def at(host: str, port: int) -> Listen:
    return Listen(host=host, port=port)


@pytest.mark.parametrize(
    ("url", "address", "shown"),
    [
        # one server
        ("redis://127.0.0.1", redis(), "redis://127.0.0.1:6379"),
        ("redis://127.0.0.1:6379/0", redis(), "redis://127.0.0.1:6379"),
        ("redis://[::1]:7000/3", redis(RedisKind.SINGLE, at("::1", 7000), db=3), "redis://[::1]:7000/3"),
        ("redis://[::1]", redis(RedisKind.SINGLE, at("::1", 6379)), "redis://[::1]:6379"),
        ("redis://:pa%40ss%2F@127.0.0.1", redis(password="pa@ss/"), "redis://:***@127.0.0.1:6379"),
        ("rediss://flow:pw@127.0.0.1", redis(tls=True, username="flow", password="pw"), "rediss://flow:***@127.0.0.1:6379"),
        # Sentinels
        (
            "redis+sentinel://:pw@a.example:1,b.example/main/2",
            redis(RedisKind.SENTINEL, at("a.example", 1), at("b.example", 26379), password="pw", master="main", db=2),
            "redis+sentinel://:***@a.example:1,b.example:26379/main/2",
        ),
        (
            "redis+sentinel://a.example/main?sentinel_password=p%26w",
            redis(RedisKind.SENTINEL, at("a.example", 26379), master="main", sentinel_password="p&w"),
            "redis+sentinel://a.example:26379/main",
        ),
        (
            "redis+sentinel://:p+w@a.example/main?sentinel_password=p+w",
            redis(RedisKind.SENTINEL, at("a.example", 26379), password="p+w", master="main", sentinel_password="p+w"),
            "redis+sentinel://:***@a.example:26379/main",
        ),
        # a cluster
        (
            "redis+cluster://a.example:1,b.example:2",
            redis(RedisKind.CLUSTER, at("a.example", 1), at("b.example", 2)),
            "redis+cluster://a.example:1,b.example:2",
        ),
        (
            "rediss+cluster://:pw@a.example",
            redis(RedisKind.CLUSTER, at("a.example", 6379), tls=True, password="pw"),
            "rediss+cluster://:***@a.example:6379",
        ),
    ],
)  # fmt: skip
def test_a_redis_is_read_from_its_url_and_shown_without_its_password(
    loaded: Loaded, url: str, address: RedisAddress, shown: str
) -> None:
    shared = loaded(f"state: {{shared: '{url}'}}").settings.state.shared
    assert shared == address
    assert str(shared) == shown
    assert "pw" not in repr(shared)
    assert "p+w" not in repr(shared)
    assert "pa@ss" not in repr(shared)


@pytest.mark.parametrize(
    ("url", "kept", "shown"),
    [
        ("postgresql://ada:pw@db.example:5432/flow", "postgresql://ada:pw@db.example:5432/flow", "postgresql://ada:***@db.example:5432/flow"),
        ("postgres://db.example/flow", "postgresql://db.example/flow", "postgresql://db.example/flow"),
        ("postgresql://ada@/flow?host=/run/pg", "postgresql://ada@/flow?host=/run/pg", "postgresql://ada@/flow"),
    ],
)  # fmt: skip
def test_a_postgresql_is_kept_as_its_url_and_shown_without_its_password(
    loaded: Loaded, url: str, kept: str, shown: str
) -> None:
    database = loaded(f"state: {{database: '{url}', shared: 'redis://h'}}").settings.state.database
    assert database == PostgresqlAddress(url=kept)
    assert str(database) == shown
    assert ":pw" not in repr(database)


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("shared: memcached", "shared: must be embedded, or redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS) with servers"),
        ("shared: 7", "shared: must be embedded, or redis://"),
        ("shared: 'http://h'", "shared: must be embedded, or redis://"),
        ("shared: 'redis+foo://h'", "shared: must be embedded, or redis://"),
        ("shared: 'redis://'", "shared: must be embedded, or redis://"),
        ("shared: 'redis://[::1'", "shared: must be embedded, or redis://"),
        ("shared: 'redis://h:0'", "shared: must be host:port as server 1. Write for example 10.0.0.1:6379"),
        ("shared: 'redis://h:99999'", "shared: must be host:port as server 1"),
        ("shared: 'redis+cluster://h:1,'", "shared: must be host:port as server 2"),
        ("shared: 'redis://a:1,b:2'", "shared: must name one server. Write redis+sentinel:// or redis+cluster://"),
        ("shared: 'redis://h/main'", "shared: must end in the number of a database. Write for example /0"),
        ("shared: 'redis+cluster://h/1'", "shared: must not name a database, since a cluster has only one"),
        ("shared: 'redis+sentinel://h'", "shared: must name the master after the Sentinels"),
        ("shared: 'redis+sentinel://h/m/x'", "shared: must end in the number of a database"),
        ("shared: 'redis://h?timeout=5'", "shared: has an option after ? that is not known there"),
        ("shared: 'redis://h?ca=/x.pem'", "shared: has an option after ? that is not known there. Known are ca"),
        ("shared: 'rediss://h?ca=/absent.pem'", "shared: must be a file that exists"),
        ("shared: {file: absent}", "shared: cannot be read from"),
        # What is not escaped in a password cuts the URL elsewhere; no part of it is shown.
        ("shared: 'redis://:secret/word@h'", "shared: must end in the number of a database"),
        ("shared: 'redis://:secret/7@h'", "shared: must end in the number of a database"),
        ("shared: 'redis://:secret/7'", "shared: must be host:port as server 1"),
        ("shared: 'redis://:sec#ret@h'", "shared: must be embedded, or redis://"),
        ("database: mysql", "database: must be sqlite or postgresql://user:password@host:port/name"),
        ("database: 'mysql://root:secret@h/d'", "database: must be sqlite or postgresql://"),
        ("database: 'postgresql://root:secret@h'", "database: must name the database after the host"),
        ("database: 'postgresql://root:sec ret@h/d'", "database: must be sqlite or postgresql://"),
    ],
)  # fmt: skip
def test_a_wrong_store_is_told_by_setting_and_remedy_without_a_secret(told: Told, state: str, problem: str) -> None:
    (said,) = told(f"state: {{{state}}}")
    assert said.startswith(f"flowward.yaml:1: state.{problem}")
    assert "secret" not in said
    assert "ret@" not in said


def test_a_store_s_url_may_stand_in_a_file_of_its_own(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("redis://:pw@127.0.0.1\n")
    assert loaded("state: {shared: {file: redis}}").settings.state.shared == redis(password="pw")


def test_a_store_s_url_may_come_from_a_file_that_the_environment_names(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("redis://:pw@127.0.0.1\n")
    (tmp_path / "database").write_text("postgresql://u:pw@h/d\n")
    state = loaded(
        environ={
            "FLOWWARD_STATE__SHARED_FILE": str(tmp_path / "redis"),
            "FLOWWARD_STATE__DATABASE_FILE": str(tmp_path / "database"),
        }
    ).settings.state
    assert state.shared == redis(password="pw")
    assert state.database == PostgresqlAddress(url="postgresql://u:pw@h/d")


def test_the_ca_of_a_redis_is_a_file_beside_the_settings(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    shared = loaded("state: {shared: 'rediss://127.0.0.1?ca=ca.pem'}").settings.state.shared
    assert shared == redis(tls=True, ca=tmp_path / "ca.pem")


@pytest.mark.parametrize("shared", ["redis://127.0.0.1", "redis+cluster://127.0.0.1"])
def test_several_workers_may_share_a_redis(loaded: Loaded, shared: str) -> None:
    config = loaded(f"{{server: {{workers: 4}}, state: {{shared: '{shared}'}}}}")
    assert config.settings.server.workers == 4
    assert config.warnings == ()


@pytest.mark.parametrize("state", ["{}", "{database: 'postgresql://h/d'}"])
def test_several_workers_without_a_redis_are_refused(told: Told, state: str) -> None:
    said = told(f"{{server: {{workers: 4}}, state: {state}}}")
    assert said[0] == (
        "flowward.yaml:1: server.workers: must be 1 while state.shared is embedded, since each worker would count "
        "limits by itself, but it is 4. Set state.shared to a Redis, for example redis://127.0.0.1:6379/0, or write "
        "workers: 1."
    )


def test_a_postgresql_without_a_redis_is_for_one_replica_and_says_so(told: Told) -> None:
    (said,) = told("state: {database: 'postgresql://h/d'}")
    assert said == (
        "flowward.yaml:1: state.shared: warning: is embedded while state.database is PostgreSQL: a second replica would be "
        "refused. Run one replica only, or set a Redis, for example redis://127.0.0.1:6379/0."
    )


def test_what_is_loaded_shows_no_password_as_text(tmp_path: Path) -> None:
    path = tmp_path / "flowward.yaml"
    path.write_text("state: {database: 'postgresql://u:hidden@h/d', shared: 'redis://:hidden@h'}")
    settings = load(path, {}).settings
    assert "hidden" not in repr(settings)
    assert "hidden" not in settings.model_dump_json()
