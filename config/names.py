"""Names and paths of what the configuration declares: slugs, users, references, roots, patterns."""

import re
from typing import Annotated

from pydantic import PlainValidator

from config.base import schema_of, text_of, wrong

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)
_BASIC_NAME = re.compile(r"[^:\x00-\x1f\x7f]{1,128}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LONGEST_GLOB = 256
_ARGON2 = re.compile(r"\$argon2id\$v=19\$[a-z0-9=,]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


def parse_slug(value: object) -> str:
    """A name for addresses and references: lower-case letters, digits and inner dashes, up to 64 characters."""
    message = "must be 1 to 64 lower-case letters, digits and inner dashes"
    text = text_of(value, message, "Write for example line-3; numbers in quotes.")
    if not _SLUG.fullmatch(text):
        raise wrong(message, "Write for example line-3.")
    return text


def parse_space(value: object) -> str:
    """The slug of a space that is named, not made: those that customers' owners made have a slug behind each `_`."""
    slug = text_of(value, "must be the slug of a space", "Write for example acme; numbers in quotes.")
    return "_".join(map(parse_slug, slug.split("_")))


def parse_username(value: object) -> str:
    """What a user types to log in: ASCII letters, digits and `._@+-`, up to 128 characters, and nothing like an id."""
    message = (
        "must be 1 to 128 letters, digits or ._@+-, beginning with a letter or digit, and not 32 hexadecimal digits"
    )
    text = text_of(value, message, "Write for example ada; numbers in quotes.")
    if not is_username(text):
        raise wrong(message, "Write for example ada.")
    return text


def _reference(value: object, *, parts: tuple[int, ...], example: str) -> str:
    message, remedy = f"must be a path such as {example}", f"Write for example {example}."
    text = text_of(value, message, remedy)
    slugs = text.split("/")
    if len(slugs) not in parts or not all(map(_SLUG.fullmatch, slugs)):
        raise wrong(message, remedy)
    return text


def parse_application_path(value: object) -> str:
    """The path of an application, `space/application`."""
    return _reference(value, parts=(2,), example="acme/plant")


def parse_resource_path(value: object) -> str:
    """The path of an application, instance or page, `space/application[/instance[/page]]`."""
    return _reference(value, parts=(2, 3, 4), example="acme/plant/line-3")


def _plain_path(value: object, message: str, remedy: str) -> str:
    text = text_of(value, message, remedy)
    segments = text.split("/")
    odd = re.search(r"[^!-~]|[\\%#?;]", text) is not None
    if not text.startswith("/") or "//" in text or odd or {".", ".."}.intersection(segments):
        raise wrong(message, remedy)
    return text


def parse_root(value: object) -> str:
    """A root of Node-RED, `/` or a path without trailing slash."""
    text = _plain_path(value, "must be an absolute path without escapes", "Write for example /admin.")
    return text.rstrip("/") or "/"


def parse_mount(value: object) -> str:
    """The path below which an instance answers on a shared host; not `/` and not below `/-`, which is the gateway's."""
    root = parse_root(value)
    if root == "/":
        raise wrong("must be longer than /", "Leave path out where the instance has the host to itself.")
    if root.split("/")[1] == "-":
        raise wrong("must not be below /-/, which the gateway keeps for itself", "Write for example /line-3.")
    return root


def parse_glob(value: object) -> str:
    """A pattern for paths: `*` stays within a segment, `**` crosses them."""
    message = f"must be an absolute path of at most {_LONGEST_GLOB} characters, with * or **, without escapes"
    remedy = "Write for example /hooks/*."
    text = _plain_path(value, message, remedy)
    if len(text) > _LONGEST_GLOB:
        raise wrong(message, remedy)
    return text


def parse_basic_name(value: object) -> str:
    """A name for HTTP Basic, which cannot hold a colon (RFC 7617 section 2)."""
    message, remedy = "must be 1 to 128 characters without a colon", "Write for example machine-1."
    text = text_of(value, message, remedy)
    if not _BASIC_NAME.fullmatch(text):
        raise wrong(message, remedy)
    return text


def parse_email(value: object) -> str:
    """A mail address, of which only the shape is judged."""
    message, remedy = "must be a mail address", "Write for example ada@example.org."
    text = text_of(value, message, remedy)
    if not _EMAIL.fullmatch(text):
        raise wrong(message, remedy)
    return text


def is_username(text: str) -> bool:
    """Whether this could be typed to log in. What could be an id is none: flows name users by ids, and some by usernames."""
    return _USERNAME.fullmatch(text) is not None and not is_id(text)


def is_id(text: str) -> bool:
    """Whether this has the shape of an id that the gateway gives."""
    return _ID.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """Whether this has the shape of a mail address."""
    return _EMAIL.fullmatch(text) is not None


def parse_password_hash(value: object) -> str:
    """An argon2id hash in PHC string format."""
    message, remedy = "must be an argon2id hash", "Write it in single quotes: '$argon2id$v=19$...'."
    text = text_of(value, message, remedy)
    if not _ARGON2.fullmatch(text):
        raise wrong(message, remedy)
    return text


SpaceSlug = Annotated[
    str,
    PlainValidator(parse_space),
    schema_of("slug", pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(_[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"),
]
Slug = Annotated[str, PlainValidator(parse_slug), schema_of("slug", pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Username = Annotated[str, PlainValidator(parse_username), schema_of("username")]
BasicName = Annotated[str, PlainValidator(parse_basic_name), schema_of("name")]
Email = Annotated[str, PlainValidator(parse_email), schema_of("mail address")]
PasswordHash = Annotated[str, PlainValidator(parse_password_hash), schema_of("hash", pattern=r"^\$argon2id\$")]
ApplicationPath = Annotated[str, PlainValidator(parse_application_path), schema_of("space/application")]
ResourcePath = Annotated[str, PlainValidator(parse_resource_path), schema_of("space/application[/instance[/page]]")]
Root = Annotated[str, PlainValidator(parse_root), schema_of("path", pattern="^/")]
Mount = Annotated[str, PlainValidator(parse_mount), schema_of("path", pattern="^/.")]
Glob = Annotated[str, PlainValidator(parse_glob), schema_of("glob", pattern="^/")]
