"""Pages of an instance: what may be said about them."""

from collections.abc import Iterator

from config.schema import Settings
from proxy.model.access import Permission
from proxy.model.estate import Estate, PageSettings, Resource, ResourceKind
from proxy.services.authority import require
from proxy.services.problems import Invalid, Wrong
from proxy.services.writer import Moment


def admit(moment: Moment, page: Resource, configured: Settings) -> None:
    """Whether a page may be as it is about to be. Raises Invalid, and Denied for who may not open it to everybody."""
    wrongs = list(mistaken(moment.estate, page, configured))
    if wrongs:
        raise Invalid(*wrongs)
    before = moment.estate.resources.get(page.id)
    opened = PageSettings.of(page).public and not (before is not None and PageSettings.of(before).public)
    if opened:
        require(moment, Permission.INSTANCE_SECURITY, moment.estate.resources.get(page.parent or ""))


def mistaken(estate: Estate, page: Resource, configured: Settings) -> Iterator[Wrong]:
    """What is wrong with what a page says."""
    said = PageSettings.of(page)
    if not said.match and not said.endpoints:
        remedy = "Name a page of the Dashboard by its path, such as /page1, or endpoints by patterns, such as /api/*."
        yield Wrong(field="match", message="must be there unless endpoints has an entry", remedy=remedy)
    if said.match and _is_taken(estate, page, said):
        message = f"is {said.match}, which another page of this instance has"
        yield Wrong(field="match", message=message, remedy="Share that page with more spaces instead.")
    folded = [pattern.lower().rstrip("/") for pattern in said.endpoints]
    for at, pattern in enumerate(said.endpoints):
        if folded[at] in folded[:at]:
            yield Wrong(field=f"endpoints/{at}", message=f"names {pattern} again", remedy="Name each pattern once.")
    if said.public:
        yield from _exposed(said, configured)


def _exposed(said: PageSettings, configured: Settings) -> Iterator[Wrong]:
    if not configured.server.allow_public_http:
        remedy = "Leave http_auth out, or have it permitted in flowward.yaml."
        yield Wrong(
            field="http_auth", message="must not be none unless server.allow_public_http is true", remedy=remedy
        )
    if said.match and not said.path:
        message = f"is the id {said.match}, but a page for everybody needs an address that nobody else's page has"
        yield Wrong(field="match", message=message, remedy="Send its path below the dashboard, such as /page1.")


def _is_taken(estate: Estate, page: Resource, said: PageSettings) -> bool:
    beside = (each for each in estate.children.get(page.parent or "", ()) if each.kind is ResourceKind.PAGE)
    matches = (PageSettings.of(each).match for each in beside if each.id != page.id)
    return any(_alike(match, said.match) for match in matches)


def _alike(one: str, other: str) -> bool:
    """Paths are read without case; ids are not."""
    if one.startswith("/") and other.startswith("/"):
        return one.lower().rstrip("/") == other.lower().rstrip("/")
    return one == other
