"""Requests to every operation of the API that name something: one's own, another tenant's, or nothing there is."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from proxy.web.api.operation import Operation
from proxy.web.api.table import OPERATIONS
from tests.proxy.web.api.house import Answer, Client
from tests.proxy.web.api.tenants import Names

LEFT_OUT: Final = {
    "get_me_events": "goes on for a minute, and says of every change the same",
    "post_auth_login": "would give the others another session",
    "post_auth_logout": "would end the session that the others are sent by",
}
_LIMIT: Final = {"count": 10, "period": 60, "burst": 5}
_SECURITY: Final = {"min_edit_role": "owner", "limit_per_address": _LIMIT}
_SETTINGS: Final = {
    "tenant_mode": False,
    "disable_all_users": False,
    "admin_data_access": "full",
    "switched_off": [],
    "upstream_allow": [],
}
_BRANDING: Final = {"product": "n"}
_POLICY: Final = {"kind": "http", "tag": "@tenant", "field": "tenant"}
_NAMED: Final = {"slug": "new", "name": "n"}
BODIES: Final[Mapping[str, Sequence[object]]] = {
    "post_auth_reauth": [{"password": "wrong password"}],
    "post_auth_second_factor": [{"flow": "n", "code": "000000"}],
    "post_auth_forgot": [{"login": "<login>"}],
    "post_auth_reset_token": [{"password": "another tin roof 8"}],
    "post_auth_register": [{"username": "n", "email": "n@plant.example", "password": "another tin roof 8"}],
    "post_auth_verify": [{"ticket": "n", "code": "000000", "username": "<login>"}],
    "put_me": [{"name": "n"}],
    "put_me_email": [{"email": "n@plant.example"}],
    "delete_me_mfa": [{"password": "wrong password"}],
    "put_me_mfa_verify": [{"code": "000000"}],
    "post_me_mfa_prove": [{"code": "000000"}],
    "post_me_mfa_recovery_codes": [{"password": "wrong password"}],
    "post_me_passkeys": [{"name": "n", "credential": {}}],
    "delete_me_passkeys_passkey": [{"password": "wrong password"}],
    "put_me_password": [{"current": "wrong password", "new": "another password"}],
    "post_me_tokens": [{"name": "n", "spaces": ["<space>"]}],
    "put_me_tokens_token": [{"name": "n"}],
    "post_users": [{"username": "<login>", "memberships": {"<space>": "viewer"}}],
    "put_users_user": [{"username": "<login>", "email": "<login>"}],
    "post_spaces": [
        {"kind": kind, "slug": "<slug>", "title": "n", "parent": "<space>"} for kind in ("customer", "group")
    ],
    "put_spaces_space": [{"title": "n"}, {"slug": "<slug>"}],
    "post_spaces_space_customers": [{"slug": "<slug>", "title": "n"}],
    "post_spaces_customer_users": [
        {"username": "n", "role": "viewer"},
        {"username": "n", "role": "viewer", "email": "<login>"},
    ],
    "post_spaces_customer_users_user_activation_link": [{}, {"email": "<login>"}],
    "put_spaces_customer_users_user_home": [{"dashboard": "<instance>", "fullscreen": True}],
    "put_users_user_home": [{"dashboard": "<instance>", "fullscreen": True}],
    "put_spaces_space_home": [{"dashboard": "<instance>"}, {"dashboard": "<page>"}],
    "post_spaces_space_members": [{"user": "<user>", "role": "viewer"}],
    "put_spaces_space_members_user": [{"role": "viewer"}],
    "put_spaces_space_members_user_overrides": [{"overrides": {"<resource>": "viewer"}}],
    "post_spaces_space_service_accounts": [{"name": "n", "role": "viewer"}],
    "put_spaces_space_service_accounts_account": [{"role": "viewer"}],
    "post_spaces_space_service_accounts_account_tokens": [{"name": "n"}],
    "post_spaces_space_invitations": [{"to": "<login>", "role": "viewer"}],
    "post_applications": [{**_NAMED, "space": "<space>"}],
    "put_applications_application": [{"name": "n"}],
    "post_devices": [{**_NAMED, kind: f"<{kind}>"} for kind in ("space", "application", "instance")],
    "put_devices_device": [{"name": "n"}],
    "post_pages": [{**_NAMED, "match": "/n", kind: f"<{kind}>"} for kind in ("instance", "device")],
    "put_pages_page": [{"name": "n"}],
    "post_things": [
        {**_NAMED, "subtype": "asset", field: f"<{kind}>"} for field, kind in (("space", "space"), ("parent", "thing"))
    ],
    "put_things_thing": [{"name": "n"}],
    "post_folders": [{**_NAMED, field: f"<{kind}>"} for field, kind in (("space", "space"), ("parent", "folder"))],
    "put_folders_folder": [{"name": "n"}],
    "put_resources_resource_owner": [{"owner": "<space>"}, {"owner": "<space>", "folders": ["n"]}],
    "put_devices_device_place": [{kind: f"<{kind}>"} for kind in ("application", "instance")],
    "post_devices_bulk": [
        {"action": "delete", "devices": ["<device>"]},
        {"action": "assign", "devices": ["<device>"], "application": "<application>"},
        {"action": "assign", "devices": ["<device>"], "instance": "<instance>"},
    ],
    "put_folders_folder_items": [{"items": ["<resource>"]}],
    "post_resources_resource_grants": [{"space": "<space>", "role": "viewer"}],
    "post_instances": [{**_NAMED, "application": "<application>", "hosts": ["<host>"], "security": _SECURITY}],
    "put_instances_instance": [{"hosts": ["<host>"]}, {"hosts": ["<host>"], "path": "/n"}],
    "put_instances_instance_security": [_SECURITY],
    "put_instances_instance_protected": [{"enabled": True}],
    "post_instances_instance_tokens": [{"name": "n", "paths": ["/api/*"]}],
    "put_instances_instance_tokens_token": [{"name": "n"}],
    "put_settings": [_SETTINGS],
    "put_persona_checks": [{"checks": []}],
    "post_checks_personas": [{"checks": []}],
    "put_spaces_space_branding": [_BRANDING],
    "put_branding": [_BRANDING],
    "post_tags": [{"name": "n"}],
    "put_tags_tag": [{"default": "n"}],
    "put_spaces_space_tags": [{"tags": {}}],
    "put_users_user_tags": [{"tags": {}}],
    "post_row_policies": [{**_POLICY, "instance": "<instance>", "name": "n"}],
    "post_row_policies_test": [
        {**_POLICY, "instance": "<instance>", "sample": []},
        {**_POLICY, "instance": "<instance>", "user": "<user>", "sample": []},
    ],
    "put_row_policies_policy": [_POLICY],
    "post_sso_providers_test": [{"provider": "local", "sample": {}}],
}
"""Operation -> what is sent to it; `<kind>` stands for what is named."""
_QUERY: Final = {
    "space": "<space>",
    "parent": "<space>",
    "query": "<text>",
    "q": "<text>",
    "user": "<user>",
    "on": "<resource>",
    "id": "<space>",
    "instance": "<instance>",
}
_QUERIES: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {
    "get_explain": [
        {"user": "<user>", "may": "instance:http", "on": "<instance>"},
        {"user": "<user>", "may": "space:read", "on": "<space>"},
        {"user": "<user>", "may": "instance:http", "on": "<space>"},
        {"user": "<user>", "may": "application:read", "on": "<application>"},
    ],
    "post_resources_resource_grants": [{}, {"preview": "1"}],
    "delete_spaces_space": [{}, {"preview": "1"}],
    "get_search": [{"q": "<text>"}, {"q": "<text>", "kind": "instance"}],
    **{
        name: [
            *({"scope": kind, "id": f"<{kind}>"} for kind in ("space", "application", "instance", "device", "user")),
            {"scope": "space", "id": "<own-space>", "user": "<login>"},
            {"scope": "space", "id": "<own-space>", "query": "<text>"},
        ]
        for name in ("get_audit", "get_audit_export.csv", "get_audit_export_csv")
    },
    **{f"get_{kind}s": [{"parent": f"<{parent}>"}, {"space": "<space>"}, {"query": "<text>"}] for kind, parent in (
        ("instance", "application"), ("device", "application"), ("page", "instance"), ("thing", "thing"),
        ("folder", "folder"), ("application", "space"),
    )},
}  # fmt: skip
_SLOT: Final = re.compile(r"<(own-)?([a-z_]+)>")
_TAKEN: Final = frozenset({"slug", "host"})
"""What is unique in the whole gateway, so that a taken one is refused; it is not told whose it is."""
_BY_CHANCE: Final = re.compile(r'"(id|created|expires|value)":("[^"]*"|[\d.]+)')
_OF_THE_MOMENT: Final = frozenset({"date", "content-length", "ratelimit", "ratelimit-policy", "etag"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One request, of which a part stands open: what it names."""

    operation: Operation
    template: str
    """Path, query and body, with a slot for each name."""
    slot: str = ""
    """The slot that is filled with what is not one's own; empty for none."""

    @property
    def kind(self) -> str:
        return self.slot.strip("<>")

    @property
    def taken(self) -> bool:
        return self.kind in _TAKEN

    def filled(self, own: Names, value: str = "") -> tuple[str, object]:
        """Path with query, and body. The open slot gets the value, all others what is the sender's own."""
        path, query, body = json.loads(self.template)
        fill = Filling(own=own, slot=self.slot, value=value)
        way = re.sub(_SLOT, lambda found: quote(fill.of(found), safe=""), path)
        asked = "&".join(f"{name}={quote(_SLOT.sub(fill.of, text), safe='')}" for name, text in query.items())
        sent = json.loads(_SLOT.sub(lambda found: json.dumps(fill.of(found))[1:-1], json.dumps(body)))
        return way + (f"?{asked}" if asked else ""), sent

    async def sent(self, client: Client, own: Names, value: str = "") -> Answer:
        path, body = self.filled(own, value)
        return await client.call(self.operation.method, path, body, If_Match="*")

    def __str__(self) -> str:
        return f"{self.operation.method} {self.template} by {self.slot or 'nothing'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What slots are filled with."""

    own: Names
    slot: str
    value: str

    def of(self, found: "re.Match[str]") -> str:
        if found[0] == self.slot:
            return self.value
        return self.own[found[2]][0]


def probes(operation: Operation) -> Iterator[Probe]:
    """One without anything foreign in it, and one for each part of it that can name something."""
    path = re.sub(r"\{(\w+)\}", lambda found: f"<{_kind(operation, found[1])}>", operation.path)
    queries = _QUERIES.get(operation.name) or [
        {name: _QUERY[name]} for name in operation.query.model_fields if name in _QUERY
    ]
    for query in queries or [{}]:
        for body in BODIES[operation.name] if operation.body else [None]:
            template = json.dumps([path, query, body])
            yield Probe(operation=operation, template=template)
            for slot in dict.fromkeys(found[0] for found in _SLOT.finditer(template) if not found[1]):
                yield Probe(operation=operation, template=template, slot=slot)


def _kind(operation: Operation, part: str) -> str:
    kinds = {"/instances": "endpoint_token", "/spaces": "account_token"}
    found = next((kind for start, kind in kinds.items() if operation.path.startswith(start)), part)
    return found if part == "token" else part


def asked() -> Sequence[Operation]:
    """Those that put on record what was sent to them come last, since logs and lists show it to whoever sent it."""
    found = [each for each in OPERATIONS if each.name not in LEFT_OUT]
    return sorted(found, key=lambda each: each.name == "post_spaces_space_invitations")


def shape(answer: Answer, value: str) -> tuple[object, ...]:
    """All that an answer says, but for what was sent, moments and random ids."""
    fields = {name.lower(): _without(text, value) for name, text in answer.headers.items()}
    told = {name: text for name, text in fields.items() if name not in _OF_THE_MOMENT}
    return answer.status, _BY_CHANCE.sub(r'"\1":…', _without(answer.text, value)), tuple(sorted(told.items()))


def _without(text: str, value: str) -> str:
    for form in {value, quote(value, safe=""), json.dumps(value)[1:-1], value.casefold(), value.replace("/", "~1")}:
        text = text.replace(form, "#") if form else text
    return text


def tells(answer: Answer, value: str, secrets: Sequence[str]) -> list[str]:
    """Which secrets an answer holds beyond what was sent."""
    whole = _without(f"{answer.text}\n{dict(answer.headers)}", value)
    return [secret for secret in secrets if secret in whole]
