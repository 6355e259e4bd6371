"""What the estate itself says of who gets to see what: shares without rows, and what is open to anybody. Pure."""

from collections.abc import Iterator, Sequence

from proxy.access.standing import is_active, targets
from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.estate import (
    Estate,
    HttpAuth,
    InstanceSettings,
    PageSettings,
    Resource,
    ResourceKind,
    RowKind,
    RowPolicy,
)
from proxy.services.administration.probing import Severity
from proxy.services.checks import Fault
from proxy.wire.glob import glob


def rows_missing(estate: Estate, instance: Resource, settings: InstanceSettings) -> Iterator[Fault]:
    """In tenant mode: the instance, or those of its pages, that others than its owner see without a row policy for all."""
    if not estate.settings.tenant_mode:
        return
    if _is_shared(estate, instance):
        yield from _gaps(instance, settings.rows)
        return
    for page in estate.children.get(instance.id, ()):
        if page.kind is ResourceKind.PAGE and _is_shared(estate, page):
            yield from _gaps_of_page(page, settings.rows)


def shows_all_rows(estate: Estate, place: Resource) -> bool:
    """Whether, in tenant mode, all with whom an instance or a page of one is shared see the same rows."""
    at = next((each for each in estate.path(place) if each.instance is not None), None)
    if at is None or at.instance is None or place.kind not in {ResourceKind.INSTANCE, ResourceKind.PAGE}:
        return False
    found = rows_missing(estate, at, at.instance)
    return any(fault.place.id == place.id and fault.code == "no_row_policy" for fault in found)


def open_to_anybody(
    estate: Estate, instance: Resource, settings: InstanceSettings, *, allowed: bool
) -> Iterator[Fault]:
    """Dashboards and endpoints that take no login. `allowed`: whether the configuration lets an instance be open."""
    if settings.http_auth is HttpAuth.NONE and allowed:
        yield Fault(
            code="open_instance",
            severity=Severity.ERROR,
            place=instance,
            message="its dashboards and endpoints are open to anybody: http_auth.mode is none",
            remedy="Set http_auth.mode to user.",
        )
    if settings.public:
        yield Fault(
            code="public_paths",
            severity=Severity.WARNING,
            place=instance,
            message=f"anybody may ask for {', '.join(settings.public)}, without a login",
            remedy="Take out of http_auth.public what is not meant for strangers, and give programs tokens instead.",
        )
    for page in estate.children.get(instance.id, ()):
        if page.kind is ResourceKind.PAGE and PageSettings.of(page).public and allowed:
            yield Fault(
                code="open_page",
                severity=Severity.ERROR,
                place=page,
                message="anybody may open this page, without a login",
                remedy="Set http_auth of the page to user.",
            )


def _is_shared(estate: Estate, resource: Resource) -> bool:
    """Whether anybody outside its owner sees it: by a share, or since it belongs to everyone."""
    owner = estate.owner(resource)
    if owner is not None and owner.kind is SpaceKind.EVERYONE:
        return not estate.settings.disable_all_users
    own = {space.id for space in estate.lineage(owner)} if owner is not None else set()
    shares = (grant for at in targets(estate, resource) for grant in estate.shares[at.id])
    return any(grant.role > Role.NONE and grant.space not in own and _counts(estate, grant.space) for grant in shares)


def _counts(estate: Estate, space_id: str) -> bool:
    space = estate.spaces.get(space_id)
    if space is None or (space.kind is SpaceKind.EVERYONE and estate.settings.disable_all_users):
        return False
    return is_active(estate, space)


def _gaps(instance: Resource, rows: Sequence[RowPolicy]) -> Iterator[Fault]:
    """What of an instance that is shared as a whole is for all alike. Which endpoints it has is not known here."""
    if not rows:
        yield _without_rows(instance)
    elif not any(_is_for_every_widget(policy) and not policy.pages for policy in rows):
        yield _with_some_rows(instance)


def _gaps_of_page(page: Resource, rows: Sequence[RowPolicy]) -> Iterator[Fault]:
    said = PageSettings.of(page)
    shown = [policy for policy in rows if _on_page(policy, said.match)]
    answered = all(any(_on_path(policy, path) for policy in rows) for path in said.endpoints)
    if not answered or (said.match and not shown):
        yield _without_rows(page)
    elif said.match and not any(map(_is_for_every_widget, shown)):
        yield _with_some_rows(page)


def _is_for_every_widget(policy: RowPolicy) -> bool:
    return policy.kind is RowKind.SOCKET and not policy.widgets and not policy.types


def _on_page(policy: RowPolicy, match: str) -> bool:
    named = {page.strip("/") for page in policy.pages}
    return policy.kind is RowKind.SOCKET and (not named or match.strip("/") in named)


def _on_path(policy: RowPolicy, path: str) -> bool:
    if policy.kind is not RowKind.HTTP or (policy.methods and "GET" not in policy.methods):
        return False
    return not policy.paths or path in policy.paths or any(glob(each).matches(path.encode()) for each in policy.paths)


def _with_some_rows(place: Resource) -> Fault:
    is_page = place.kind is ResourceKind.PAGE
    what, without = ("page", "widgets and types") if is_page else ("instance", "widgets, types and pages")
    return Fault(
        code="partial_row_policy",
        severity=Severity.WARNING,
        place=place,
        message=f"this {what} is shared, and its row policies are for a part of it: what other widgets show, all of them see",
        remedy=f"Add a row policy of kind socketio without {without}; with on_unmatched pass it lets by what has no rows.",
    )


def _without_rows(place: Resource) -> Fault:
    what = "page" if place.kind is ResourceKind.PAGE else "instance"
    return Fault(
        code="no_row_policy",
        severity=Severity.ERROR,
        place=place,
        message=f"this {what} is shared, and no row policy says whose rows each visitor sees: all of them see all rows",
        remedy="Add a row policy for what it shows, or a page of its own for each tenant.",
    )
