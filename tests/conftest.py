"""What every test may ask for: real programs of the machine, and a loop that nothing blocks."""

import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
import trustme
from blockbuster import blockbuster_ctx

from proxy.cli.nodered_setup import CannotRun
from tests.peers import browser, nodered, oidc_provider, postgresql, simplesamlphp, slapd

OUR_PACKAGES = ["config", "auth_plugins", "proxy"]

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

# Bringing PostgreSQL up to date has a loop and a thread of its own; a connection looks for the files that libpq reads.
MAY_BLOCK = [
    ("proxy/store/migrations/__init__.py", "upgrade"),
    ("proxy/store/sql/postgresql.py", ("_prepare", "open_connection")),
]

Needs = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-services",
        action="store_true",
        help="a program that a test talks to and that is not installed fails the test instead of skipping it",
    )


def _absent(config: pytest.Config, what: str) -> None:
    if config.getoption("--require-services"):
        pytest.fail(f"{what}, and --require-services forbids skipping")
    pytest.skip(what)


@pytest.fixture(scope="session")
def needs(pytestconfig: pytest.Config) -> Needs:
    """`needs("nginx", "/usr/sbin/nginx")`: the first of these programs found; else the test is skipped by name."""

    def find(*names: str) -> Path:
        for name in names:
            if found := shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin"):
                return Path(found)
        _absent(pytestconfig, f"{' or '.join(names)} is not installed")
        raise AssertionError

    return find


@pytest.fixture(autouse=True, scope="session")
def nothing_blocks_the_loop() -> Iterator[None]:
    """A blocking call made by our packages inside a running loop is an error wherever it happens."""
    with blockbuster_ctx(scanned_modules=OUR_PACKAGES) as guard:
        for function in guard.functions.values():
            for name in MAY_BLOCK:
                function.can_block_in(*name)
        yield


@pytest.fixture(autouse=True)
def events_are_told_as_by_default() -> Iterator[None]:
    """A gateway that served in this process set how much is told; the next test does not inherit it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def node_red_programs(pytestconfig: pytest.Config) -> nodered.Programs:
    """Node, Node-RED and the Dashboard, from npm's cache in the repository."""
    try:
        return nodered.installed()
    except CannotRun as error:
        _absent(pytestconfig, str(error))
        raise


@pytest.fixture(scope="session")
def oidc_provider_modules(pytestconfig: pytest.Config) -> Path:
    """The packages of an OpenID Connect provider, from npm's cache in the repository."""
    try:
        return oidc_provider.installed()
    except CannotRun as error:
        _absent(pytestconfig, str(error))
        raise


@pytest.fixture(scope="session")
def postgresql_server(pytestconfig: pytest.Config) -> Iterator[postgresql.Postgresql]:
    """PostgreSQL for all tests of this process; each makes a database of its own."""
    programs = postgresql.programs()
    if programs is None:
        _absent(pytestconfig, "PostgreSQL (initdb) is not installed")
        raise AssertionError
    with postgresql.postgresql(programs) as server:
        yield server


@pytest.fixture(scope="session")
def openldap(needs: Needs, authority: trustme.CA) -> Iterator[slapd.Slapd]:
    """OpenLDAP for all tests of this process, over ldaps and StartTLS; what a test changes is its own."""
    with slapd.slapd(needs("slapd"), authority) as server:
        yield server


@pytest.fixture(scope="session")
def php_for_saml(pytestconfig: pytest.Config) -> Path:
    """PHP, with all that SimpleSAMLphp needs."""
    found = simplesamlphp.programs()
    if found is None:
        _absent(pytestconfig, "SimpleSAMLphp (or PHP with dom and mbstring) is not installed")
        raise AssertionError
    return found


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A private certificate authority for this run."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server at localhost or any of its names needs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "*.localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a client that trusts `authority`, and nobody else, needs."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def chromium(needs: Needs) -> AsyncIterator[browser.Chromium]:
    """A browser of the machine, for one test."""
    async with browser.chromium(needs(*browser.EXECUTABLES)) as started:
        yield started
