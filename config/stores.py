"""Where state is kept on the network: PostgreSQL and Redis, written as URLs that may hold a password."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import override

from config.addresses import Listen, parse_listen
from config.base import text_of, wrong
from config.files import FILE_SCHEMA, parse_file, parse_secret_file

_ESCAPES: Final = "in a name or password write @ as %40, : as %3A, / as %2F, # as %23 and ? as %3F"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlAddress:
    """A PostgreSQL database; the text of it leaves the password out."""

    url: str = field(repr=False)

    @property
    def servers(self) -> tuple[Listen, ...]:
        """The server it lies on; none where that is reached by a socket of this machine."""
        parts = urlsplit(self.url)
        return (Listen(host=parts.hostname, port=parts.port or 5432),) if parts.hostname else ()

    @override
    def __str__(self) -> str:
        return _masked(self.url)


class RedisKind(StrEnum):
    SINGLE = "redis"
    SENTINEL = "redis+sentinel"
    """The servers named are Sentinels, which say where the master is."""
    CLUSTER = "redis+cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """Redis: one server, a master that Sentinels look after, or a cluster; the text of it leaves passwords out."""

    kind: RedisKind
    servers: tuple[Listen, ...]
    tls: bool = False
    ca: Path | None = None
    """PEM file of the CA to trust instead of the system's."""
    username: str = ""
    password: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)
    master: str = ""
    """With Sentinels: the name they know the master by."""
    db: int = 0

    @override
    def __str__(self) -> str:
        scheme = self.kind.replace("redis", "rediss") if self.tls else self.kind
        user = f"{self.username}:***@" if self.password else ""
        path = "/".join(part for part in (self.master, str(self.db) if self.db else "") if part)
        return f"{scheme}://{user}{','.join(map(str, self.servers))}{'/' if path else ''}{path}"


def _masked(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{':***' if ':' in user else ''}{at}{host}{parts.path}"


def _written(value: object, info: ValidationInfo, message: str, remedy: str) -> str:
    """The text of a setting that may stand in a file of its own, since it may hold a password."""
    if isinstance(value, Mapping):
        return parse_secret_file(value, info).get_secret_value()
    return text_of(value, message, remedy)


def parse_database(value: object, info: ValidationInfo) -> Literal["sqlite"] | PostgresqlAddress:
    """`sqlite`, `postgresql://user:password@host:port/name`, or `{file: path}` of a file that holds the latter."""
    if isinstance(value, PostgresqlAddress):
        return value
    message, remedy = "must be sqlite or postgresql://user:password@host:port/name", f"Write one of them; {_ESCAPES}."
    text = _written(value, info, message, remedy)
    if text == "sqlite":
        return "sqlite"
    parts = _split(text, message, remedy)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise wrong(message, remedy)
    if not parts.path.removeprefix("/"):
        raise wrong("must name the database after the host", "Write for example postgresql://127.0.0.1:5432/flowward.")
    return PostgresqlAddress(url=re.sub(r"^postgres(?:ql)?://", "postgresql://", text))


def parse_shared(value: object, info: ValidationInfo) -> Literal["embedded"] | RedisAddress:
    """`embedded`, one of the Redis URLs, or `{file: path}` of a file that holds such a URL."""
    if isinstance(value, RedisAddress):
        return value
    message = "must be embedded, or redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS) with servers"
    remedy = f"Write for example redis://127.0.0.1:6379/0; {_ESCAPES}."
    text = _written(value, info, message, remedy)
    if text == "embedded":
        return "embedded"
    parts = _split(text, message, remedy)
    found = re.fullmatch(r"redis(s?)((?:\+sentinel|\+cluster)?)", parts.scheme)
    if found is None:
        raise wrong(message, remedy)
    kind, tls = RedisKind(f"redis{found[2]}"), bool(found[1])
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    master, db = _path(kind, parts.path)
    options = _options(kind, parts.query, tls=tls)
    return RedisAddress(
        kind=kind,
        servers=_servers(kind, hosts),
        tls=tls,
        ca=parse_file(options["ca"], info) if "ca" in options else None,
        username=unquote(username),
        password=unquote(password),
        sentinel_password=options.get("sentinel_password", ""),
        master=master,
        db=db,
    )


def _split(text: str, message: str, remedy: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise wrong(message, remedy) from None
    if not parts.netloc or parts.fragment or re.search(r"[^!-~]", text):
        raise wrong(message, remedy)
    return parts


def _servers(kind: RedisKind, hosts: str) -> tuple[Listen, ...]:
    port = 26379 if kind is RedisKind.SENTINEL else 6379
    named = hosts.split(",")
    if kind is RedisKind.SINGLE and len(named) > 1:
        raise wrong("must name one server", "Write redis+sentinel:// or redis+cluster:// where there are several.")
    return tuple(_server(each, number, port) for number, each in enumerate(named, 1))


def _server(text: str, number: int, port: int) -> Listen:
    """One server; a wrong one is told by its number, since it may be a part of a password."""
    try:
        server = parse_listen(text if re.search(r"[^:\]]:\d+$|\]:\d+$", text) else f"{text}:{port}")
    except PydanticCustomError:
        server = None
    if server is None or server.port == 0:
        raise wrong(f"must be host:port as server {number}", f"Write for example 10.0.0.1:{port}; {_ESCAPES}.")
    return server


def _path(kind: RedisKind, path: str) -> tuple[str, int]:
    """The master's name and the number of the database."""
    parts = path.strip("/").split("/")
    if kind is RedisKind.CLUSTER and parts != [""]:
        raise wrong("must not name a database, since a cluster has only one", "Remove what follows the servers.")
    master = unquote(parts.pop(0)) if kind is RedisKind.SENTINEL else ""
    if kind is RedisKind.SENTINEL and not master:
        raise wrong("must name the master after the Sentinels", "Write for example …:26379/mymaster.")
    db = "/".join(parts) or "0"
    if not re.fullmatch(r"\d{1,4}", db, re.ASCII):
        raise wrong("must end in the number of a database", "Write for example /0, or nothing.")
    return master, int(db)


def _options(kind: RedisKind, query: str, *, tls: bool) -> dict[str, str]:
    # A + is itself, as everywhere else in these URLs: that it is a blank holds for forms.
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    known = {name for name, known in (("ca", tls), ("sentinel_password", kind is RedisKind.SENTINEL)) if known}
    if set(options) - known:
        raise wrong(
            "has an option after ? that is not known there",
            "Known are ca, a PEM file, with TLS, and sentinel_password with Sentinels.",
        )
    return options


def _schema(word: str, *urls: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"anyOf": [{"const": word}, *({"type": "string", "title": f"`{url}://…`"} for url in urls), FILE_SCHEMA]}
    )


DatabaseSetting = Annotated[
    Literal["sqlite"] | PostgresqlAddress,
    PlainValidator(parse_database),
    PlainSerializer(str),
    _schema("sqlite", "postgresql"),
]
SharedSetting = Annotated[
    Literal["embedded"] | RedisAddress,
    PlainValidator(parse_shared),
    PlainSerializer(str),
    _schema("embedded", "redis", "redis+sentinel", "redis+cluster"),
]
