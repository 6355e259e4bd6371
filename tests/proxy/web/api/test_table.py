"""The table, the routes, the description and the reference say the same."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from proxy.access.catalogue import CATALOGUE
from proxy.model.estate import ResourceKind
from proxy.services.audit_catalogue import EVENTS
from proxy.web.api.openapi import description
from proxy.web.api.operation import BELOW, EACH, NOBODY, SENT, About, Operation
from proxy.web.api.reference import main as publish_reference
from proxy.web.api.table import OPERATIONS
from tests.proxy.web.api.house import House

DOCUMENT = json.loads(description())
NAMES = [f"{operation.method} {operation.path}" for operation in OPERATIONS]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)


def told(operation: Operation) -> dict[str, object]:
    found = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert isinstance(found, dict)
    return found


def test_the_reference_is_as_the_operations_have_it() -> None:
    assert publish_reference(["--check"]) == 0


def test_every_operation_is_described_once_and_nothing_else() -> None:
    described = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    identifiers = [operation.name for operation in OPERATIONS]
    assert len(identifiers) == len(set(identifiers))


def test_every_schema_is_one_and_is_there() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert referred <= set(schemas)


ASKING = {
    "post_instances_instance_test",
    "post_row_policies_test",
    "put_me_mfa",  # begins something that counts for nothing yet
    "post_me_passkeys_options",
    "post_me_passkeys_challenge",
    "post_checks_personas",
}
"""Operations that change nothing, though they are no GET."""


@each_operation
def test_what_an_operation_records_is_in_the_catalogue_of_events(operation: Operation) -> None:
    assert set(operation.audit) <= set(EVENTS)
    assert bool(operation.audit) is not (operation.method == "GET" or operation.name in ASKING)


@each_operation
def test_an_operation_asks_about_what_its_permission_is_asked_about(operation: Operation) -> None:
    parts = re.findall(r"\{(\w+)\}", operation.path)
    if operation.where.parameter:
        assert operation.where.parameter in parts
    if operation.permission is None or operation.where in (SENT, EACH):
        return
    kinds = CATALOGUE[operation.permission].kinds
    match operation.where.about:
        case About.SPACE:
            assert not set(ResourceKind) >= set(kinds)
        case About.RESOURCE:
            assert operation.where.kind in {None, ResourceKind.PAGE, *kinds}, "a page is managed like its instance"
        case _:
            assert not kinds, f"{operation.permission} is asked about {kinds}"


@each_operation
def test_what_changes_something_asks_for_a_right_to_change(operation: Operation) -> None:
    if operation.permission is None or operation.method == "GET":
        return
    assert CATALOGUE[operation.permission].write or operation.name in ASKING


@each_operation
def test_what_is_open_without_a_permission_says_so_by_its_name(operation: Operation) -> None:
    """Nothing else is open to whoever is logged in: an operation that forgot its permission shows here."""
    if operation.where is NOBODY:
        assert operation.name in {
            "post_auth_login",
            "post_auth_logout",
            "post_auth_reauth",
            "post_auth_second_factor",
            "post_me_mfa_prove",
            "post_me_passkeys_challenge",
            "post_auth_forgot",
            "post_auth_reset_token",
            "post_auth_register",
            "post_auth_verify",
            "get_explain",
            "get_audit",
            "get_audit_export_csv",
            "delete_view_as",
        }


def test_items_say_what_may_be_done_with_them() -> None:
    """But for people to choose from, events and explanations, with which nothing is done."""
    pages = {name: schema for name, schema in DOCUMENT["components"]["schemas"].items() if name.startswith("Page_")}
    models = {name for schema in pages.values() for name in re.findall(r"schemas/(\w+)", json.dumps(schema))} - {"Meta"}
    silent = {name for name in models if "actions" not in DOCUMENT["components"]["schemas"][name]["properties"]}
    assert silent == {"AuditItem", "Known", "Reach"}


def test_models_have_names_of_their_own() -> None:
    assert [name for name in DOCUMENT["components"]["schemas"] if name.startswith("proxy__")] == []


@each_operation
def test_a_description_names_the_proofs_an_operation_takes(operation: Operation) -> None:
    security = told(operation)["security"]
    assert isinstance(security, list)
    if operation.greet is not None:
        assert security == []
    elif operation.session_only:
        assert {"token": []} not in security
    else:
        assert {"token": []} in security


async def test_every_operation_is_at_its_address(house: House) -> None:
    async with house.nobody() as nobody:
        for operation in OPERATIONS:
            path = re.sub(r"\{\w+\}", "x", operation.path)
            answer = await nobody.call("PATCH", path)
            assert answer.status == 405, operation.path
            assert operation.method in answer.headers["Allow"].split(", ")


async def test_the_gateway_describes_itself(house: House) -> None:
    async with house.nobody() as nobody:
        answer = await nobody.get("/openapi.json")
    assert answer.json == DOCUMENT
    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["servers"] == [{"url": BELOW}]
