"""The parts behind the gateway's own pages: accounts, ways in, second factors, mail and all that guards them."""

from uuid import uuid4

from aiohttp import ClientSession

from config.keys import Keys
from config.schema import Settings
from proxy.app.ways_in import ways_in
from proxy.gate.gate import Gate
from proxy.services.accounts import Accounts
from proxy.services.administration.instances import Premises
from proxy.services.allowances import Allowances
from proxy.services.assertions import Signer
from proxy.services.branding import Pictures
from proxy.services.clock import Clock
from proxy.services.cookies import Cookies
from proxy.services.devices import Devices
from proxy.services.factors import factors_of
from proxy.services.flows import Flows
from proxy.services.linking import Linking
from proxy.services.lockout import Lockout
from proxy.services.login import Logins
from proxy.services.offload import Offload
from proxy.services.sealing import Seal
from proxy.services.self_help import outbox_of, self_help_of
from proxy.services.sessions import Sessions
from proxy.services.writer import Writer
from proxy.store.sql import Store
from proxy.web.keys import Desk


def new_id() -> str:
    """An id of whatever is made from now on: 32 hexadecimal digits."""
    return uuid4().hex


def home_of(settings: Settings) -> str:
    """The origin at which people log in."""
    return str(settings.server.public_url)


def desk_of(
    settings: Settings,
    store: Store,
    gate: Gate,
    signer: Signer,
    sessions: Sessions,
    offload: Offload,
    outside: ClientSession,
    keys: Keys,
    clock: Clock,
    premises: Premises,
    writer: Writer,
) -> Desk:
    """What the pages and the API work with. Raises UnusablePlugins; blocks, since plugins read files."""
    accounts = Accounts(
        database=store.database,
        shared=store.shared,
        offload=offload,
        now=clock.wall,
        end_sessions=sessions.end_all,
        rules=lambda: premises.settings.accounts,
    )
    outbox = outbox_of(
        store.database,
        lambda: premises.settings,
        keys.subkey,
        clock,
        new_id,
        product=lambda: gate.world.estate.settings.branding.product,
    )
    lockout = Lockout(
        store.database,
        store.shared,
        lambda: premises.settings.limits.lockout,
        clock.wall,
        ban=lambda: premises.settings.limits.ban,
        spared=lambda: premises.settings.server.trusted_proxies,
        notice=outbox.note,
    )
    domains = frozenset(domain for entry in settings.auth if entry.active for domain in entry.domains)
    found = ways_in(settings, store.shared, accounts, offload, outside, clock)
    return Desk(
        sites=lambda: gate.world.sites,
        estate=lambda: gate.world.estate,
        person=store.database.person,
        jwks=signer.jwks,
        providers=found.providers,
        local=found.local,
        database=store.database,
        sessions=sessions,
        accounts=accounts,
        linking=Linking(
            writer=writer,
            shared=store.shared,
            providers=lambda: found.providers,
            new_id=new_id,
            end_sessions=sessions.end_all,
        ),
        flows=Flows(store.shared, clock.wall, Seal(keys.subkey("flows"))),
        factors=factors_of(
            store.database,
            store.shared,
            offload,
            home=home_of(settings),
            subkey=keys.subkey,
            settings=lambda: premises.settings.mfa,
            now=clock.wall,
            new_id=new_id,
        ),
        devices=Devices(store.shared, clock.wall),
        logins=Logins(
            store.shared,
            key=keys.subkey("login"),
            cookies=Cookies.of(home_of(settings)),
            now=clock.wall,
            steady=clock.steady,
        ),
        allowances=Allowances(store.shared, lambda: premises.settings.limits, clock.wall),
        lockout=lockout,
        self_help=self_help_of(outbox, accounts, lockout, writer, lambda: domains, keys.subkey, new_id),
        pictures=Pictures(store.database),
        now=clock.wall,
    )
