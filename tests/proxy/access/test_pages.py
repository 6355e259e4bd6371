from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import decide, effective_role
from proxy.access.pages import PageView, page_view, pages_of
from proxy.model.access import Permission
from proxy.model.estate import Estate, Grant, HttpAuth, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Person, UserState
from tests.proxy.access.estates import (
    DASHBOARD,
    GRANTS,
    MEMBER,
    NONE,
    NOW,
    OWNER,
    RESOURCES,
    SETTINGS,
    SPACES,
    VIEWER,
    by_token,
    estate,
    in_session,
    people,
    person,
    share,
    token,
)


def page(name: str, match: str = "", owner: str | None = None, **said: object) -> Resource:
    """A page of the instance `line`."""
    attributes = {"match": match, **said}
    return Resource(id=name, kind=ResourceKind.PAGE, slug=name, parent="line", owner=owner, attributes=attributes)


PAGES = (
    page("overview", "/overview"),
    page("bureau", "/Office/", owner="customer"),
    page("by-id", "f00dcafe12345678", owner="customer"),
    page("hooks", endpoints=["/api/office/*", "/API/Status/"], owner="customer"),
    page("watched", "/watched", owner="customer", readonly=True, endpoints=["/api/watched"]),
)
STAFF = in_session(person({"acme": DASHBOARD}))
OFFICE = in_session(person({"customer": DASHBOARD}))
OPERATORS = in_session(person({"customer": MEMBER}))
STRANGER = in_session(person({"other": OWNER}))


def world(
    pages: Iterable[Resource] = PAGES, grants: Iterable[Grant] = (), settings: PlatformSettings | None = None
) -> Estate:
    return estate(grants, resources=[*RESOURCES, *pages], settings=settings)


def view(actor: Actor | None, at: Estate | None = None, *, anybody: bool = False) -> PageView:
    at = at or world()
    found = page_view(at, actor, at.resources["line"], now=NOW, anybody=anybody)
    assert found is not None
    return found


def test_an_instance_without_pages_has_no_view() -> None:
    bare = estate()
    assert page_view(bare, STAFF, bare.resources["line"], now=NOW) is None
    assert pages_of(world(), world().resources["press"]) is None


# who, page's id, page's path -> shown, takes input
TABLE = [
    (STAFF, "", "/overview", True, True),
    (STAFF, "", "/undeclared", True, True),
    (STAFF, "", "/office", False, False),
    (STAFF, "f00dcafe12345678", "/anything", False, False),
    (OFFICE, "", "/overview", False, False),
    (OFFICE, "", "/undeclared", False, False),
    (OFFICE, "", "/", False, False),
    (OFFICE, "", "/office", True, True),
    (OFFICE, "0123456789abcdef", "/OFFICE", True, True),
    (OFFICE, "f00dcafe12345678", "", True, True),
    (OFFICE, "f00dcafe12345678", "/anything", True, True),
    (OFFICE, "F00DCAFE12345678", "/anything", False, False),
    (OFFICE, "", "/watched", True, False),
    (OPERATORS, "", "/watched", True, True),
    (STRANGER, "", "/overview", False, False),
    (STRANGER, "f00dcafe12345678", "/office", False, False),
    (None, "", "/overview", False, False),
    (None, "", "/office", False, False),
]


@pytest.mark.parametrize(("who", "page_id", "path", "shown", "typed"), TABLE)
def test_a_page_is_seen_by_who_has_a_role_on_it(
    who: Actor | None, page_id: str, path: str, shown: bool, typed: bool
) -> None:
    """G-01, G-03."""
    found = view(who)
    assert found.shows(page_id, path) is shown
    assert found.takes_input(page_id, path) is typed


@pytest.mark.parametrize(
    ("who", "path", "opened"),
    [
        (OFFICE, b"/api/office/rows", True),
        (OFFICE, b"/api/status", True),
        (OFFICE, b"/api/office/rows/deep", False),
        (OFFICE, b"/api/undeclared", False),
        (STAFF, b"/api/office/rows", False),
        (STAFF, b"/api/undeclared", True),
        (None, b"/api/office/rows", False),
    ],
)
def test_an_endpoint_is_used_by_who_has_a_role_on_a_page_that_names_it(
    who: Actor | None, path: bytes, opened: bool
) -> None:
    """G-02."""
    assert view(who).opens(path) is opened


def test_a_page_for_looking_at_takes_no_writes_to_its_endpoints_either() -> None:
    """G-03."""
    assert view(OFFICE).opens(b"/api/watched")
    assert not view(OFFICE).opens(b"/api/watched", writes=True)
    assert view(OPERATORS).opens(b"/api/watched", writes=True)


@pytest.mark.parametrize(
    ("who", "whole", "enters", "reaches"),
    [(STAFF, True, True, True), (OFFICE, False, True, True), (STRANGER, False, False, False)],
)
def test_who_has_pages_alone_enters_and_has_not_the_whole(who: Actor, whole: bool, enters: bool, reaches: bool) -> None:
    found = view(who)
    assert (found.whole, found.enters, found.reaches) == (whole, enters, reaches)


def test_a_page_of_endpoints_alone_is_no_way_into_the_dashboard() -> None:
    at = world([page("hooks", endpoints=["/api/*"], owner="customer")])
    assert not view(OFFICE, at).enters
    assert view(OFFICE, at).reaches


def test_what_several_pages_name_is_seen_by_the_people_of_each() -> None:
    """Pages add up, as shares do."""
    at = world([page("one", "/shared", owner="customer"), page("two", "/shared", owner="other")])
    assert view(OFFICE, at).shows("", "/shared")
    assert view(STRANGER, at).shows("", "/shared")
    assert not view(STAFF, at).shows("", "/shared")


def test_a_share_of_a_page_shows_that_page_alone() -> None:
    at = world(grants=[share("overview", "other", VIEWER)])
    assert view(STRANGER, at).shows("", "/overview")
    assert not view(STRANGER, at).shows("", "/undeclared")
    assert not view(STRANGER, at).whole


def test_a_page_may_be_kept_from_one_person() -> None:
    kept_off = in_session(person({"acme": DASHBOARD}, {"acme": {"overview": NONE}}))
    assert view(kept_off).whole
    assert not view(kept_off).shows("", "/overview")


def test_c_17_a_public_page_is_anybodys_and_nothing_else_is() -> None:
    at = world([*PAGES, page("notice", "/notice", http_auth=HttpAuth.NONE)])
    assert view(None, at).shows("", "/notice")
    assert view(None, at).enters
    assert not view(None, at).whole
    assert not view(None, at).shows("", "/overview")
    assert view(STRANGER, at).shows("", "/notice")


def test_c_17_no_page_is_public_where_none_may_be() -> None:
    at = world([*PAGES, page("notice", "/notice", http_auth=HttpAuth.NONE)])
    line = at.resources["line"]
    found = page_view(at, None, line, now=NOW, pages=pages_of(at, line, public=False))
    assert found is not None
    assert not found.shows("", "/notice")
    assert not found.enters


def test_an_open_instance_keeps_the_pages_that_somebody_owns() -> None:
    found = view(None, anybody=True)
    assert found.whole
    assert found.shows("", "/overview")
    assert found.shows("", "/undeclared")
    assert not found.shows("", "/office")
    assert not found.opens(b"/api/office/rows")
    assert view(OFFICE, anybody=True).shows("", "/office")


def test_a_token_limited_to_a_space_sees_the_pages_of_that_space() -> None:
    who = person({"acme": OWNER})
    found = view(by_token(who, token(spaces=frozenset({"customer"}))))
    assert not found.whole
    assert found.shows("", "/office")
    assert not found.shows("", "/overview")


def test_where_a_page_that_is_named_by_its_id_lies_is_learnt_from_the_dashboard() -> None:
    at = world([*PAGES, page("again", "f00dcafe12345678", owner="acme")])
    pages = pages_of(at, at.resources["line"])
    assert pages is not None
    assert pages.at(b"/office") == {"bureau"}
    assert pages.at(b"/workshop") == frozenset()
    told = {"f00dcafe12345678": "/Workshop/", "unnamed": "/else", "hidden": ""}
    assert pages.placed(told) == {b"/workshop": {"by-id", "again"}}


def test_only_a_page_named_by_its_id_may_lie_anywhere() -> None:
    assert view(OFFICE).is_anywhere
    assert not view(STRANGER).is_anywhere
    assert not view(OFFICE, world([page("bureau", "/Office/", owner="customer")])).is_anywhere


def test_views_that_show_the_same_are_alike_and_others_are_not() -> None:
    at = world()
    renamed = world([*PAGES[1:], replace(PAGES[0], name="Overview")])
    assert view(OFFICE, at) == view(in_session(person({"customer": VIEWER})), renamed)
    assert view(OFFICE, at) != view(OPERATORS, at)
    assert view(OFFICE, at) != view(OFFICE, world(PAGES[:-1]))


@st.composite
def estates_with_pages(draw: st.DrawFn) -> Estate:
    owners = st.none() | st.sampled_from([at.id for at in SPACES])
    pages = [replace(at, owner=draw(owners)) for at in PAGES]
    grants = draw(GRANTS)
    grants += draw(
        st.lists(
            st.builds(
                share,
                st.sampled_from([at.id for at in PAGES]),
                st.sampled_from([at.id for at in SPACES]),
                st.sampled_from([DASHBOARD, VIEWER, MEMBER]),
            ),
            max_size=4,
        )
    )
    return world(pages, grants, draw(SETTINGS))


@given(estates_with_pages(), people())
def test_what_a_view_shows_is_exactly_what_roles_say(at: Estate, who: Person) -> None:
    """G-01, C-03."""
    actor = in_session(who)
    found = view(actor, at)
    shown = {each.id for each in PAGES if _may(at, actor, each.id)}
    assert found.shown == shown
    assert found.whole is _may(at, actor, "line")
    for each in PAGES:
        match = str(each.attributes["match"])
        if match:
            by = ("", match) if match.startswith("/") else (match, "")
            assert found.shows(*by) is (each.id in shown)
            role = effective_role(at, actor.person, at.resources[each.id])
            silent = bool(each.attributes.get("readonly")) and role < MEMBER
            assert found.takes_input(*by) is (each.id in shown and not silent)
    assert found.shows("", "/undeclared") is found.whole


@given(estates_with_pages(), people(admins=False))
def test_who_is_not_active_sees_no_page(at: Estate, who: Person) -> None:
    asleep = replace(who, user=replace(who.user, state=UserState.SUSPENDED))
    found = view(in_session(asleep), at)
    assert not found.whole
    assert not found.shown


def _may(at: Estate, actor: Actor, id_: str) -> bool:
    return decide(at, actor, Permission.HTTP, at.resources[id_], now=NOW).allowed
