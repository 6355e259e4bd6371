"""Two tenants that have nothing to do with each other, and what requests can name of the other one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, InstanceSettings, Resource, ResourceKind, RowKind, RowPolicy
from proxy.model.identity import Membership, Person, User
from proxy.store import Edit, PutPerson
from tests.peers.gateway import HASH
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.yard import Yard

OWN: Final = "aardvark"
"""In every name, id, address and text that is the asking tenant's."""
OTHER: Final = "zebrafinch"
"""In every one that is the other's."""
NOBODYS: Final = "quetzalowl"
"""In names of nothing; as long as the other tenant's."""
EVERYWHERE: Final = {
    "limits": dict.fromkeys(
        (
            "api",
            "login",
            "mfa",
            "anonymous",
            "token_create",
            "invites",
            "activation",
            "forgot",
            "sign_up",
            "verify",
            "checks",
        ),
        "1000000/60s",
    ),
}
PEOPLE: Final = {
    "owner": {"": Role.OWNER},
    "member": {"": Role.MEMBER},
    "viewer": {"": Role.VIEWER},
    "dashboard": {"": Role.DASHBOARD},
    "customer": {"-customer": Role.OWNER},
    "group": {"-group": Role.VIEWER},
}
"""Who there is in each team: their roles, by the rest of the space's id."""


def estate(mark: str, above: str | None = None) -> Sequence[Edit]:
    """A team with a customer, a group, one of each kind of resource, shares and people; a customer where one is above it."""
    place = {"parent": f"{mark}-app"}
    settings = InstanceSettings(
        upstream=f"http://{mark}.invalid:1880",
        hosts=(f"line.{mark}.localhost",),
        public=(f"/{mark}/*",),
        admin_token=f"{mark}-admin-token",
        rows=(RowPolicy(name="own", kind=RowKind.HTTP, tag="@tenant", field="tenant", paths=(f"/{mark}",)),),
    )
    spaces = [
        _space(mark, SpaceKind.CUSTOMER if above else SpaceKind.TEAM, parent=above),
        _space(f"{mark}-customer", SpaceKind.CUSTOMER, parent=mark),
        _space(f"{mark}-group", SpaceKind.GROUP, parent=mark),
    ]
    resources = [
        _resource(mark, "app", ResourceKind.APPLICATION, owner=mark),
        _resource(mark, "line", ResourceKind.INSTANCE, instance=settings, **place),
        _resource(mark, "gauge", ResourceKind.DEVICE, **place),
        _resource(mark, "page", ResourceKind.PAGE, parent=f"{mark}-line", attributes={"match": f"/{mark}"}),
        _resource(mark, "thing", ResourceKind.THING, owner=f"{mark}-customer", attributes=_thing(mark)),
        _resource(mark, "folder", ResourceKind.FOLDER, owner=mark, members=frozenset({f"{mark}-line"})),
    ]
    grants = [Grant(target=f"{mark}-app", space=f"{mark}-{end}", role=Role.VIEWER) for end in ("customer", "group")]
    return [*spaces, *resources, *grants, *(_person(mark, name) for name in PEOPLE)]


HUB: Final = "hubcrane"
"""In every name and id of the team whose customers the tenants are, where they are customers of one."""
AGENT: Final = "agentheron"
"""Id of somebody who is in both tenants."""
FROM: Final = "203.0.113.77"
"""Where the other tenant's people are."""


def hub() -> Sequence[Edit]:
    """A team with what it can share with its customers: one of each kind, and a folder of them."""
    place = {"parent": f"{HUB}-app"}
    settings = InstanceSettings(upstream=f"http://{HUB}.invalid:1880", hosts=(f"line.{HUB}.localhost",))
    resources = [
        _resource(HUB, "app", ResourceKind.APPLICATION, owner=HUB),
        _resource(HUB, "line", ResourceKind.INSTANCE, instance=settings, **place),
        _resource(HUB, "gauge", ResourceKind.DEVICE, **place),
        _resource(HUB, "page", ResourceKind.PAGE, parent=f"{HUB}-line", attributes={"match": "/hub"}),
        _resource(HUB, "thing", ResourceKind.THING, owner=HUB, attributes=_thing(HUB)),
        _resource(HUB, "folder", ResourceKind.FOLDER, owner=HUB, members=frozenset({f"{HUB}-line"})),
    ]
    return [_space(HUB, SpaceKind.TEAM), *resources, _put(HUB, "owner", {HUB: Role.OWNER})]


def shared(mark: str) -> Sequence[Edit]:
    """What the team above shares with a tenant."""
    return [Grant(target=f"{HUB}-{name}", space=mark, role=Role.VIEWER) for name in ("app", "thing", "folder")]


def agent(*marks: str) -> Edit:
    """Somebody who is in each of these tenants."""
    return _put("", AGENT, dict.fromkeys(marks, Role.MEMBER))


def shared_names(own: "Names", mark: str) -> "Names":
    """What is shared with a tenant, and the one who is in both, where there would be the tenant's own."""
    ids = {"application": "app", "instance": "line", "device": "gauge", "page": "page", "thing": "thing"}
    found = {kind: [f"{HUB}-{id_}"] for kind, id_ in {**ids, "folder": "folder", "resource": "line"}.items()}
    return Names(by_kind={**own.by_kind, **found, "user": [AGENT], "login": [AGENT], "text": ["a"], "space": [mark]})


def _space(id_: str, kind: SpaceKind, parent: str | None = None) -> Space:
    return Space(id=id_, kind=kind, slug=f"{id_}-slug", title=f"{id_} title", parent=parent)


def _resource(mark: str, name: str, kind: ResourceKind, **more: object) -> Resource:
    return Resource(id=f"{mark}-{name}", kind=kind, slug=f"{mark}-{name}-slug", name=f"{mark} {name}", **more)  # type: ignore[arg-type]


def _thing(mark: str) -> Mapping[str, object]:
    return {"subtype": "device", "external_id": f"{mark}-7", "data": {"where": mark}}


def _person(mark: str, name: str) -> PutPerson:
    return _put(mark, name, {f"{mark}{rest}": role for rest, role in PEOPLE[name].items()})


def _put(mark: str, name: str, roles: Mapping[str, Role]) -> PutPerson:
    id_, login = (f"{mark}-{name}", f"{mark}-{name}-login") if mark else (name, name)
    user = User(id=id_, username=login, name=f"{mark} {name}", email=f"{name}@{mark or name}.example")
    held = {space: Membership(space=space, role=role) for space, role in roles.items()}
    return PutPerson(person=Person(user=user, memberships=held), password_hash=HASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What one tenant's things are called, by the kind of thing: every way in which a request can name one."""

    by_kind: Mapping[str, Sequence[str]]

    def __getitem__(self, kind: str) -> Sequence[str]:
        return self.by_kind[kind]


def names(mark: str, made: Mapping[str, str]) -> Names:
    """`made` holds the ids that the gateway chose: of tokens, an invitation and a session."""
    app = f"{mark}-slug/{mark}-app-slug"
    addresses = {
        "application": app,
        "instance": f"{app}/{mark}-line-slug",
        "device": f"{app}/{mark}-gauge-slug",
        "page": f"{app}/{mark}-line-slug/{mark}-page-slug",
        "thing": f"{mark}-customer-slug/{mark}-thing-slug",
        "folder": f"{mark}-slug/{mark}-folder-slug",
    }
    ids = {"application": "app", "instance": "line", "device": "gauge"}
    found = {kind: [f"{mark}-{ids.get(kind, kind)}", address] for kind, address in addresses.items()}
    return Names(
        by_kind={
            **found,
            "resource": [found["instance"][0], found["folder"][1], found["thing"][0]],
            "space": [mark, f"{mark}-slug", f"{mark}-customer", f"{mark}-group"],
            "customer": [f"{mark}-customer", f"{mark}-customer-slug"],
            "user": [f"{mark}-owner", f"{mark}-member-login"],
            "login": [f"{mark}-member-login", f"member@{mark}.example"],
            "text": [mark, f"{mark} line"],
            "host": [f"line.{mark}.localhost"],
            "slug": [f"{mark}-slug"],
            "ban": [f"{mark}-ban"],
            "policy": [f"{mark}-line:own"],
            "tag": [f"{mark}-tag"],
            "passkey": [f"{mark}-passkey"],
            "provider": [f"{mark}-provider"],
            **{kind: [id_] for kind, id_ in made.items()},
        }
    )


async def furnished(yard: Yard, mark: str) -> Mapping[str, str]:
    """Tokens, an invitation, a session and entries in the log, made by the owner of a team; ids of the first four."""
    owner = await yard.logged_in(f"{mark}-owner")
    token = await _made(owner, "/me/tokens", {"name": f"{mark}-ci"})
    endpoint = await _made(owner, f"/instances/{mark}-line/tokens", {"name": f"{mark}-plc"})
    invitation = await _made(owner, f"/spaces/{mark}/invitations", {"to": f"guest@{mark}.example", "role": "viewer"})
    renamed = await owner.put(f"/applications/{mark}-app", {"name": f"{mark} application"})
    assert renamed.status == 200, renamed.text
    accounts = f"/spaces/{mark}/service-accounts"
    account = await _made(owner, accounts, {"name": f"{mark}-bot", "role": "viewer"})
    account_token = await _made(owner, f"{accounts}/{account}/tokens", {"name": f"{mark}-bot"})
    session = str((await owner.get("/me/sessions")).items[0]["id"])
    tokens = {"token": token, "endpoint_token": endpoint, "account_token": account_token}
    return {**tokens, "account": account, "invitation": invitation, "session": session}


async def _made(owner: Client, path: str, body: object) -> str:
    answer = await owner.post(path, body)
    assert answer.status in (201, 202), answer.text
    return str(answer.json["id"])
