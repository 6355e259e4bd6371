"""Identity headers by preset: what every plugin gets to read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.nodered.presets import ASSERTION, PRESETS, Bearer, ControlCharacter, identity_lines
from proxy.wire.headers import REQUEST

ADA = Bearer(
    user_id="u1",
    username="ada",
    email="ada@acme.example",
    name="Ada Lovelace",
    role="member",
    tenant="customer-a",
    groups=("crew", "night"),
    address="203.0.113.7",
)


def told(bearer: Bearer, *presets: str) -> dict[str, str]:
    lines = identity_lines(presets, bearer).decode().split("\r\n")
    assert lines[0] == ""
    return dict(line.split(": ", 1) for line in lines[1:])


@pytest.mark.parametrize(
    ("preset", "fields"),
    [
        (
            "flowward",
            {
                "X-Flowward-User": "ada",
                "X-Flowward-Name": "Ada Lovelace",
                "X-Flowward-Email": "ada@acme.example",
                "X-Flowward-Role": "member",
                "X-Flowward-Tenant": "customer-a",
                "X-Flowward-Groups": "crew,night",
            },
        ),
        (
            "remote",
            {
                "Remote-User": "ada",
                "Remote-Name": "Ada Lovelace",
                "Remote-Email": "ada@acme.example",
                "Remote-Groups": "crew,night",
            },
        ),
        (
            "authentik",
            {
                "X-authentik-uid": "u1",
                "X-authentik-username": "ada",
                "X-authentik-name": "Ada Lovelace",
                "X-authentik-email": "ada@acme.example",
                "X-authentik-groups": "crew|night",
            },
        ),
        (
            "cloudflare",
            {"Cf-Access-Authenticated-User-Email": "ada@acme.example", "Cf-Connecting-Ip": "203.0.113.7"},
        ),
        (
            "oauth2-proxy",
            {
                "X-Forwarded-User": "u1",
                "X-Forwarded-Email": "ada@acme.example",
                "X-Forwarded-Preferred-Username": "ada",
                "X-Forwarded-Groups": "crew,night",
                "X-Auth-Request-User": "u1",
                "X-Auth-Request-Email": "ada@acme.example",
                "X-Auth-Request-Preferred-Username": "ada",
                "X-Auth-Request-Groups": "crew,night",
            },
        ),
        (
            "portal",
            {
                "X-Portal-User-Id": "u1",
                "X-Portal-User-Name": "Ada Lovelace",
                "X-Portal-User-Username": "ada",
                "X-Portal-User-Email": "ada@acme.example",
                "X-Portal-User-Role": "member",
                "X-Portal-User-Groups": '["crew", "night"]',
            },
        ),
    ],
)
def test_a_preset_sets_its_fields(preset: str, fields: dict[str, str]) -> None:
    assert told(ADA, preset) == fields


def test_cloudflares_plugin_knows_who_has_no_address_by_name() -> None:
    assert told(Bearer(user_id="u2", username="vic"), "cloudflare")["Cf-Access-Authenticated-User-Email"] == "vic"


def test_presets_add_up_and_the_assertion_is_none_of_the_plain_ones() -> None:
    both = told(ADA, ASSERTION, "flowward", "remote")
    assert both == told(ADA, "flowward") | told(ADA, "remote")
    assert identity_lines((ASSERTION,), ADA) == b""


def test_groups_are_json_where_the_plugin_parses_it() -> None:
    assert json.loads(
        told(Bearer(user_id="u", username="u", groups=('a"b', "é")), "portal")["X-Portal-User-Groups"]
    ) == [
        'a"b',
        "é",
    ]


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_sets_never_comes_in_from_outside(preset: str) -> None:
    for name, _ in PRESETS[preset]:
        assert REQUEST[name.encode()] is None


@pytest.mark.parametrize("bad", ["a\r\nX-Flowward-Role: admin", "a\nb", "a\0", "a\x7f", "a\tb", "a\ud800"])
def test_a_value_that_no_field_can_carry_is_refused(bad: str) -> None:
    with pytest.raises(ControlCharacter):
        identity_lines(("flowward",), Bearer(user_id="u", username="u", name=bad))


@given(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3))
def test_no_value_ever_adds_a_line(name: str, groups: list[str]) -> None:
    bearer = Bearer(user_id=name, username=name, email=name, name=name, tenant=name, groups=tuple(groups))
    try:
        lines = identity_lines(tuple(PRESETS), bearer)
    except ControlCharacter:
        return
    assert lines.count(b"\r") == lines.count(b"\n") == sum(map(len, PRESETS.values()))
    assert name.encode() in lines
