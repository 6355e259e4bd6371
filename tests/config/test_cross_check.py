import pytest

from tests.config.conftest import Told


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("public_url: http://gate.example", "server.public_url: must be https unless its host is a localhost name, but it is 'http://gate.example'. Write https://gate.example, or a name under localhost for a trial."),
        ("homes: [http://other.example]", "server.homes[0]: must be https unless its host is a localhost name, but it is 'http://other.example'. Write https://other.example, or a name under localhost for a trial."),
        ("public_url: https://gate.example", "server.public_url: warning: is https, but neither server.tls nor server.trusted_proxies is set. Set server.tls, or list the proxy that ends TLS in server.trusted_proxies."),
        ("tls: {certificate: flowward.yaml, key: flowward.yaml}", "server.public_url: must be https, since server.tls is set and every listener speaks TLS, but it is 'http://localhost:8080'. Write https://localhost."),
        ("redirect_http: ['127.0.0.1:80']", "server.redirect_http: redirects to https, but server.public_url is http. Remove it or make public_url https."),
        ("operations: 127.0.0.1:8080", "server.operations: uses 127.0.0.1:8080, which another listener has. Give every listener a port of its own."),
        ("insecure_shared_origin: true", "server.insecure_shared_origin: warning: lets scripts of instances on the gateway's own host act as the gateway's pages. Give every instance a host of its own and remove it."),
        ("trusted_proxies: [0.0.0.0/0]", "server.trusted_proxies: warning: holds 0.0.0.0/0: whoever connects may claim any address. List the addresses of your proxies alone."),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_together_are_told(told: Told, server: str, problem: str) -> None:
    assert told(f"server: {{{server}}}") == [f"flowward.yaml:1: {problem}"]


@pytest.mark.parametrize(
    "server",
    [
        "public_url: http://gate.localhost:8080",
        "public_url: http://127.0.0.1:8080",
        "public_url: 'http://[::1]:8080'",
        "public_url: https://gate.example, trusted_proxies: [10.0.0.0/8]",
        "public_url: https://gate.example, tls: {certificate: flowward.yaml, key: flowward.yaml}, redirect_http: ['0.0.0.0:80']",
        "listen: ['127.0.0.1:0'], operations: 127.0.0.1:0",
        "operations: null",
    ],
)
def test_settings_that_fit_together_are_fine(told: Told, server: str) -> None:
    assert told(f"server: {{{server}}}") == []


def test_s_18_a_domain_belongs_to_one_way_in(told: Told) -> None:
    corp, other = (
        "{name: corp, plugin: ldap, domains: [acme.example]}",
        "{name: other, plugin: saml, domains: [ACME.example]}",
    )
    assert told(f"auth: [{corp}, {other}]") == [
        (
            "flowward.yaml:1: auth[1].domains: holds acme.example, for which corp speaks already. "
            "Leave it to one of the two: a domain's people log in by one way."
        )
    ]
    assert told("auth: [{name: local, plugin: local, domains: [acme.example]}]") == [
        (
            "flowward.yaml:1: auth[0].domains: holds acme.example, but local accounts speak for no domain. "
            "Remove it here; list it with the provider whose people have such addresses."
        )
    ]
