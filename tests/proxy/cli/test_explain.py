"""`flowward explain`: asked on the command line, answered for people and for programs."""

import json
from pathlib import Path

import pytest

from tests.proxy.cli.conftest import Run

ESTATE = """
spaces:
  - {slug: acme, kind: team}
  - {slug: customer-a, kind: customer, parent: acme}
users:
  - {username: ada, memberships: {acme: owner}, password: {file: ada.password}}
  - {username: vic, memberships: {acme: viewer}, overrides: {acme/plant: member}, password: {file: ada.password}}
  - {username: carl, memberships: {customer-a: owner}, password: {file: ada.password}}
applications:
  - {slug: plant, space: acme}
instances:
  - {slug: line-3, application: acme/plant, hosts: [line-3.localhost], upstream: "http://127.0.0.1:1880"}
  - {slug: press, application: acme/plant, hosts: [shop.localhost], path: /press, protected: true,
     upstream: "http://127.0.0.1:1881", http_auth: {public: [/hooks/*]}}
"""


@pytest.fixture
def ask(run: Run, site: Path) -> Run:
    """`ask("vic", "--may", …)`: explain on an applied estate."""
    (site / "estate.yaml").write_text(ESTATE)
    assert run("apply").exit_code == 0
    return lambda user, *arguments: run("explain", "--user", user, *arguments)


def test_it_says_yes_and_what_gave_the_role(ask: Run) -> None:
    asked = ask("vic", "--may", "instance:flows:edit", "--on", "acme/plant/line-3")
    assert asked.exit_code == 0
    assert asked.stdout.splitlines() == [
        "Yes: vic may instance:flows:edit on acme/plant/line-3.",
        "Reason: role. Role there: member.",
        "",
        "  account   vic is active",
        "  admin     no admin",
        "+ override  acme/plant says member, with the membership of acme -> member",
        "  member    viewer in acme",
        "  role      instance:flows:edit takes member; member is held",
        "",
        "+ gives the role that counts, - refuses; what else was looked at changes nothing, and --json shows it.",
    ]


def test_it_says_no_and_what_refuses(ask: Run) -> None:
    asked = ask("ada", "--may", "instance:flows:edit", "--on", "acme/plant/press")
    assert asked.stdout.startswith(
        "No: ada may not instance:flows:edit on acme/plant/press.\nReason: protected_instance."
    )
    assert "\n- protection  the instance is protected" in asked.stdout


def test_programs_get_the_decision_and_every_rule_considered(ask: Run) -> None:
    told = json.loads(ask("carl", "--may", "instance:read", "--on", "acme/plant/line-3", "--json").stdout)
    assert (told["allowed"], told["role"], told["reason"]) == (False, "none", "not_found")
    rules = [each["rule"] for each in told["considered"]]
    assert rules[:5] == ["account", "token", "viewing_as", "admin", "override"]
    assert rules[-1] == "existence"
    assert {"rule", "applies", "gives", "refuses", "words"} == set(told["considered"][0])


@pytest.mark.parametrize(
    ("user", "arguments", "begins"),
    [
        ("ada", ["http://line-3.localhost:8080/flows", "--method", "post"], "Yes: ada may post http"),
        ("vic", ["http://line-3.localhost/context/global"], "Yes"),
        ("ada", ["http://shop.localhost/press/flows", "--method", "POST"], "No"),
        ("ada", ["http://shop.localhost/press?x=1"], "Yes"),
        ("carl", ["http://line-3.localhost"], "No"),
        ("carl", ["http://shop.localhost/press/hooks/alarm"], "Yes"),
        ("ada", ["http://line-3.localhost/auth/token"], "No"),
        ("vic", ["http://line-3.localhost/dashboard", "--method", "OPTIONS"], "Yes"),
    ],
)
def test_an_address_is_asked_about_as_a_browser_has_it(ask: Run, user: str, arguments: list[str], begins: str) -> None:
    asked = ask(user, "--url", *arguments)
    assert asked.exit_code == 0, asked.output
    assert asked.stdout.startswith(begins)


def test_permissions_that_are_about_no_place_are_asked_without_one(ask: Run) -> None:
    assert ask("ada", "--may", "self:edit").stdout.startswith("Yes: ada may self:edit.")
    assert ask("ada", "--may", "space:create").stdout.startswith("No")
    assert ask("ada", "--may", "space:edit", "--on", "customer-a").stdout.startswith("Yes")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ada"], 2, "Ask either with --may and --on, or with --url."),
        (["ada", "--may", "space:read", "--url", "http://line-3.localhost"], 2, "Ask either"),
        (["ada", "--on", "acme", "--url", "http://line-3.localhost"], 2, "Ask either"),
        (["ada", "--may", "space:edit"], 2, "say by --on which customer or everyone or group or team."),
        (["ada", "--may", "space:edit", "--on", "acme/plant"], 2, "acme/plant is of kind application, but space:edit"),
        (["ada", "--may", "self:edit", "--on", "acme"], 2, "is asked without --on."),
        (["ada", "--may", "instance:fly", "--on", "acme"], 2, "docs/reference/permissions.md lists them"),
        (["ada", "--may", "instance:read", "--on", "acme/plant/line-9"], 1, "There is no acme/plant/line-9."),
        (["ada", "--may", "space:read", "--on", "nowhere"], 1, "There is no nowhere."),
        (["bob", "--may", "space:read", "--on", "acme"], 1, "There is no user bob."),
        (["ada", "--url", "http://elsewhere.example/"], 1, "No instance has the host of http://elsewhere.example/."),
        (["ada", "--url", "http://localhost:8080/"], 1, "is answered by the gateway itself"),
        (["ada", "--url", "http://line-3.localhost/-/enter"], 1, "is answered by the gateway itself"),
        (["ada", "--url", "http://line-3.localhost/a/../flows"], 1, "is refused for everybody"),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_can(ask: Run, arguments: list[str], code: int, message: str) -> None:
    asked = ask(*arguments)
    assert (asked.exit_code, asked.stdout) == (code, "")
    assert message in asked.stderr
