"""What an operation of the API is. Routes, checks, models, documentation and audit all follow from its one entry."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel

from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Place
from proxy.model.access import Permission
from proxy.model.estate import Estate, ResourceKind
from proxy.services.allowances import Policy
from proxy.services.authority import require, resource_at, space_at
from proxy.services.writer import Moment, Step
from proxy.web.api.models import Body, Query, Trial

if TYPE_CHECKING:
    from proxy.web.api.keys import Api

S = TypeVar("S", bound=BaseModel)

BELOW: Final = "/-/api/v1"
"""Where the API begins."""


class About(StrEnum):
    """What a permission is asked about."""

    NOBODY = "nobody"
    """Nothing is asked: whoever is logged in may, or nobody need be."""
    PLATFORM = "platform"
    """The platform, or oneself."""
    SPACE = "space"
    """The space that a part of the path names, by id or slug."""
    RESOURCE = "resource"
    """The resource that a part of the path names, by id or address."""
    SENT = "sent"
    """What the body names: the operation itself asks, with `Call.require`."""
    EACH = "each"
    """Every item: the list holds those for which it is given, by `access.visible`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a permission is asked about, and which part of the path names it."""

    about: About
    parameter: str = ""
    kind: ResourceKind | None = None
    """The only kind of resource it may be."""

    def place(self, estate: Estate, path: Mapping[str, str]) -> Place:
        """Raises NotThere."""
        match self.about:
            case About.SPACE:
                return space_at(estate, path[self.parameter])
            case About.RESOURCE:
                return resource_at(estate, path[self.parameter], self.kind)
            case About.NOBODY | About.PLATFORM | About.SENT | About.EACH:
                return None


NOBODY: Final = Where(about=About.NOBODY)
PLATFORM: Final = Where(about=About.PLATFORM)
SENT: Final = Where(about=About.SENT)
EACH: Final = Where(about=About.EACH)


def in_space(parameter: str = "space") -> Where:
    return Where(about=About.SPACE, parameter=parameter)


def on_resource(parameter: str = "resource", kind: ResourceKind | None = None) -> Where:
    return Where(about=About.RESOURCE, parameter=parameter, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request that was understood, from somebody who may be nobody."""

    request: web.Request
    path: Mapping[str, str]
    """The parts of the path that the operation names."""
    query: Query
    body: Body | None

    def sent(self, kind: type[S]) -> S:
        """The body, as the operation's own model."""
        return _as(self.body, kind)

    def asked(self, kind: type[S]) -> S:
        """The query, as the operation's own model."""
        return _as(self.query, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Visit):
    """A request from somebody who is known and allowed, at one version of the state."""

    moment: Moment
    place: Place = None
    """What the permission was asked about."""

    def require(self, permission: Permission, place: Place) -> None:
        """Ask for a further permission. Raises Denied."""
        require(self.moment, permission, place)


def _as(value: object, kind: type[S]) -> S:
    if not isinstance(value, kind):
        raise TypeError(f"the operation takes {type(value).__name__}, not {kind.__name__}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that is more than its content."""

    content: BaseModel | None
    fields: CIMultiDict[str] = field(default_factory=CIMultiDict)
    """Further header fields."""
    status: int | None = None
    """None for that of the operation."""


Result = BaseModel | Reply | web.StreamResponse | None
Greet = Callable[["Api", Visit], Awaitable[Result]]
Perform = Callable[["Api", Call], Awaitable[Result]]
Change = Callable[["Api", Call], Awaitable[Step[BaseModel | None]]]
Afterwards = Callable[["Api", Call], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change would do."""

    answer: type[BaseModel]
    perform: Callable[["Api", Call], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address. It has exactly one of `perform`, `change` and `greet`.

    A PUT answers with what GET of the thing then says, a DELETE with nothing.
    """

    method: str
    path: str
    """Below /-/api/v1, with the names of its parts in braces."""
    tag: str
    summary: str
    """One sentence without a full stop, as the reference has it."""
    permission: Permission | None = None
    """None where being logged in is all it takes."""
    where: Where = NOBODY
    query: type[Query] = Query
    body: type[Body] | None = None
    answer: type[BaseModel] | None = None
    kind: str = "application/json"
    """The media type of what is answered."""
    status: int = 200
    audit: tuple[str, ...] = ()
    """Names of the events it records, failures included."""
    perform: Perform | None = None
    """Reads, or acts on what is no part of the state's versions, such as sessions."""
    change: Change | None = None
    """Decides and says what to write; run by the Writer, again when somebody else wrote meanwhile."""
    afterwards: Afterwards | None = None
    """What follows a change that was written, outside its transaction."""
    compared: Perform | None = None
    """Of a PUT to where there is no GET: what shows the thing it changes, as that thing's own GET does."""
    overwrites: bool = False
    """Of a POST: what it makes may be there already, and to make another thing of it takes If-Match."""
    preview: Preview | None = None
    """What is answered to `?preview=1`, instead of changing anything; the same is asked of whoever acts."""
    greet: Greet | None = None
    """For somebody who need not be logged in."""
    while_expired: bool = False
    """Open to a user who must choose a new password first."""
    while_unproven: bool = False
    """Open to a session that must prove a second factor first."""
    while_viewing: bool = False
    """Open to an admin who looks on as somebody, although it is no reading."""
    depends: bool = False
    """Of one that only reads: whether it may not be possible as things are (409)."""
    hides: bool = False
    """Whoever has no role for it is answered as if what it names were not there."""
    held: Policy | None = None
    """The limit that each attempt counts to, besides that of all calls."""
    picker: bool = False
    """Answers users or spaces to choose from."""

    def __post_init__(self) -> None:
        if sum(way is not None for way in (self.perform, self.change, self.greet)) != 1:
            raise ValueError(f"{self.method} {self.path} needs exactly one of perform, change and greet")
        if (self.permission is None) != (self.where is NOBODY):
            raise ValueError(f"{self.method} {self.path}: a permission is asked about something")
        if self.preview is not None and (self.change is None or not issubclass(self.query, Trial)):
            raise ValueError(f"{self.method} {self.path}: only a change is previewed, and its query says whether")

    @property
    def session_only(self) -> bool:
        return self.permission is not None and CATALOGUE[self.permission].session_only

    @property
    def name(self) -> str:
        """Its operationId, such as put_spaces_space."""
        words = [word.strip("{}").replace("-", "_").replace(".", "_") for word in self.path.split("/") if word]
        return "_".join([self.method.lower(), *words])
