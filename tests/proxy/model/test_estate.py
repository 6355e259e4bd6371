"""The ways up an estate."""

from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource, ResourceKind

ESTATE = Estate(
    spaces={
        "acme": Space(id="acme", kind=SpaceKind.TEAM, slug="acme"),
        "sub": Space(id="sub", kind=SpaceKind.CUSTOMER, slug="sub", parent="acme"),
        "lost": Space(id="lost", kind=SpaceKind.GROUP, slug="lost", parent="gone"),
    },
    resources={
        "plant": Resource(id="plant", kind=ResourceKind.APPLICATION, slug="plant", owner="acme"),
        "line": Resource(id="line", kind=ResourceKind.INSTANCE, slug="line-3", parent="plant"),
        "office": Resource(id="office", kind=ResourceKind.INSTANCE, slug="office", parent="plant", owner="sub"),
        "loose": Resource(id="loose", kind=ResourceKind.INSTANCE, slug="loose", parent="gone"),
        "orphan": Resource(id="orphan", kind=ResourceKind.INSTANCE, slug="orphan", owner="gone"),
    },
)


def test_ownership_comes_from_the_nearest_resource_that_names_one() -> None:
    owners = {name: ESTATE.owner(resource) for name, resource in ESTATE.resources.items()}
    assert {name: owner.slug if owner else None for name, owner in owners.items()} == {
        "plant": "acme",
        "line": "acme",
        "office": "sub",
        "loose": None,
        "orphan": None,
    }


def test_a_way_up_ends_where_what_is_above_is_gone() -> None:
    assert [at.id for at in ESTATE.path(ESTATE.resources["line"])] == ["line", "plant"]
    assert [at.id for at in ESTATE.path(ESTATE.resources["loose"])] == ["loose"]
    assert [at.id for at in ESTATE.lineage(ESTATE.spaces["sub"])] == ["sub", "acme"]
    assert [at.id for at in ESTATE.lineage(ESTATE.spaces["lost"])] == ["lost"]


def test_an_address_is_the_topmost_owner_and_the_slugs() -> None:
    assert ESTATE.address(ESTATE.resources["line"]) == "acme/plant/line-3"
    assert ESTATE.address(ESTATE.resources["office"]) == "acme/plant/office"
    assert ESTATE.address(ESTATE.resources["loose"]) == "?/loose"
