"""Which host shows what."""

from dataclasses import replace

import pytest

from proxy.model.directory import Branding, Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind
from proxy.services.sites import Sites, host_name, sites_of


def instance(slug: str, *hosts: str, path: str = "") -> Resource:
    settings = InstanceSettings(upstream="http://127.0.0.1:1880", hosts=hosts, path=path)
    return Resource(id=slug, kind=ResourceKind.INSTANCE, slug=slug, instance=settings)


def sites(*instances: Resource, public_url: str = "https://gate.example", homes: tuple[str, ...] = ()) -> Sites:
    plant = Resource(id="plant", kind=ResourceKind.APPLICATION, slug="plant")
    return sites_of(Estate(resources={at.id: at for at in (plant, *instances)}), public_url, homes)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"Line-3.Example", b"line-3.example"),
        (b"line-3.example:8443", b"line-3.example"),
        (b"line-3.example.", b"line-3.example"),
        (b"line-3.example.:80", b"line-3.example"),
        (b"[::1]:8080", b"[::1]"),
        (b"[2001:DB8::1]", b"[2001:db8::1]"),
    ],
)
def test_a_host_is_compared_without_case_port_and_trailing_dot(host: bytes, name: bytes) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("public_url", "host", "origin"),
    [
        ("https://gate.example", "line-3.example", "https://line-3.example"),
        ("http://localhost:8080", "line-3.localhost", "http://line-3.localhost:8080"),
        ("https://gate.example", "http://Line-3.example:8080", "http://line-3.example:8080"),
        ("https://gate.example:443", "line-3.example", "https://line-3.example"),
        ("http://gate.example:80", "https://line-3.example:443/", "https://line-3.example"),
    ],
)
def test_an_origin_is_spelled_as_browsers_spell_it(public_url: str, host: str, origin: str) -> None:
    """A default port is never part of one (RFC 6454 section 6.2)."""
    site = sites(instance("line-3", host), public_url=public_url).find(
        b"line-3.example" if "exam" in host else host.encode()
    )
    assert site is not None
    assert (site.origin, site.origin_bytes, site.home) == (origin, origin.encode(), False)


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        ("https://Gate.example/", "https://gate.example"),
        ("https://gate.example:443", "https://gate.example"),
        ("http://gate.example:443", "http://gate.example:443"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
    ],
)
def test_home_is_the_public_urls_host(public_url: str, origin: str) -> None:
    found = sites(public_url=public_url)
    assert (found.home.origin, found.home.home, found.home.mounts) == (origin, True, ())
    assert found.find(origin.partition("//")[2].encode()) is found.home


def test_further_homes_show_no_instance() -> None:
    found = sites(instance("line-3", "line-3.example"), homes=("https://Login.customer.example:443/",))
    site = found.find(b"login.customer.example")
    assert site is not None
    assert (site.home, site.origin, site.mounts) == (True, "https://login.customer.example", ())
    assert found.find(b"other.example") is None


def test_t_14_visitors_log_in_at_the_further_home_that_the_owner_of_an_instance_or_a_space_above_names() -> None:
    door = Branding(hosts=("login.acme.example", "line-3.example"))
    spaces = [
        Space(id="acme", kind=SpaceKind.TEAM, slug="acme", branding=door),
        Space(id="north", kind=SpaceKind.CUSTOMER, slug="north", parent="acme"),
        Space(id="other", kind=SpaceKind.TEAM, slug="other"),
    ]
    owners = {"line-3": "north", "line-4": "other", "shared-a": "acme", "shared-b": "other"}
    here = [
        instance("line-3", "line-3.example"),
        instance("line-4", "line-4.example"),
        instance("shared-a", "shared.example", path="/a"),
        instance("shared-b", "shared.example", path="/b"),
    ]
    estate = Estate(
        spaces={each.id: each for each in spaces},
        resources={each.id: replace(each, owner=owners[each.id]) for each in here},
    )
    found = sites_of(estate, "https://gate.example", ("https://login.acme.example", "https://login.other.example"))
    doors = {host: found.door(site) for host in owners if (site := found.find(f"{host}.example".encode()))}
    assert doors == {"line-3": "https://login.acme.example", "line-4": "https://gate.example"}
    for host, door_there in {
        b"shared.example": "https://gate.example",
        b"gate.example": "https://gate.example",
        b"login.other.example": "https://login.other.example",
    }.items():
        site = found.find(host)
        assert site is not None
        assert found.door(site) == door_there


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        (b"/line-3", "line-3"),
        (b"/line-3/", "line-3"),
        (b"/line-3?x", "line-3"),
        (b"/line-3/deep", "deep"),
        (b"/line-3/deeper", "line-3"),
        (b"/line-33", "top"),
        (b"/LINE-3/x", "top"),
        (b"/", "top"),
    ],
)
def test_the_longest_mounted_path_has_a_request(path: bytes, slug: str) -> None:
    found = sites(
        instance("top", "shared.example"),
        instance("line-3", "shared.example", path="/line-3"),
        instance("deep", "shared.example", path="/line-3/deep/"),
    )
    site = found.find(b"shared.example")
    assert site is not None
    mount = site.mount(path)
    assert mount is not None
    assert mount.resource.slug == slug


def test_beside_the_mounted_paths_there_is_nothing() -> None:
    site = sites(instance("line-3", "shared.example", path="/line-3")).find(b"shared.example")
    assert site is not None
    assert site.mount(b"/line-4") is None


def test_an_instance_below_a_path_of_home_leaves_home_what_it_is() -> None:
    found = sites(instance("line-3", "http://gate.example:9", path="/line-3"))
    assert found.home.home
    assert found.home.origin == "https://gate.example"
    assert found.home.mount(b"/line-3") is not None
    assert found.find(b"gate.example") is found.home


def test_only_whom_all_instances_of_a_host_name_may_frame_it() -> None:
    """They share a cookie: one that opens itself to a portal must not open its neighbours to it."""

    def framed(*lists: tuple[str, ...]) -> tuple[str, ...]:
        mounts = [instance(f"line-{at}", "hall.example", path=f"/{at}") for at in range(len(lists))]
        settings = [replace(at.instance, framed_by=each) for at, each in zip(mounts, lists, strict=True) if at.instance]
        named = [replace(at, instance=each) for at, each in zip(mounts, settings, strict=True)]
        site = sites(*named).find(b"hall.example")
        assert site is not None
        return site.framed_by

    portal, intranet, stranger = "https://portal.example", "https://intranet.example", "https://stranger.example"
    assert framed((portal, portal)) == (portal,)
    assert framed((portal,), ()) == ()
    assert framed((), (portal,)) == ()
    assert framed((portal, intranet), (stranger, intranet, portal)) == (portal, intranet)
    assert framed((portal,), (portal,), (stranger,)) == ()
