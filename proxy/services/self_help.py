"""What people do for their accounts themselves, and the mail it takes: one bundle for the pages and the API."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from config.schema import Settings
from proxy.services.accounts import Accounts
from proxy.services.clock import Clock
from proxy.services.letters import Letterhead
from proxy.services.lockout import Lockout
from proxy.services.mail import Mailer
from proxy.services.new_addresses import NewAddresses
from proxy.services.outbox import Outbox
from proxy.services.recovery import Recovery
from proxy.services.sealing import Seal
from proxy.services.sign_up import SignUp
from proxy.services.writer import Writer
from proxy.store import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfHelp:
    """All of it."""

    outbox: Outbox
    recovery: Recovery
    sign_up: SignUp
    addresses: NewAddresses

    @property
    def whom(self) -> str:
        """Whom to ask where people cannot help themselves."""
        return self.outbox.letterhead().whom


def outbox_of(
    database: Database,
    settings: Callable[[], Settings],
    subkey: Callable[[str], bytes],
    clock: Clock,
    new_id: Callable[[], str],
    product: Callable[[], str],
) -> Outbox:
    """The outbox of a gateway; nothing is sent before it runs. `settings` are those that hold now, `product` what people
    know the gateway as, empty for the name that mail comes from.
    """
    home = settings().server.public_url
    mailer = Mailer(lambda: settings().mail, clock, host=home.host)

    def letterhead() -> Letterhead:
        return Letterhead(product=product() or mailer.product, home=str(home), contact=settings().accounts.contact)

    return Outbox(
        database=database,
        mailer=mailer,
        seal=Seal(subkey("mail")),
        now=clock.wall,
        new_id=new_id,
        letterhead=letterhead,
    )


def self_help_of(
    outbox: Outbox,
    accounts: Accounts,
    lockout: Lockout,
    writer: Writer,
    domains: Callable[[], Collection[str]],
    subkey: Callable[[str], bytes],
    new_id: Callable[[], str],
) -> SelfHelp:
    """`domains`: those whose people log in by a provider alone."""
    database, shared, now = accounts.database, accounts.shared, accounts.now
    return SelfHelp(
        outbox=outbox,
        recovery=Recovery(database=database, shared=shared, accounts=accounts, lockout=lockout, outbox=outbox, now=now),
        sign_up=SignUp(
            database=database,
            shared=shared,
            accounts=accounts,
            writer=writer,
            outbox=outbox,
            seal=Seal(subkey("sign-up")),
            domains=domains,
            now=now,
            new_id=new_id,
        ),
        addresses=NewAddresses(
            shared=shared, accounts=accounts, writer=writer, outbox=outbox, domains=domains, now=now
        ),
    )
