"""What an instance is told of a visitor's tags: all of a tag or nothing, and never too much for its headers."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from proxy.access.tags import Tags
from proxy.gate.tagging import ALL, TOLD, as_told, told_tags
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, PlatformSettings, Resource, ResourceKind, RowKind, RowPolicy
from proxy.model.identity import Membership, Person, User
from proxy.nodered.presets import Bearer, identity_lines

BY_THINGS = RowPolicy(name="own", kind=RowKind.HTTP, tag="@things", field="device")


def world(things: int = 0, **tags: str | None) -> Estate:
    owned = [
        Resource(
            id=f"t{number}",
            kind=ResourceKind.THING,
            slug=f"t{number}",
            owner="c",
            attributes={"external_id": f"pump-{number:04}"},
        )
        for number in range(things)
    ]
    return Estate(
        spaces={"c": Space(id="c", kind=SpaceKind.CUSTOMER, slug="c")},
        resources={each.id: each for each in owned},
        settings=PlatformSettings(tags=tags),
    )


def told(
    estate: Estate, own: Mapping[str, str], *policies: RowPolicy, admin: bool = False
) -> Mapping[str, tuple[str, ...]]:
    user = User(id="u", username="ada", tags=own, admin=admin)
    person = Person(user=user, memberships={"c": Membership(space="c", role=Role.DASHBOARD)})
    settings = InstanceSettings(upstream="http://line", rows=policies)
    line = Resource(id="line", kind=ResourceKind.INSTANCE, slug="line", owner="c", instance=settings)
    return told_tags(Tags(estate, person, line), settings)


def test_told_are_tags_that_are_defined_ones_own_and_those_of_policies() -> None:
    estate = world(2, region="north", unset=None)
    assert told(estate, {"shift": "late"}) == {"region": ("north",), "shift": ("late",)}
    assert told(estate, {}, BY_THINGS) == {"region": ("north",), "@things": ("pump-0000", "pump-0001")}
    assert told(estate, {}, BY_THINGS, admin=True) == {"region": (ALL,), "unset": (ALL,), "@things": (ALL,)}


def test_a_tag_whose_values_do_not_fit_is_left_out_as_a_whole() -> None:
    assert told(world(1000, region="north"), {}, BY_THINGS) == {"region": ("north",)}


def test_what_means_all_is_nobodys_value() -> None:
    assert as_told(frozenset({"*", "b", "a"})) == ("a", "b")
    assert as_told(None) == (ALL,)
    assert "own" not in told(world(), {"own": "*"})


def test_a_name_that_is_no_field_name_is_not_told() -> None:
    assert told(world(), {"a b": "x", "a\r\nX-Evil": "x", "fine": "x"}) == {"fine": ("x",)}


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True), st.text(min_size=1, max_size=300), max_size=30
    )
)
def test_all_tags_together_fit(own: dict[str, str]) -> None:
    shown = told(world(), own)
    assert (
        sum(len(name.encode()) + sum(len(each.encode()) for each in values) for name, values in shown.items()) <= TOLD
    )
    assert all(values == (own[name],) for name, values in shown.items())


def test_fields_tell_tags_with_commas_between_values() -> None:
    who = Bearer(user_id="u", username="ada", tags={"region": ("a,b", "c%"), "@things": ("p1", "p2")})
    lines = identity_lines(("flowward",), who).split(b"\r\n")
    assert b"X-Flowward-Tag-region: a%2Cb,c%25" in lines
    assert b"X-Flowward-Tag-things: p1,p2" in lines
    assert not [line for line in identity_lines(("remote",), who).split(b"\r\n") if b"Tag" in line]
