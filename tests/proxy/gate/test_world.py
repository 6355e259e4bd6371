"""The estate as the gate uses it."""

from dataclasses import replace

import pytest

from proxy.gate.world import SURFACES, Endpoint, world_of
from proxy.model.estate import HttpAuth, PlatformSettings, UpstreamTls
from proxy.nodered.surfaces import Surface
from tests.proxy.gate.house import GROUND, LINE_3, LINE_4, House, instance


def test_what_did_not_change_is_taken_over_from_the_world_before() -> None:
    before = House().world([instance("line-3", LINE_3), instance("line-4", LINE_4, admin_root="/admin")])
    renamed = replace(before.estate.resources["r-line-3"], slug="line-33")
    estate = replace(before.estate, resources={**before.estate.resources, "r-line-3": renamed})
    after = world_of(estate, GROUND, before)
    line_3, was = after.stations["r-line-3"], before.stations["r-line-3"]
    assert line_3 is not was
    assert (line_3.number, line_3.layout, line_3.endpoint) == (was.number, was.layout, was.endpoint)
    assert line_3.name == "acme/plant/line-33"
    assert after.stations["r-line-4"] is before.stations["r-line-4"]
    mount = after.sites.by_name[LINE_3.encode()].mounts[0]
    assert mount.resource is renamed


def test_a_change_of_no_instance_leaves_sites_and_stations_as_they_are() -> None:
    before = House().world([instance("line-3", LINE_3)])
    after = world_of(replace(before.estate, settings=PlatformSettings(disable_all_users=True)), GROUND, before)
    assert after.settings.disable_all_users
    assert after.sites is before.sites
    assert dict(after.stations) == dict(before.stations)


def test_another_border_has_upstreams_of_the_api_connected_to_anew_and_leaves_those_of_files() -> None:
    before = House().world([instance("line-3", LINE_3), instance("line-4", LINE_4)])
    declared = replace(before.estate.resources["r-line-4"], declared="estate.yaml")
    before = world_of(
        replace(before.estate, resources={**before.estate.resources, "r-line-4": declared}), GROUND, before
    )
    after = world_of(replace(before.estate, settings=PlatformSettings(upstream_allow=("10.0.0.0/8",))), GROUND, before)
    same = {key: after.stations[key].endpoint is before.stations[key].endpoint for key in after.stations}
    assert same == {"r-line-3": False, "r-line-4": True}
    assert after.stations["r-line-3"].number == before.stations["r-line-3"].number


def test_an_instance_is_renamed_with_what_it_lies_in() -> None:
    before = House().world([instance("line-3", LINE_3)])
    plant = next(each for each in before.estate.resources.values() if each.slug == "plant")
    resources = {**before.estate.resources, plant.id: replace(plant, slug="mill")}
    after = world_of(replace(before.estate, resources=resources), GROUND, before)
    assert after.stations["r-line-3"].name == "acme/mill/line-3"


def test_a_new_instance_has_a_number_that_none_has_had() -> None:
    before = House().world([instance("a", LINE_3), instance("b", LINE_4)])
    rest = {key: each for key, each in before.estate.resources.items() if each.slug != "a"}
    new = replace(before.estate.resources["r-a"], id="r-c", slug="c")
    after = world_of(replace(before.estate, resources={**rest, "r-c": new}), GROUND, before)
    assert after.stations["r-c"].number > before.stations["r-b"].number


def test_instances_with_the_same_roots_share_what_is_remembered_of_paths() -> None:
    world = House().world([instance("a", LINE_3), instance("b", LINE_4), instance("c", "c.example", admin_root="/x")])
    a, b, c = world.stations.values()
    assert a.layout is b.layout
    assert a.layout is not c.layout
    assert a.endpoint is b.endpoint


def test_no_two_leases_of_a_principal_share_a_number() -> None:
    world = House().world([instance(f"i{number}", f"i{number}.example") for number in range(5)])
    numbers = [station.number + surface for station in world.stations.values() for surface in Surface]
    assert len(set(numbers)) == len(numbers)
    assert max(Surface) < SURFACES


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("http://127.0.0.1:1880", {b"http://127.0.0.1:1880"}),
        ("http://Node-RED", {b"http://node-red", b"http://node-red:80"}),
        ("https://node-red:443", {b"https://node-red", b"https://node-red:443"}),
        ("http+unix:///run/red.sock", set()),
    ],
)
def test_an_upstreams_own_names_are_known_with_and_without_their_port(url: str, origins: set[bytes]) -> None:
    assert set(Endpoint(url, UpstreamTls()).origins) == origins


def test_a_path_of_a_site_belongs_to_a_station_or_to_none() -> None:
    world = House().world([instance("line-3", LINE_3, path="/line-3")])
    site = world.sites.find(LINE_3.encode())
    assert site is not None
    assert world.station(site, b"/line-3/x") is world.stations["r-line-3"]
    assert world.station(site, b"/x") is None


def test_an_instance_that_was_opened_to_all_asks_for_users_where_the_configuration_opens_none() -> None:
    estate = House().world([instance("line-3", LINE_3, http_auth=HttpAuth.NONE)]).estate
    closed = world_of(estate, replace(GROUND, open_instances=False)).stations["r-line-3"]
    assert closed.settings.http_auth is HttpAuth.USER
    assert world_of(estate, GROUND).stations["r-line-3"].settings.http_auth is HttpAuth.NONE
