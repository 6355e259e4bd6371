"""What elements say: texts and times, read and written."""

from datetime import UTC, datetime

from auth_plugins.saml.guards import Element
from auth_plugins.values import Refused


def text_of(element: Element) -> str:
    """All text of an element; comments, which would split it, were refused before."""
    return "".join(map(str, element.itertext())).strip()


def moment(element: Element, name: str) -> float | None:
    """An attribute that is a time, in seconds since the epoch. Raises Refused."""
    said = element.get(name)
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise Refused("time_unreadable", f"{name} is '{said[:40]}', which is no time") from error
    # SAML core 1.3.3: times "MUST be expressed in UTC form, with no time zone component".
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def stamp(seconds: float) -> str:
    """A time as SAML writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
