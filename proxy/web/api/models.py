"""What bodies, queries and answers of the API are made of. Strict: unknown members are errors, nothing is converted."""

import hmac
import json
import re
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from proxy.model.access import Role

T = TypeVar("T")

MOST: Final = 200
"""Items on a page."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ROLES: Final = ("none", "dashboard", "viewer", "member", "owner")


class Strict(BaseModel):
    """Frozen, and nothing but what is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Body(Strict):
    """What a request carries."""


class Query(Strict):
    """What an address carries behind its question mark."""


class Answer(Strict):
    """What is answered."""


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must be one line, without control characters")
    return value


Line = Annotated[str, StringConstraints(max_length=254), AfterValidator(_printable)]
"""Text on one line: names, titles, addresses. Names reach instances in headers, where a line end would be another field."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=254), AfterValidator(_printable)]
"""The same, and not empty."""
NewSecret = Annotated[SecretStr, Field(max_length=1000)]
"""A password that is to be, whose length the rules of passwords judge; it appears in no log and no answer."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"), Field(examples=["line-3"])]
"""A name in addresses."""
SpaceSlug = Annotated[
    str,
    StringConstraints(
        max_length=128, pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:_[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$"
    ),
    Field(examples=["acme"]),
]
"""The slug of a space that is there: in those that customers' owners made, _ and the slug of the space above follow."""
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
"""An id of ours."""
RoleName = Annotated[str, StringConstraints(pattern=f"^(?:{'|'.join(_ROLES)})$"), Field(examples=["viewer"])]
"""A role as files spell it."""


def role_of(name: RoleName) -> Role:
    return Role[name.upper()]


class Item(Answer):
    """One thing, and what whoever asked may do with it."""

    actions: tuple[str, ...] = ()
    """Permissions that whoever asked has here."""


class Veiled(Item):
    """One thing of which a part, such as a secret, is never answered."""

    _veiled: str = PrivateAttr(default="")

    @property
    def veiled(self) -> str:
        """A digest of that part, by which the entity tag tells that it has changed."""
        return self._veiled

    def veil(self, key: bytes, *secrets: str | None) -> None:
        """Take a digest of these, by a key that nobody has who could try what they are."""
        self._veiled = hmac.digest(key, json.dumps(secrets).encode(), "sha256").hex()


class Trial(Query):
    """Whether to do it, or only to say what it would do."""

    preview: bool = False
    """1: answer what would happen, and do nothing."""


class PageQuery(Query):
    """Which part of a list is wanted."""

    cursor: Annotated[str, StringConstraints(max_length=2000)] = ""
    """`meta.next_cursor` of the page before."""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class PartQuery(PageQuery):
    """Which part of a list is wanted that stays while one looks at it."""

    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """How many to leave out at the beginning, instead of a cursor."""

    @field_validator("offset")
    @classmethod
    def _one_way(cls, offset: int, info: ValidationInfo) -> int:
        if info.data.get("cursor"):
            raise ValueError("must be absent beside cursor: a list is gone through in one of the two ways")
        return offset


NameSort = Literal["name", "-name", "slug", "-slug"]
PeopleSort = Literal["username", "-username"]


class ListQuery(PartQuery):
    """Which part of a list of spaces or resources is wanted."""

    sort: NameSort = "name"
    """By name (by slug where it is empty) without case, or by slug; with a minus backwards. A cursor keeps its order."""


class RosterQuery(PartQuery):
    """Which part of a list of people is wanted."""

    sort: PeopleSort = "username"
    """By username without case; with a minus backwards. A cursor keeps its order."""


class Meta(Answer):
    """Where a page stands in its list."""

    next_cursor: str | None = None
    """What leads to the next page; null on the last."""
    total: int
    """How many items there are in all, for whoever asked."""


class Page(Answer, Generic[T]):
    """A part of a list."""

    meta: Meta
    items: tuple[T, ...]


class Fault(Answer):
    """One thing that is wrong with what was sent."""

    pointer: str
    """Where it stands in the body (RFC 6901), or `?name` for a query parameter."""
    message: str
    remedy: str = ""
    code: str = ""
    """Which rule it breaks, where rules have names, as those of passwords do."""


class ProblemDocument(Answer):
    """Why something is not done (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    """What programs look at; see the reference for all of them."""
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    flow: str = ""
    """Of mfa_required: name of the login that goes on at /auth/second-factor."""
