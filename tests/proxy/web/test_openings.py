"""What a person may open."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User
from proxy.services.sites import sites_of
from proxy.web.openings import openings

ACME = Space(id="s", kind=SpaceKind.TEAM, slug="acme")
BASE = InstanceSettings(upstream="http://127.0.0.1:1", hosts=("line.example",))


def _estate(settings: InstanceSettings) -> Estate:
    line = Resource(id="r", kind=ResourceKind.INSTANCE, slug="line", owner="s", instance=settings)
    return Estate(spaces=MappingProxyType({"s": ACME}), resources=MappingProxyType({"r": line}))


def _person(role: Role) -> Person:
    return Person(user=User(id="u", username="ada"), memberships={"s": Membership(space="s", role=role)})


@pytest.mark.parametrize(
    ("settings", "dashboard", "editor"),
    [
        (BASE, "https://line.example:8443/dashboard", "https://line.example:8443/"),
        (
            replace(BASE, admin_root="/admin", node_root="/n"),
            "https://line.example:8443/n/dashboard",
            "https://line.example:8443/admin/",
        ),
        (
            replace(BASE, path="/line-3", admin_root="/admin"),
            "https://line.example:8443/line-3/dashboard",
            "https://line.example:8443/line-3/admin/",
        ),
        (
            replace(BASE, hosts=("http://line.localhost:8080",)),
            "http://line.localhost:8080/dashboard",
            "http://line.localhost:8080/",
        ),
    ],
    ids=["shared roots", "separate roots", "below a path", "an origin of its own"],
)
def test_addresses_follow_where_the_instance_is_mounted(
    settings: InstanceSettings, dashboard: str, editor: str
) -> None:
    estate = _estate(settings)
    (opening,) = openings(estate, sites_of(estate, "https://gate.example:8443"), _person(Role.VIEWER))
    assert (opening.name, opening.address, opening.role) == ("line", "acme/line", "viewer")
    assert (opening.dashboard, opening.editor) == (dashboard, editor)


def test_below_viewer_there_is_no_editor_and_without_a_role_nothing() -> None:
    estate = _estate(BASE)
    sites = sites_of(estate, "https://gate.example")
    assert openings(estate, sites, _person(Role.DASHBOARD))[0].editor == ""
    assert openings(estate, sites, _person(Role.NONE)) == ()


def test_an_instance_without_a_host_cannot_be_opened() -> None:
    estate = _estate(replace(BASE, hosts=()))
    assert openings(estate, sites_of(estate, "https://gate.example"), _person(Role.OWNER)) == ()


def test_t_06_in_tenant_mode_nobody_reads_a_path_with_another_space_in_it() -> None:
    """6.1 row 5: in the launcher, and on refusals that say where to go instead."""
    customer = Space(id="c", kind=SpaceKind.CUSTOMER, slug="customer", parent="s")
    shared = Grant(target="r", space="c", role=Role.DASHBOARD)
    person = Person(user=User(id="u", username="ada"), memberships={"c": Membership(space="c", role=Role.OWNER)})
    off = replace(_estate(BASE), spaces={"s": ACME, "c": customer}, grants=(shared,))
    on = replace(off, settings=PlatformSettings(tenant_mode=True))
    sites = sites_of(off, "https://gate.example")
    assert [each.address for each in openings(off, sites, person)] == ["acme/line"]
    assert [each.address for each in openings(on, sites, person)] == [""]
    assert [each.address for each in openings(on, sites, _person(Role.OWNER))] == ["acme/line"]
