"""Spaces, applications, instances and shares as estate files declare them, their names resolved to ids."""

from collections.abc import Mapping
from dataclasses import replace

from config.estate_schema import ApplicationEntry, GrantEntry, InstanceEntry, InstanceLimit, SpaceEntry
from config.problems import Problem
from proxy.access.rows import BadRowsPath, rows_path
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import (
    Estate,
    Grant,
    HttpAuth,
    InstanceSettings,
    Limit,
    Resource,
    ResourceKind,
    RowKind,
    RowMode,
    RowPolicy,
    Unmatched,
    UpstreamTls,
)
from proxy.services.estate_ledger import Ledger, Place


def spaces_wanted(before: Estate, ledger: Ledger) -> dict[str, Space]:
    """Every space as it will be, by id."""
    known = {space.slug: space for space in before.spaces.values()}
    entries: dict[str, tuple[Place, SpaceEntry]] = {}
    for place, entry in (found for file in ledger.files for found in file.spaces()):
        if ledger.claim(place, "space", entry.slug, known.get(entry.slug)):
            entries[entry.slug] = (place, entry)
    after = {space.id: space for space in known.values() if ledger.stays(space)}
    ids = {space.slug: space.id for space in after.values()}
    ids |= {slug: known[slug].id if slug in known else ledger.new_id() for slug in entries}
    for slug, (place, entry) in entries.items():
        after[ids[slug]] = _space(place, entry, ids, known.get(slug), ledger)
    _refuse_bad_parents(entries, after, ids, ledger)
    _refuse_second_everyone(entries, after, ledger)
    return after


def _refuse_second_everyone(
    entries: Mapping[str, tuple[Place, SpaceEntry]], after: Mapping[str, Space], ledger: Ledger
) -> None:
    found = [space for space in after.values() if space.kind is SpaceKind.EVERYONE]
    declared = [space for space in found if space.slug in entries]
    if len(found) > 1 and declared:
        place, _ = entries[declared[-1].slug]
        other = next(space.slug for space in found if space is not declared[-1])
        remedy = "Leave one of the two out, or use the slug of the one that is there."
        ledger.wrong(place, f"is everyone, which {other} is already", remedy, key=("kind",))


def _space(place: Place, entry: SpaceEntry, ids: Mapping[str, str], old: Space | None, ledger: Ledger) -> Space:
    if entry.parent is not None and entry.parent not in ids:
        message, remedy = f"names {entry.parent}, which is not there", "Declare that space or correct the slug."
        ledger.wrong(place, message, remedy, key=("parent",))
    before = old or Space(id=ids[entry.slug], kind=SpaceKind(entry.kind), slug=entry.slug)
    return replace(
        before,
        kind=SpaceKind(entry.kind),
        title=entry.title,
        parent=ids.get(entry.parent or ""),
        active=entry.active,
        tags=before.tags if entry.tags is None else dict(entry.tags),
        declared=place.origin,
    )


def _refuse_bad_parents(
    entries: Mapping[str, tuple[Place, SpaceEntry]], after: Mapping[str, Space], ids: Mapping[str, str], ledger: Ledger
) -> None:
    for slug, (place, entry) in entries.items():
        parent = after.get(ids.get(entry.parent or "", ""))
        if parent is not None and parent.kind not in {SpaceKind.TEAM, SpaceKind.CUSTOMER}:
            message, remedy = f"names {parent.slug}, which is a {parent.kind}", "Name a team or a customer."
            ledger.wrong(place, message, remedy, key=("parent",))
        above, passed = parent, {ids[slug]}
        while above is not None and above.id not in passed:
            passed.add(above.id)
            above = after.get(above.parent or "")
        if above is not None:
            ledger.wrong(place, "leads round in a circle", "Let every line of parents end at a team.", key=("parent",))


def resources_wanted(before: Estate, spaces: Mapping[str, Space], ledger: Ledger) -> dict[str, Resource]:
    """Every resource as it will be, by its path."""
    known = {before.address(each): each for each in before.resources.values()}
    owners = {space.slug: space.id for space in spaces.values()}
    after = {path: each for path, each in known.items() if ledger.stays(each)}
    for place, app in (found for file in ledger.files for found in file.applications()):
        if ledger.claim(place, "application", app.path, known.get(app.path)):
            after[app.path] = _application(place, app, known.get(app.path), owners, ledger)
    for place, entry in (found for file in ledger.files for found in file.instances()):
        path = entry.resource_path
        if ledger.claim(place, "instance", path, known.get(path)):
            after[path] = _instance(place, entry, known.get(path), after, ledger)
            _pages(place, entry, known, owners, after, ledger)
    return after


def _pages(
    place: Place,
    entry: InstanceEntry,
    known: Mapping[str, Resource],
    owners: Mapping[str, str],
    after: dict[str, Resource],
    ledger: Ledger,
) -> None:
    """The parts of an instance that are shared by themselves."""
    for at, page in enumerate(entry.pages):
        path = f"{entry.resource_path}/{page.slug}"
        if page.space is not None and page.space not in owners:
            message, remedy = f"names {page.space}, which is not there", "Declare that space or correct the slug."
            ledger.wrong(place, message, remedy, key=("pages", at, "space"))
        elif ledger.claim(place, "page", path, old := known.get(path)):
            after[path] = Resource(
                id=old.id if old else ledger.new_id(),
                kind=ResourceKind.PAGE,
                slug=page.slug,
                name=page.title,
                parent=after[entry.resource_path].id,
                owner=owners[page.space] if page.space is not None else None,
                attributes={
                    "match": page.match,
                    "endpoints": list(page.endpoints),
                    "readonly": page.readonly,
                    "http_auth": None,
                },
                declared=place.origin,
            )


def _policies(place: Place, entry: InstanceEntry, ledger: Ledger) -> tuple[RowPolicy, ...]:
    for at, row in enumerate(entry.rows):
        try:
            rows_path(row.rows)
        except BadRowsPath as error:
            ledger.wrong(place, str(error), "Write for example $.rows, or $.", key=("rows", at, "rows"))
    return tuple(
        RowPolicy(
            name=row.name,
            kind=RowKind(row.kind),
            tag=row.tag,
            field=row.field,
            rows=row.rows,
            paths=row.paths,
            methods=tuple(row.methods),
            widgets=row.widgets,
            types=row.types,
            pages=row.pages,
            mode=RowMode(row.mode),
            on_unmatched=Unmatched(row.on_unmatched),
        )
        for row in entry.rows
    )


def _application(
    place: Place, entry: ApplicationEntry, old: Resource | None, owners: Mapping[str, str], ledger: Ledger
) -> Resource:
    if entry.space not in owners:
        message, remedy = f"names {entry.space}, which is not there", "Declare that space or correct the slug."
        ledger.wrong(place, message, remedy, key=("space",))
    return Resource(
        id=old.id if old else ledger.new_id(),
        kind=ResourceKind.APPLICATION,
        slug=entry.slug,
        name=entry.title,
        owner=owners.get(entry.space),
        declared=place.origin,
    )


def _instance(
    place: Place, entry: InstanceEntry, old: Resource | None, known: Mapping[str, Resource], ledger: Ledger
) -> Resource:
    application = known.get(entry.application)
    if application is None:
        message, remedy = f"names {entry.application}, which is not there", "Declare it or correct the path."
        ledger.wrong(place, message, remedy, key=("application",))
    return Resource(
        id=old.id if old else ledger.new_id(),
        kind=ResourceKind.INSTANCE,
        slug=entry.slug,
        name=entry.title,
        parent=application.id if application else None,
        instance=replace(
            instance_settings(entry, ledger.hashes.get(f"instance {entry.resource_path}", "")),
            rows=_policies(place, entry, ledger),
        ),
        declared=place.origin,
    )


def instance_settings(entry: InstanceEntry, basic_password_hash: str) -> InstanceSettings:
    """What an entry says, as the plain values the data plane works with."""
    access, tls = entry.http_auth, entry.upstream_tls
    return InstanceSettings(
        upstream=str(entry.upstream),
        hosts=tuple(str(host) for host in entry.hosts),
        path=entry.path or "",
        admin_root=entry.admin_root,
        node_root=entry.node_root,
        dashboard=entry.dashboard,
        http_auth=HttpAuth(access.mode),
        public=access.public,
        basic_username=access.username or "",
        basic_password_hash=access.password_hash or basic_password_hash,
        identity=tuple(entry.identity),
        protected=entry.protected,
        endpoints=entry.endpoints,
        origins=tuple(str(origin) for origin in entry.origins),
        framed_by=tuple(str(origin) for origin in entry.framed_by),
        min_edit_role=Role[entry.min_edit_role.upper()],
        viewer_reads_context=entry.viewer_reads_context,
        second_factor=entry.second_factor,
        enforce_client_constraint=entry.enforce_client_constraint,
        upstream_tls=UpstreamTls(
            ca=str(tls.ca) if tls.ca else None,
            server_name=tls.server_name,
            insecure_skip_verify=tls.insecure_skip_verify,
        ),
        session_absolute=entry.session.absolute,
        session_idle=entry.session.idle,
        limit_per_address=_limit(entry.limits.per_address),
        limit_per_principal=_limit(entry.limits.per_principal),
        admin_token=entry.admin_token.get_secret_value() if entry.admin_token else None,
    )


def _limit(entry: InstanceLimit | None) -> Limit | None:
    if entry is None:
        return None
    rate = entry.rate
    return Limit(count=rate.count, period=rate.seconds, burst=rate.count if entry.burst is None else entry.burst)


def refuse_orphans(before: Estate, after: Estate, ledger: Ledger) -> None:
    """What a file no longer declares may not leave behind what the file does not own."""
    for space in after.spaces.values():
        above = before.spaces.get(space.parent or "")
        if above is not None and above.id not in after.spaces:
            _refuse_removal(above.declared, f"space {above.slug}", space.slug, ledger)
    for resource in after.resources.values():
        owner = before.spaces.get(resource.owner or "")
        if owner is not None and owner.id not in after.spaces:
            _refuse_removal(owner.declared, f"space {owner.slug}", before.address(resource), ledger)
        parent = before.resources.get(resource.parent or "")
        if parent is not None and parent.id not in after.resources:
            _refuse_removal(
                parent.declared, f"{parent.kind} {before.address(parent)}", before.address(resource), ledger
            )


def _refuse_removal(origin: str | None, what: str, inside: str, ledger: Ledger) -> None:
    message = f"no longer declares the {what}, but {inside}, which is not from this file, is in it"
    remedy = "Move or remove that first, or apply with --no-prune."
    ledger.problems.append(Problem(file=origin or "", message=message, remedy=remedy))


def grants_wanted(
    before: Estate, after: Estate, resources: Mapping[str, Resource], ledger: Ledger
) -> tuple[Grant, ...]:
    """Every share as it will be."""
    known = {(grant.target, grant.space): grant for grant in before.grants}
    spaces = {space.slug: space.id for space in after.spaces.values()}
    kept = {
        ends: grant
        for ends, grant in known.items()
        if ledger.stays(grant) and grant.target in after.resources and grant.space in after.spaces
    }
    for place, entry in (found for file in ledger.files for found in file.grants()):
        grant = _grant(place, entry, resources, spaces, ledger)
        name = f"{entry.target} with {entry.space}"
        if grant and ledger.claim(place, "grant", name, known.get((grant.target, grant.space))):
            kept[grant.target, grant.space] = grant
    return tuple(kept.values())


def _grant(
    place: Place, entry: GrantEntry, resources: Mapping[str, Resource], spaces: Mapping[str, str], ledger: Ledger
) -> Grant | None:
    target, space = resources.get(entry.target), spaces.get(entry.space)
    remedy = "Declare it or correct the name."
    if target is None:
        ledger.wrong(place, f"names {entry.target}, which is not there", remedy, key=("target",))
    if space is None:
        ledger.wrong(place, f"names {entry.space}, which is not there", remedy, key=("space",))
    if target is None or space is None:
        return None
    return Grant(target=target.id, space=space, role=Role[entry.role.upper()], declared=place.origin)
