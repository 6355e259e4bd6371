import pytest

from tests.config.conftest import Told

ACME = "{slug: acme, kind: team}"
CUSTOMER = "{slug: cust, kind: customer, parent: acme}"
PLANT = "{slug: plant, space: acme}"
LINE = "{slug: a, application: acme/plant, hosts: [a.localhost], upstream: 'http://127.0.0.1:1880'}"


def estate(
    *, spaces: str = ACME, users: str = "", applications: str = PLANT, instances: str = LINE, grants: str = ""
) -> str:
    """An estate of five lines, one per section."""
    return (
        f"spaces: [{spaces}]\nusers: [{users}]\napplications: [{applications}]\n"
        f"instances: [{instances}]\ngrants: [{grants}]\n"
    )


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        # spaces
        (estate(spaces=f"{ACME}, {ACME}"), "1: spaces[1].slug: declares acme again, first in estate.yaml:1. Remove one of the two or rename it."),
        (estate(spaces=f"{ACME}, {{slug: b, kind: team, parent: acme}}"), "1: spaces[1].parent: must be absent, since a team has no parent. Remove parent or change kind."),
        (estate(spaces=f"{ACME}, {{slug: b, kind: customer}}"), "1: spaces[1].parent: is missing: a customer belongs to a team or customer. Add parent."),
        (estate(spaces=f"{ACME}, {{slug: b, kind: group, parent: acm}}"), "1: spaces[1].parent: must name a declared space, but it is 'acm'. Did you mean acme?"),
        (estate(spaces=f"{ACME}, {{slug: g, kind: group, parent: acme}}, {{slug: b, kind: group, parent: g}}"), "1: spaces[2].parent: must be a team or customer, but g is a group. Choose its parent."),
        (estate(spaces=f"{ACME}, {{slug: b, kind: customer, parent: b}}"), "1: spaces[1].parent: leads back to the space itself. Let one of its ancestors be a team."),
        (estate(spaces=f"{ACME}, {{slug: all, kind: everyone, parent: acme}}"), "1: spaces[1].parent: must be absent, since the space of everyone has no parent. Remove parent or change kind."),
        (estate(spaces=f"{ACME}, {{slug: all, kind: everyone}}, {{slug: b, kind: group, parent: all}}"), "1: spaces[2].parent: must be a team or customer, but all is everyone. Choose its parent."),
        # applications and instances
        (estate(applications=f"{PLANT}, {PLANT}"), "3: applications[1].slug: declares acme/plant again, first in estate.yaml:3. Remove one of the two or rename it."),
        (estate(applications=f"{PLANT}, {{slug: b, space: acne}}"), "3: applications[1].space: must name a declared space, but it is 'acne'. Did you mean acme?"),
        (estate(applications="", instances=LINE), "4: instances[0].application: must name a declared application, but it is 'acme/plant'. Declare the application first."),
        (estate(instances=f"{LINE}, {LINE.replace('a.localhost', 'b.localhost')}"), "4: instances[1].slug: declares acme/plant/a again, first in estate.yaml:4. Remove one of the two or rename it."),
        # users
        (estate(users="{username: ada}, {username: Ada}"), "2: users[1].username: declares ada again, first in estate.yaml:2. Remove one of the two or rename it."),
        (estate(users="{username: a, email: a@b}, {username: b, email: A@b}"), "2: users[1].email: declares a@b again, first in estate.yaml:2. Remove one of the two or rename it."),
        (estate(users="{username: a, password: {file: flowward.yaml}, password_hash: $argon2id$v=19$m=1$YQ$YQ}"), "2: users[0].password_hash: stands beside password. Keep one of the two."),
        (estate(users="{username: a, memberships: {acne: owner}}"), "2: users[0].memberships.acne: must name a declared space, but it is 'acne'. Did you mean acme?"),
        (estate(spaces=f"{ACME}, {{slug: all, kind: everyone}}", users="{username: a, memberships: {all: owner}}"), "2: users[0].memberships.all: names all, in which all are members without being named. Leave it out."),
        (estate(users="{username: a, overrides: {acme/plan: none}}"), "2: users[0].overrides.acme/plan: must name a declared application or instance, but it is 'acme/plan'. Did you mean acme/plant?"),
        (estate(users="{username: a, overrides: {acme/plant: none}}"), "2: users[0].overrides.acme/plant: has no effect: a is no member of acme. Add a membership, for example acme: viewer."),
        (estate(spaces=f"{ACME}, {CUSTOMER}", users="{username: a, memberships: {cust: owner}, overrides: {acme/plant/a: none}}"), "2: users[0].overrides.acme/plant/a: has no effect: a is no member of acme. Add a membership, for example acme: viewer."),
        (estate(users="{username: a, provider: corp}"), "2: users[0].provider: must name a way in other than the local accounts, but it is 'corp'. Add it to auth in flowward.yaml."),
        (estate(users="{username: a, provider: local}"), "2: users[0].provider: must name a way in other than the local accounts, but it is 'local'. Add it to auth in flowward.yaml."),
        # pages, row policies and first dashboards
        (estate(instances=LINE[:-1] + ", pages: [{slug: p, match: /p, space: acne}]}"), "4: instances[0].pages[0].space: must name a declared space, but it is 'acne'. Did you mean acme?"),
        (estate(instances=LINE[:-1] + ", pages: [{slug: p, match: /p}, {slug: p, match: /q}]}"), "4: instances[0].pages[1]: declares p again. Remove one of the two or rename it."),
        (estate(instances=LINE[:-1] + ", rows: [{name: r, kind: http, tag: t, field: f}, {name: r, kind: http, tag: t, field: f}]}"), "4: instances[0].rows[1]: declares r again. Remove one of the two or rename it."),
        (estate(instances=LINE[:-1] + ", pages: [{slug: p, match: /p*}]}"), "4: instances[0].pages[0].match: must be the path of a page below the dashboard, or the id of its node, but it is '/p*'. Write for example /page1."),
        (estate(users="{username: a, default_dashboard: acme/plant/b}"), "2: users[0].default_dashboard: must name a declared instance or page, but it is 'acme/plant/b'. Did you mean acme/plant/a?"),
        # grants
        (estate(grants="{target: acme/plan, space: acme, role: viewer}"), "5: grants[0].target: must name a declared application or instance, but it is 'acme/plan'. Did you mean acme/plant?"),
        (estate(grants="{target: acme/plant, space: acne, role: viewer}"), "5: grants[0].space: must name a declared space, but it is 'acne'. Did you mean acme?"),
        (estate(spaces=f"{ACME}, {CUSTOMER}", grants="{target: acme/plant, space: cust, role: viewer}, {target: acme/plant, space: cust, role: owner}"), "5: grants[1].target: declares acme/plant for cust again, first in estate.yaml:5. Remove one of the two or rename it."),
    ],
)  # fmt: skip
def test_a_reference_that_cannot_hold_is_told(told: Told, written: str, problem: str) -> None:
    assert told("#" * 9, written) == [f"estate.yaml:{problem}"]


def test_spaces_that_are_each_other_s_parents_are_told(told: Told) -> None:
    spaces = f"{ACME}, {{slug: b, kind: customer, parent: c}}, {{slug: c, kind: customer, parent: b}}"
    assert [problem.split(": ")[1] for problem in told("", estate(spaces=spaces))] == [
        "spaces[1].parent",
        "spaces[2].parent",
    ]


def test_an_override_may_hang_on_a_membership_above_the_owner(told: Told) -> None:
    """The owner is the customer; the membership is in the team above it."""
    written = estate(
        spaces=f"{ACME}, {CUSTOMER}",
        users="{username: a, memberships: {acme: viewer}, overrides: {cust/plant: none}}",
        applications="{slug: plant, space: cust}",
        instances="",
    )
    assert told("", written) == []


def test_references_reach_over_files(told: Told, tmp_path) -> None:
    (tmp_path / "more.yaml").write_text(f"spaces: [{ACME}]\napplications: [{PLANT}]\n")
    (tmp_path / "users.yaml").write_text("users: [{username: a, memberships: {acme: owner}}]")
    assert told("estate: [users.yaml, more.yaml]") == []
