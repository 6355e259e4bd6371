"""How much is mailed to one mailbox because somebody asked for it: nobody's is filled by strangers, nor by owners who invite."""

from typing import Final

from proxy.access.gcra import Rate
from proxy.services.allowances import name_key
from proxy.store import Shared

MAILS: Final = Rate(count=5, period=1800.0)
"""Of one kind, from however many places they are asked for."""


async def takes_one_more(shared: Shared, kind: str, address: str) -> bool:
    """Whether a mail of this kind may go to an address; it is counted. Raises StoreUnavailable."""
    return await shared.admit(f"{kind} mails {name_key(_mailbox(address))}", MAILS) == 0


def _mailbox(address: str) -> str:
    """The address without what many servers leave out (RFC 5233): what stands behind a plus."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
