"""A small estate with every kind of owner, share and folder in it, people about whom anything may be said, and actors."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hypothesis import strategies as st

from proxy.access.decide import effective_role
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, Session, Token, TokenKind, User, UserState

NOW = 1_800_000_000.0
NONE, DASHBOARD, VIEWER, MEMBER, OWNER, ADMIN = Role
ROLES = st.sampled_from([NONE, DASHBOARD, VIEWER, MEMBER, OWNER])


def space(name: str, kind: SpaceKind, parent: str | None = None, *, active: bool = True) -> Space:
    return Space(id=name, kind=kind, slug=name, parent=parent, active=active)


SPACES = (
    space("everyone", SpaceKind.EVERYONE),
    space("acme", SpaceKind.TEAM),
    space("customer", SpaceKind.CUSTOMER, "acme"),
    space("sub", SpaceKind.CUSTOMER, "customer"),
    space("crew", SpaceKind.GROUP, "acme"),
    space("other", SpaceKind.TEAM),
)


def resource(
    name: str,
    kind: ResourceKind = ResourceKind.INSTANCE,
    parent: str | None = None,
    owner: str | None = None,
    members: Iterable[str] = (),
    **settings: object,
) -> Resource:
    """`settings` are those of an instance."""
    ready = InstanceSettings(upstream="http://127.0.0.1:1880", **settings)  # type: ignore[arg-type]
    return Resource(
        id=name,
        kind=kind,
        slug=name,
        parent=parent,
        owner=owner,
        members=frozenset(members),
        instance=ready if kind is ResourceKind.INSTANCE else None,
    )


RESOURCES = (
    resource("plant", ResourceKind.APPLICATION, owner="acme"),
    resource("line", parent="plant"),
    resource("press", parent="plant", protected=True),
    resource("oven", parent="plant", min_edit_role=Role.OWNER),
    resource("device", ResourceKind.DEVICE, parent="line"),
    resource("office", parent="plant", owner="customer"),
    resource("deep", parent="plant", owner="sub"),
    resource("common", ResourceKind.APPLICATION, owner="everyone"),
    resource("canned", parent="common"),
    resource("shelf", ResourceKind.FOLDER, owner="acme"),
    resource("board", ResourceKind.FOLDER, parent="shelf", members=["line", "office"]),
    resource("loose"),
)


def estate(
    grants: Iterable[Grant] = (),
    *,
    settings: PlatformSettings | None = None,
    spaces: Iterable[Space] = SPACES,
    resources: Iterable[Resource] = RESOURCES,
) -> Estate:
    return Estate(
        spaces={at.id: at for at in spaces},
        resources={at.id: at for at in resources},
        grants=tuple(grants),
        settings=settings or PlatformSettings(),
    )


def person(
    roles: Mapping[str, Role] | None = None,
    overrides: Mapping[str, Mapping[str, Role]] | None = None,
    *,
    admin: bool = False,
    state: UserState = UserState.ACTIVE,
) -> Person:
    heard = overrides or {}
    held = {at: Membership(space=at, role=role, overrides=heard.get(at, {})) for at, role in (roles or {}).items()}
    return Person(user=User(id="ada", username="ada", admin=admin, state=state), memberships=held)


def role(who: Person, where: str, world: Estate | None = None) -> Role:
    world = world or estate()
    return effective_role(world, who, world.resources[where])


def share(target: str, with_: str, most: Role) -> Grant:
    return Grant(target=target, space=with_, role=most)


def suspended(*names: str) -> tuple[Space, ...]:
    return tuple(replace(at, active=at.id not in names) for at in SPACES)


def token(**limits: object) -> Token:
    return Token(id="t", kind=TokenKind.PERSONAL, name="ci", created=0.0, **limits)  # type: ignore[arg-type]


def in_session(who: Person, proved: float = 0.0) -> Actor:
    """Somebody who is logged in; `proved` is how many seconds ago they proved who they are."""
    session = Session(
        id="s",
        user_id="ada",
        provider="local",
        amr=(),
        created=0.0,
        seen=NOW,
        expires=NOW + 9,
        idle=9,
        proved=NOW - proved,
    )
    return Actor(person=who, session=session)


def viewing(who: Person) -> Actor:
    """An admin who looks on as somebody."""
    actor = in_session(who)
    assert actor.session is not None
    return replace(actor, session=replace(actor.session, viewer="root"))


def by_token(who: Person, limited: Token | None = None) -> Actor:
    return Actor(person=who, token=limited or token())


SPACE_IDS = [at.id for at in SPACES if at.kind is not SpaceKind.EVERYONE]
RESOURCE_IDS = [at.id for at in RESOURCES]
GRANTS = st.lists(
    st.builds(share, st.sampled_from(RESOURCE_IDS), st.sampled_from([at.id for at in SPACES]), ROLES), max_size=5
)

SETTINGS = st.builds(
    PlatformSettings,
    tenant_mode=st.booleans(),
    disable_all_users=st.booleans(),
    admin_data_access=st.sampled_from(["full", "read", "none"]),
    switched_off=st.sampled_from([frozenset[str](), frozenset({"space:create", "instance:list"})]),
)


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    owners = st.none() | st.sampled_from([at.id for at in SPACES])
    resources = []
    for at in RESOURCES:
        owned = replace(at, owner=draw(owners))
        if at.kind is ResourceKind.FOLDER:
            owned = replace(owned, members=draw(st.frozensets(st.sampled_from(RESOURCE_IDS), max_size=3)))
        resources.append(owned)
    spaces = [replace(at, active=draw(st.booleans()) or draw(st.booleans())) for at in SPACES]
    return estate(draw(GRANTS), spaces=spaces, resources=resources, settings=draw(SETTINGS))


ADMINS = st.integers(0, 9).map(lambda drawn: drawn == 0)


@st.composite
def people(draw: st.DrawFn, *, admins: bool = True) -> Person:
    roles = draw(st.dictionaries(st.sampled_from(SPACE_IDS), ROLES, max_size=4))
    words = st.dictionaries(st.sampled_from(RESOURCE_IDS), ROLES, max_size=2)
    state = draw(st.just(UserState.ACTIVE) | st.sampled_from(UserState))
    return person(roles, {at: draw(words) for at in roles}, admin=admins and draw(ADMINS), state=state)


TOKENS = st.builds(
    token,
    read_only=st.booleans(),
    admin=st.booleans(),
    spaces=st.none() | st.frozensets(st.sampled_from(SPACE_IDS), max_size=2),
    expires=st.sampled_from([None, NOW - 1, NOW + 1]),
)
ACTORS = st.builds(in_session, people(), st.sampled_from([0.0, 599.0, 601.0])) | st.builds(by_token, people(), TOKENS)
ANYWHERE = st.sampled_from(RESOURCE_IDS)
