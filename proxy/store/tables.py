"""The tables of the SQL store: the five of the domain, and what hangs on them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite counts only in a column declared INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")

# Compared by code points, as SQLite does: pages of a list must not depend on a server's language.
Ordered = String().with_variant(String(collation="C"), "postgresql")


def _standing(target: str) -> ForeignKey:
    """A reference that must hold when the transaction ends, so that the order of edits does not matter."""
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


def _hanging(target: str) -> ForeignKey:
    """A reference whose row goes with what it refers to."""
    return ForeignKey(target, ondelete="CASCADE", deferrable=True, initially="DEFERRED")


user = Table(
    "user",
    metadata,
    Column("id", String, primary_key=True),
    Column("username", String, nullable=False),
    Column("username_key", Ordered, nullable=False),  # folded, so that names compare without case on every database
    Column("email", String, nullable=False),
    Column("email_key", String),  # folded; null when there is none, which is not unique
    Column("name", String, nullable=False),
    Column("image", String, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("provider", String),
    Column("subject", String),
    Column("password_hash", String),
    Column("tags", JSON, nullable=False),
    Column("declared", String),
    Column("kind", String, nullable=False, server_default="person"),
    Column("password_expired", Boolean, nullable=False, server_default=false()),
    Column("words", Text, nullable=False, server_default=""),  # names and address, folded: what a search looks at
    Column("password_set", Float),  # when it was chosen; null where nobody knows
    Column("default_dashboard", String),  # no reference: who may not see it any more lands elsewhere
    Column("fullscreen", Boolean, nullable=False, server_default=false()),
    Column("stated", JSON, nullable=False, server_default="[]"),  # what the file that declares the user says of it
    UniqueConstraint("username_key"),
    UniqueConstraint("email_key"),
    Index("ix_user_subject", "provider", "subject", unique=True),
    # All that a list of a space's people looks at; the rows are wide, and there are thousands.
    Index("ix_user_listed", "id", "kind", "state", "username_key"),
)

space = Table(
    "space",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("slug", String, nullable=False),
    Column("title", String, nullable=False),
    Column("parent", _standing("space.id"), index=True),
    Column("active", Boolean, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("declared", String),
    Column("details", JSON, nullable=False, server_default="{}"),
    Column("home_dashboard", String),
    Column("labels", JSON, nullable=False, server_default="[]"),
    Column("branding", JSON(none_as_null=True)),
    UniqueConstraint("slug"),
)

membership = Table(
    "membership",
    metadata,
    Column("user", _hanging("user.id"), primary_key=True),
    Column("space", _hanging("space.id"), primary_key=True),
    Column("role", Integer, nullable=False),
    Column("source", String, nullable=False),
    Index("ix_membership_space", "space", "user"),  # answers who is a member without a look at the rows
)

resource = Table(
    "resource",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("slug", String, nullable=False),
    Column("place", String, nullable=False),  # where its slug is unique: the parent, else the owner
    Column("name", String, nullable=False),
    Column("parent", _standing("resource.id"), index=True),
    Column("owner", _standing("space.id"), index=True),
    Column("settings", JSON(none_as_null=True)),
    Column("declared", String),
    Column("attributes", JSON, nullable=False, server_default="{}"),
    UniqueConstraint("place", "slug"),
)

override = Table(
    "override",
    metadata,
    Column("user", String, primary_key=True),
    Column("space", String, primary_key=True),
    Column("resource", _hanging("resource.id"), primary_key=True, index=True),
    Column("role", Integer, nullable=False),
    Column("managed", Boolean, nullable=False, server_default=false()),  # by the user's provider
    ForeignKeyConstraint(
        ["user", "space"],
        ["membership.user", "membership.space"],
        ondelete="CASCADE",
        deferrable=True,
        initially="DEFERRED",
    ),
)

folder_entry = Table(
    "folder_entry",
    metadata,
    Column("folder", _hanging("resource.id"), primary_key=True),
    Column("member", _hanging("resource.id"), primary_key=True, index=True),
)

share = Table(
    "share",
    metadata,
    Column("target", _hanging("resource.id"), primary_key=True),
    Column("space", _hanging("space.id"), primary_key=True, index=True),
    Column("role", Integer, nullable=False),
    Column("declared", String),
)

token = Table(
    "token",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("hash", LargeBinary),
    Column("created", Float, nullable=False),
    Column("created_by", String),
    Column("expires", Float),
    Column("last_used", Float),
    Column("user", _hanging("user.id"), index=True),
    Column("read_only", Boolean, nullable=False),
    Column("limited", Boolean, nullable=False),  # to the spaces in token_space
    Column("admin", Boolean, nullable=False),
    Column("instance", _hanging("resource.id"), index=True),
    Column("paths", JSON, nullable=False),
    Column("methods", JSON, nullable=False),
    Column("networks", JSON, nullable=False),
    UniqueConstraint("hash"),
)

token_space = Table(
    "token_space",
    metadata,
    Column("token", _hanging("token.id"), primary_key=True),
    Column("space", _hanging("space.id"), primary_key=True, index=True),
)

factor = Table(
    "factor",
    metadata,
    Column("id", String, primary_key=True),
    Column("user", _hanging("user.id"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("last_used", Float),
    Column("secret", LargeBinary, nullable=False),
    Column("credential", LargeBinary),
    Column("counter", BigInteger, nullable=False),
    Column("details", JSON, nullable=False),
    UniqueConstraint("credential"),
)

former_password = Table(
    "former_password",
    metadata,
    Column("user", _hanging("user.id"), primary_key=True),
    Column("hash", String, primary_key=True),
    Column("at", Float, nullable=False),  # when it was given up
)

letter = Table(
    "letter",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("user", String),
    Column("sealed", LargeBinary, nullable=False),  # to whom, and what: it may hold a link that opens an account
    Column("at", Float, nullable=False, index=True),  # when it is to be tried next
    Column("until", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
)

invitation = Table(
    "invitation",
    metadata,
    Column("id", String, primary_key=True),
    Column("space", _hanging("space.id"), nullable=False, index=True),
    Column("role", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("created_by", String),
    Column("user", _hanging("user.id"), index=True),
    Column("email", String, nullable=False),
)

# What branding shows, by the hash of its bytes: looked up when a page asks for it, and never part of a snapshot.
image = Table(
    "image",
    metadata,
    Column("key", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
)

# No reference to the user: sessions may be kept in another store than users.
session = Table(
    "session",
    metadata,
    Column("id", String, primary_key=True),
    Column("user", String, nullable=False, index=True),
    Column("provider", String, nullable=False),
    Column("amr", JSON, nullable=False),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("idle", Float, nullable=False),
    Column("address", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("proved", Float, nullable=False, server_default=text("0")),
    Column("factor", Float, nullable=False, server_default=text("0")),
    Column("vouched", Boolean, nullable=False, server_default=false()),
    Column("groups", JSON, nullable=False, server_default="[]"),
    Column("provider_session", String, nullable=False, server_default=""),
    Column("keep", String, nullable=False, server_default=""),
    Column("viewer", String, nullable=False, server_default=""),
)

session_cookie = Table(
    "session_cookie",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("session", _hanging("session.id"), nullable=False, index=True),
    Column("host", String, nullable=False),
)

kept = Table(
    "kept",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("until", Float, nullable=False, index=True),
)

# Named things that are past their time at some point, to be gone through: a key alone cannot be looked for.
listing = Table(
    "listing",
    metadata,
    Column("name", String, primary_key=True),
    Column("item", String, primary_key=True),
    Column("until", Float, nullable=False, index=True),
)

change = Table(
    "change",
    metadata,
    Column("version", Counter, primary_key=True),
    Column("subject", String, nullable=False),
    Column("id", String, nullable=False),
    sqlite_autoincrement=True,
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("event", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String),
    Column("actor_name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("address", String, nullable=False),
    Column("scope_kind", String, nullable=False),
    Column("scope_id", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("token", String),
    Column("user", String),
    Column("error", String, nullable=False, server_default=""),
    Column("within", JSON, nullable=False, server_default="[]"),
    Column("updates", JSON, nullable=False, server_default="[]"),
    Column("phase", String, nullable=False, server_default="done"),
    Column("intent", Counter),
    Column("hash", String, nullable=False, server_default=""),
    Column("actor_key", String, nullable=False, server_default=""),  # the actor's name, folded
    Column("words", Text, nullable=False, server_default=""),  # names and details, folded: what a search looks at
    sqlite_autoincrement=True,
)

# An event stands under everything it happened within, so that one look-up finds all below a place.
audit_scope = Table(
    "audit_scope",
    metadata,
    Column("scope", String, primary_key=True),
    Column("event", _hanging("audit_event.id"), primary_key=True, index=True, autoincrement=False),
)

open_intent = Table(
    "open_intent",
    metadata,
    Column("event", _hanging("audit_event.id"), primary_key=True, autoincrement=False),
    Column("until", Float, nullable=False, index=True),
)

audit_reader = Table(
    "audit_reader",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", Counter, nullable=False),
)
