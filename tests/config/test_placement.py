import pytest

from tests.config.conftest import Told

SHARED = "server: {insecure_shared_origin: true}"
HEAD = (
    "spaces: [{slug: acme, kind: team}, {slug: other, kind: team}]\n"
    "applications: [{slug: plant, space: acme}, {slug: plant, space: other}]\n"
)


def instances(*entries: str) -> str:
    """An estate with these instances, each on a line of its own, from line 4 on."""
    lines = [
        f"  - {{slug: i{index}, application: acme/plant, upstream: 'http://127.0.0.1:1880', {entry}}}\n"
        for index, entry in enumerate(entries)
    ]
    return f"{HEAD}instances:\n{''.join(lines)}"


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        # how it is reached
        (["title: A"], "4: instances[0]: has neither hosts nor path, so nobody can reach it. Add for example hosts: [i0.localhost]."),
        (["hosts: [a.localhost]", "hosts: [A.localhost.]"], "5: instances[1].hosts[0]: is a.localhost, which acme/plant/i0 already has. Choose another host, or add a path to one of them."),
        (["hosts: [a.localhost], path: /x", "hosts: [b.localhost, a.localhost], path: /x/"], "5: instances[1].hosts[1]: is a.localhost/x, which acme/plant/i0 already has. Choose another host, or add a path to one of them."),
        (["hosts: [a.localhost, a.localhost]"], "4: instances[0].hosts[1]: is a.localhost, which acme/plant/i0 already has. Choose another host, or add a path to one of them."),
        (["hosts: [localhost]"], "4: instances[0].hosts[0]: is localhost, the gateway's own host. Give the instance a host of its own."),
        (["hosts: ['http://localhost:81']"], "4: instances[0].hosts[0]: is localhost, the gateway's own host. Give the instance a host of its own."),
        (["path: /x"], "4: instances[0].path: is on localhost, the gateway's own host, where its scripts could act as the gateway's pages. Give the instance a host of its own, or accept that by server.insecure_shared_origin: true."),
        (["hosts: [a.example]"], "4: instances[0].hosts[0]: must be https unless it is a localhost name, but it is 'a.example'. Write https://a.example, or i0.localhost for a trial."),
        # what is behind it
        (["hosts: [a.localhost], admin_root: /dashboard"], "4: instances[0].dashboard: is the same as admin_root, so editor and dashboard cannot be told apart. Write the path that Dashboard 2 really has."),
        (["hosts: [a.localhost], admin_root: /red/ui, node_root: /red, dashboard: /ui"], "4: instances[0].dashboard: is the same as admin_root, so editor and dashboard cannot be told apart. Write the path that Dashboard 2 really has."),
        # how open it is
        (["hosts: [a.localhost], http_auth: {mode: none}"], "4: instances[0].http_auth.mode: must not be none unless server.allow_public_http is true. Write mode: user, or permit it in flowward.yaml."),
        (["hosts: [a.localhost], http_auth: {public: [/hooks/*, /b]}"], "4: instances[0].http_auth.public: warning: opens /hooks/*, /b to anyone. Remove what need not be public."),
        (["hosts: [a.localhost], upstream_tls: {insecure_skip_verify: true}"], "4: instances[0].upstream_tls.insecure_skip_verify: warning: accepts any certificate: whoever is in between reads and changes everything. Set upstream_tls.ca instead."),
        # how long its sessions are
        (["hosts: [a.localhost], session: {idle: 7d}"], "4: instances[0].session: has idle 7d, which must be shorter than absolute 7d. Lower idle or raise absolute."),
        (["hosts: [a.localhost], session: {absolute: 1h}"], "4: instances[0].session: has idle 32h, which must be shorter than absolute 1h. Lower idle or raise absolute."),
    ],
)  # fmt: skip
def test_an_instance_that_cannot_stand_as_declared_is_told(told: Told, entries: list[str], problem: str) -> None:
    assert told("#" * 9, instances(*entries)) == [f"estate.yaml:{problem}"]


@pytest.mark.parametrize(
    "entries",
    [
        ["hosts: [a.localhost, b.localhost]", "hosts: [c.localhost]"],
        ["hosts: [a.localhost], path: /x", "hosts: [a.localhost], path: /y", "hosts: [a.localhost]"],
        ["hosts: ['https://a.example']"],
        ["hosts: [a.localhost], session: {idle: 30d, absolute: 90d}"],
        ["hosts: [a.localhost], admin_root: /admin, node_root: /red"],
    ],
)
def test_an_instance_that_can_be_reached_is_fine(told: Told, entries: list[str]) -> None:
    assert told("", instances(*entries)) == []


def test_an_instance_on_a_further_home_is_refused(told: Told) -> None:
    (problem,) = told("server: {homes: [http://home.localhost:8080]}", instances("hosts: [home.localhost]"))
    assert "is home.localhost, the gateway's own host." in problem


def test_an_instance_by_path_at_home_is_a_warning_where_that_was_accepted(told: Told) -> None:
    _, problem = told(SHARED, instances("path: /x"))
    assert problem == (
        "estate.yaml:4: instances[0].path: warning: is on localhost, the gateway's own host: its scripts can act as "
        "the gateway's pages. Give the instance a host of its own."
    )


def test_an_instance_at_home_without_a_path_is_refused_even_so(told: Told) -> None:
    _, problem = told(SHARED, instances("hosts: [localhost]"))
    assert "warning" not in problem


def test_instances_of_two_spaces_on_one_host_are_a_warning(told: Told) -> None:
    entries = instances("hosts: [a.localhost], path: /x", "hosts: [a.localhost], path: /y")
    (problem,) = told("", entries.replace("slug: i1, application: acme/", "slug: i1, application: other/"))
    assert problem == (
        "estate.yaml:5: instances[1].hosts[0]: warning: shares its origin a.localhost with acme/plant/i0 of another "
        "space. Give it a host of its own: scripts of one can act in the other."
    )


def test_mode_none_is_a_warning_where_it_is_permitted(told: Told) -> None:
    (problem,) = told("server: {allow_public_http: true}", instances("hosts: [a.localhost], http_auth: {mode: none}"))
    assert "http_auth.mode: warning: opens dashboard and endpoints to anyone." in problem


@pytest.mark.parametrize(
    ("server", "upstream", "refused"),
    [
        ("listen: ['127.0.0.1:8080']", "http://127.0.0.1:8080", True),
        ("listen: ['127.0.0.1:8080']", "http://localhost:8080", True),
        ("listen: ['localhost:8080']", "http://127.0.0.1:8080", True),
        ("listen: ['0.0.0.0:8080']", "http://127.0.0.1:8080", True),
        ("listen: ['10.0.0.1:8080']", "http://10.0.0.1:8080", True),
        ("operations: '127.0.0.1:9090'", "http://127.0.0.1:9090", True),
        ("listen: ['127.0.0.1:8080']", "http://127.0.0.1:1880", False),
        ("listen: ['0.0.0.0:8080']", "http://node-red:8080", False),
        ("listen: ['10.0.0.1:8080']", "http://127.0.0.1:8080", False),
        ("listen: ['127.0.0.1:80']", "http+unix:///run/node-red.sock", False),
    ],
)
def test_an_upstream_is_never_the_gateway_itself(told: Told, server: str, upstream: str, refused: bool) -> None:
    estate = instances("hosts: [a.localhost]").replace("http://127.0.0.1:1880", upstream)
    problems = told(f"server: {{{server}}}", estate)
    assert any("must not be one of the gateway's own listeners" in problem for problem in problems) is refused
