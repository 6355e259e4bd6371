"""What events name of spaces and places, before a reader of one tenant (spec 6.1 row 5, T-06)."""

from dataclasses import replace

import pytest

from proxy.access.decide import Sight
from proxy.access.directory import FOREIGN
from proxy.model.access import Role
from proxy.model.audit import Event, Source, Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, User
from proxy.services.audit_places import Places

SPACES = (
    Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme"),
    Space(id="s-cust", kind=SpaceKind.CUSTOMER, slug="cust", parent="s-acme"),
    Space(id="s-sub", kind=SpaceKind.CUSTOMER, slug="sub", parent="s-cust"),
    Space(id="s-partner", kind=SpaceKind.CUSTOMER, slug="partner", parent="s-acme"),
)
RESOURCES = (
    Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme"),
    Resource(id="r-line", kind=ResourceKind.INSTANCE, slug="line", parent="r-plant"),
    Resource(id="r-office", kind=ResourceKind.APPLICATION, slug="office", owner="s-cust"),
    Resource(id="r-desk", kind=ResourceKind.INSTANCE, slug="desk", parent="r-office"),
)
ESTATE = Estate(
    spaces={each.id: each for each in SPACES},
    resources={each.id: each for each in RESOURCES},
    grants=(Grant(target="r-line", space="s-cust", role=Role.VIEWER),),
    settings=PlatformSettings(tenant_mode=True),
)
ON_LINE = ("r-line", "r-plant", "s-acme")


def reader(space: str = "s-cust", role: Role = Role.OWNER, *, admin: bool = False, tenants: bool = True) -> Places:
    held = {space: Membership(space=space, role=role)}
    actor = Actor(person=Person(user=User(id="u", username="u", admin=admin), memberships=held))
    world = replace(ESTATE, settings=PlatformSettings(tenant_mode=tenants))
    return Places(Sight(world, actor, now=0.0))


def event(name: str, within: tuple[str, ...] = ON_LINE, **more: object) -> Event:
    made = Event(event=name, at=0.0, actor="u-olga", actor_name="olga", scope_id=within[0], within=within)
    return replace(made, **more)  # type: ignore[arg-type]


def changed(key: str, old: object = None, new: object = None) -> tuple[Update, ...]:
    return (Update(key=key, old=old, new=new),)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (event("share.created", updates=changed("shares.partner", None, "viewer")), ()),
        (event("share.created", updates=changed("shares.gone", None, "viewer")), ()),
        (event("share.created", updates=changed("shares.sub", None, "viewer")), changed("shares.sub", None, "viewer")),
        (event("resource.owner-changed", updates=changed("owner", "acme", "cust")), changed("owner", FOREIGN, "cust")),
        (
            event("folder.items-changed", updates=changed("items", ["cust/office"], ["partner/x", "cust/office", "cust/gone"])),
            changed("items", ["cust/office"], [FOREIGN, "cust/office", "cust/gone"]),
        ),
        (event("device.assigned", updates=changed("place", "acme/plant/line", "cust")), changed("place", FOREIGN, "cust")),
        (event("device.updated", updates=changed("name", "a", "b")), changed("name", "a", "b")),
        (
            event("customer.user.permissions-changed", updates=changed("acme/plant/line", None, "none")),
            changed(FOREIGN, None, "none"),
        ),
        (event("flows.set", updates=changed("acme/plant", 1, 2)), changed("acme/plant", 1, 2)),
        (event("share.created", source=Source.FILE, updates=changed("role", None, "viewer")), ()),
    ],
)  # fmt: skip
def test_t_06_changes_name_only_spaces_that_the_reader_may_know(told: Event, shown: tuple[Update, ...]) -> None:
    assert reader().over(told).updates == shown


def test_t_06_ids_of_what_lies_above_are_left_out() -> None:
    assert reader().over(event("flows.set")).within == ("r-line",)
    own = event("flows.set", ("r-desk", "r-office", "s-cust", "s-acme"))
    assert reader().over(own).within == ("r-desk", "r-office", "s-cust")


def test_t_06_addresses_in_what_was_made_and_deleted_are_left_out() -> None:
    made = event("project.created", body={"name": "acme/plant/line", "title": "Line"})
    assert dict(reader().over(made).body) == {"name": FOREIGN, "title": "Line"}
    assert dict(reader().over(replace(made, source=Source.FILE)).body) == {}
    own = event("project.created", body={"name": "cust/office/desk"})
    assert dict(reader().over(own).body) == {"name": "cust/office/desk"}


def test_t_06_which_token_came_and_from_where_is_for_those_whose_instance_it_is() -> None:
    by_token = event("http.denied", actor=None, actor_name="partner-plc", token="t", address="192.0.2.1")
    shown = reader().over(by_token)
    assert (shown.actor_name, shown.token, shown.address) == (FOREIGN, None, "")
    by_nobody = reader().over(replace(by_token, actor_name="", token=None))
    assert (by_nobody.actor_name, by_nobody.address) == ("", "")
    assert reader("s-acme").over(by_token) is by_token
    assert reader().over(event("flows.set", token="t")).actor_name == "olga", "whether olga is known is not asked here"


@pytest.mark.parametrize("who", [reader(tenants=False), reader(admin=True), reader("s-acme")])
def test_who_may_know_all_reads_all(who: Places) -> None:
    told = event("share.created", updates=changed("shares.partner", None, "viewer"))
    assert who.over(told) is told
