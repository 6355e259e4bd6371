"""Row policies: whose rows the visitors of an instance see, and what somebody would see of a sample."""

from typing import Annotated, Final, Literal, TypeVar, cast

from pydantic import AfterValidator, BaseModel, Field, JsonValue, StringConstraints

from config.base import Listing
from config.names import Glob
from proxy.access.decide import Sight
from proxy.access.directory import Names
from proxy.access.visible import visible
from proxy.gate.tagging import as_told
from proxy.model.access import Permission
from proxy.model.estate import ResourceKind, RowKind, RowMode, RowPolicy, Unmatched
from proxy.services.administration import row_policies
from proxy.services.administration.row_policies import Placed, policy_at
from proxy.services.authority import offered, require, resource_at
from proxy.services.writer import Moment, Step
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Identifier, Item, Line, Meta, Name, Page, PageQuery
from proxy.web.api.operation import EACH, SENT, Call, Operation
from proxy.web.api.paging import cursor, number_of

TAG: Final = "rows"
MOST: Final = 100
"""Paths, widgets and the like of one policy."""
_ABOUT: Final = frozenset({Permission.ROW_POLICY_MANAGE})
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
T = TypeVar("T")

PolicyName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"), Field(examples=["own"])
]
Method = Annotated[str, StringConstraints(pattern=f"^(?:{'|'.join(_METHODS)})$"), Field(examples=["GET"])]
Many = Annotated[Listing[T], Field(max_length=MOST)]


def _field(value: str) -> str:
    if not all(value.split(".")):
        raise ValueError("must be a name, or names with a dot between them, such as device.id")
    return value


class PoliciesQuery(PageQuery):
    """Which policies are wanted."""

    instance: Line = ""
    """Those of one instance alone, by id or address."""


class Policy(Body):
    """What a policy says."""

    kind: RowKind
    """http: of what endpoints answer; socketio: of what widgets are sent."""
    tag: Annotated[Name, Field(examples=["@tenant"])]
    """Name of a tag, @things or @tenant."""
    field: Annotated[Name, AfterValidator(_field), Field(examples=["tenant"])]
    """Where a row names whose it is."""
    rows: Annotated[Name, Field(examples=["$"])] = "$"
    """JSONPath of the array in which each row is an item, or $ for the whole."""
    paths: Many[Glob] = ()
    """Of kind http: globs of paths below the node root; none for every endpoint."""
    methods: Many[Method] = ()
    """Of kind http; none for every method."""
    widgets: Many[Name] = ()
    """Of kind socketio: ids of widgets."""
    types: Many[Name] = ()
    """Of kind socketio: types of widgets, such as ui-table."""
    pages: Many[Name] = ()
    """Of kind socketio: ids or paths of Dashboard pages. Without widgets, types and pages: every widget."""
    mode: RowMode = RowMode.FILTER
    """filter: rows of others are left out; assert: they stop all of it, and are on record."""
    on_unmatched: Unmatched = Unmatched.DENY
    """What becomes of what has no rows where the policy looks for them."""

    def as_policy(self, name: str) -> RowPolicy:
        return RowPolicy(name=name, **{each: getattr(self, each) for each in Policy.model_fields})


class NewPolicy(Policy):
    """A policy to be made."""

    instance: Line
    """Id or address."""
    name: PolicyName
    """Unique within the instance."""


class PolicyTrial(Policy):
    """A policy to be tried out, whether it is kept anywhere or not."""

    instance: Line
    """Id or address of the instance it is for."""
    user: Identifier | None = None
    """Id or username of the visitor; null for nobody in particular."""
    sample: JsonValue = Field(examples=[[{"tenant": "acme"}, {"tenant": "other"}]])
    """What the endpoint answers, or what `msg.payload` is."""


class PolicyItem(Item):
    """A row policy."""

    id: str
    instance: str
    """Id."""
    address: str
    """Of the instance; empty where a name in it is not for whoever asks."""
    name: str
    kind: RowKind
    tag: str
    field: str
    rows: str
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    widgets: tuple[str, ...]
    types: tuple[str, ...]
    pages: tuple[str, ...]
    mode: RowMode
    on_unmatched: Unmatched
    declared: str | None
    """The estate file that declares the instance, and alone may change this; null where it was made by hand."""


class Tried(Answer):
    """What a visitor would get."""

    outcome: Literal["shown", "denied", "violation"]
    """shown: what is in `shown`; denied: nothing at all; violation: nothing, and it goes on record."""
    shown: JsonValue
    left_out: int
    """Rows that are somebody else's."""
    values: tuple[str, ...]
    """The visitor's values of the tag; * for all."""
    why: str
    """Where these come from."""


def _item(moment: Moment, placed: Placed) -> PolicyItem:
    policy, instance = placed.policy, placed.instance
    return PolicyItem(
        id=placed.id,
        instance=instance.id,
        address=Names(Sight(moment.estate, moment.actor, now=moment.now)).address(instance) or "",
        name=policy.name,
        **{each: getattr(policy, each) for each in Policy.model_fields},
        declared=instance.declared,
        actions=offered(moment, moment.estate.owner(instance), _ABOUT),
    )


async def find(_: Api, call: Call) -> Page[PolicyItem]:
    moment, asked = call.moment, call.asked(PoliciesQuery)
    instances = visible(moment.estate, moment.actor, ResourceKind.INSTANCE, Permission.INSTANCE_EDIT, now=moment.now)
    wanted = resource_at(moment.estate, asked.instance, ResourceKind.INSTANCE) if asked.instance else None
    if wanted is not None:
        require(moment, Permission.INSTANCE_EDIT, wanted)
    found = [
        placed
        for instance in instances
        if wanted is None or instance is wanted
        for placed in row_policies.placed_in(instance)
    ]
    start = number_of(asked) or 0
    end = start + asked.limit
    onward = cursor(end) if end < len(found) else None
    items = tuple(_item(moment, placed) for placed in found[start:end])
    return Page[PolicyItem](meta=Meta(total=len(found), next_cursor=onward), items=items)


async def show(_: Api, call: Call) -> PolicyItem:
    placed = policy_at(call.moment.estate, call.path["policy"])
    require(call.moment, Permission.INSTANCE_EDIT, placed.instance)
    return _item(call.moment, placed)


async def create(_: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewPolicy)
    step = await row_policies.create(call.moment, sent.instance, sent.as_policy(sent.name))
    return Step(result=_item(call.moment, step.result), edits=step.edits, events=step.events)


async def update(_: Api, call: Call) -> Step[None]:
    step = await row_policies.update(call.moment, call.path["policy"], call.sent(Policy).as_policy(""))
    return Step(result=None, edits=step.edits, events=step.events)


async def delete(_: Api, call: Call) -> Step[None]:
    return await row_policies.delete(call.moment, call.path["policy"])


async def test(_: Api, call: Call) -> Tried:
    sent = call.sent(PolicyTrial)
    found = await row_policies.trial(call.moment, sent.instance, sent.as_policy("trial"), sent.user, sent.sample)
    judged = found.judged
    outcome: Literal["shown", "denied", "violation"] = "denied" if judged.denied else "shown"
    return Tried(
        outcome="violation" if judged.violation else outcome,
        shown=cast("JsonValue", judged.kept),  # it is part of the sample
        left_out=judged.left_out,
        values=as_told(found.values),
        why=found.why,
    )


_WRITE: Final = Permission.ROW_POLICY_MANAGE

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/row-policies",
        tag=TAG,
        summary="The row policies of the instances one owns",
        permission=Permission.INSTANCE_EDIT,
        where=EACH,
        query=PoliciesQuery,
        answer=Page[PolicyItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/row-policies",
        tag=TAG,
        summary="Make a row policy",
        permission=_WRITE,
        where=SENT,
        body=NewPolicy,
        answer=PolicyItem,
        status=201,
        audit=("row-policy.created",),
        change=create,
    ),
    Operation(
        method="POST",
        path="/row-policies/test",
        tag=TAG,
        summary="What a user would get of a sample under a policy, and why",
        permission=_WRITE,
        where=SENT,
        body=PolicyTrial,
        answer=Tried,
        perform=test,
    ),
    Operation(
        method="GET",
        path="/row-policies/{policy}",
        tag=TAG,
        summary="A row policy, by the id of its instance, a colon, and its name",
        permission=Permission.INSTANCE_EDIT,
        where=SENT,
        answer=PolicyItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/row-policies/{policy}",
        tag=TAG,
        summary="Change a row policy",
        permission=_WRITE,
        where=SENT,
        body=Policy,
        answer=PolicyItem,
        audit=("row-policy.updated",),
        change=update,
    ),
    Operation(
        method="DELETE",
        path="/row-policies/{policy}",
        tag=TAG,
        summary="Delete a row policy: its rows are then for everybody who may open the instance",
        permission=_WRITE,
        where=SENT,
        status=204,
        audit=("row-policy.deleted",),
        change=delete,
    ),
)
