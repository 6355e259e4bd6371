from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from config.names import (
    parse_application_path,
    parse_basic_name,
    parse_email,
    parse_glob,
    parse_mount,
    parse_password_hash,
    parse_resource_path,
    parse_root,
    parse_slug,
    parse_space,
    parse_username,
)

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"


@pytest.mark.parametrize(
    ("parse", "written"),
    [
        (parse_slug, "line-3"),
        (parse_slug, "a"),
        (parse_slug, "a" * 64),
        (parse_space, "acme"),
        (parse_space, "tower_north_acme-2"),
        (parse_username, "ada"),
        (parse_username, "Ada.L@acme.example"),
        (parse_username, "0123456789abcdef" * 2 + "0"),
        (parse_username, "0123456789abcde." * 2),
        (parse_basic_name, "machine 1"),
        (parse_email, "ada@example.org"),
        (parse_password_hash, HASH),
        (parse_application_path, "acme/plant"),
        (parse_resource_path, "acme/plant"),
        (parse_resource_path, "acme/plant/line-3"),
        (parse_root, "/"),
        (parse_root, "/admin"),
        (parse_mount, "/line-3"),
        (parse_glob, "/hooks/*"),
        (parse_glob, "/api/**"),
    ],
)
def test_a_good_name_stays_as_it_is(parse: Callable[[object], str], written: str) -> None:
    assert parse(written) == written


@pytest.mark.parametrize(
    ("parse", "written"),
    [
        *((parse_slug, bad) for bad in ["", "-a", "a-", "A", "a_b", "a/b", "a" * 65, 3, "a\n", "é"]),
        *((parse_space, bad) for bad in ["", "_a", "a_", "a__b", "a-_b", "A", 3]),
        *((parse_username, bad) for bad in ["", " ada", "a b", "a/b", "@a", "a\n", 1, "a" * 129, "a" * 32, "0F" * 16]),
        *((parse_basic_name, bad) for bad in ["", "a:b", "a\r", 1]),
        *((parse_email, bad) for bad in ["ada", "@a", "a@", "a@b@c", "a b@c", 1]),
        *((parse_password_hash, bad) for bad in ["secret", "$2b$12$x", "$argon2id$", 1]),
        *((parse_application_path, bad) for bad in ["acme", "acme/plant/line", "/acme/plant", "acme//plant", 1]),
        *((parse_resource_path, bad) for bad in ["acme", "a/b/c/d/e", "acme/Plant"]),
        *(
            (parse_root, bad)
            for bad in ["", "admin", "//a", "/a/../b", "/./a", "/a%2f", "/a?b", "/a#b", "/a;b", "/a b", "\\a", 1]
        ),
        *((parse_mount, bad) for bad in ["/", "/-", "/-/login", "line"]),
        *((parse_glob, bad) for bad in ["*", "/a/../*", "/a?", "/" + "a" * 256]),
    ],
)
def test_a_bad_name_is_refused_with_an_example(parse: Callable[[object], str], written: object) -> None:
    with pytest.raises(PydanticCustomError, match=r"^must .*\. (Write|Leave) "):
        parse(written)


def test_a_root_has_no_trailing_slash() -> None:
    assert parse_root("/admin/") == "/admin"
