"""Endpoints under row policies, spec 6.4: on both lanes, whatever an instance answers and a client asks."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

from proxy.model.access import Role
from proxy.model.audit import AuditQuery
from proxy.model.estate import HttpAuth, RowKind, RowMode, RowPolicy, Unmatched
from tests.peers.answers import bodiless, by_path, chunked, echo, events, plain, raw
from tests.peers.frames import TEXT, Frame
from tests.peers.upstream import Answer as Answers
from tests.peers.upstream import Upstream, upstream
from tests.proxy.inspection.house import INSTANCE, Answer, House, house

JSON = (b"Content-Type", b"application/json; charset=utf-8")
ROWS = [{"tenant": "a", "number": 1}, {"tenant": "b", "number": 2}, {"tenant": "a", "number": 3}]
MINE = [ROWS[0], ROWS[2]]
LARGE = 8 * 1024 * 1024


def policy(name: str = "own", **more: object) -> RowPolicy:
    said: dict[str, object] = {
        "kind": RowKind.HTTP,
        "tag": "tenantid",
        "field": "tenant",
        "paths": ("/rows/**", "/rows"),
    }
    return RowPolicy(name=name, **{**said, **more})  # type: ignore[arg-type]


def told(document: object, *fields: tuple[bytes, bytes], status: int = 200) -> Answers:
    return plain(json.dumps(document).encode(), JSON, *fields, status=status)


@asynccontextmanager
async def place(
    directory: Path,
    answer: Answers | Mapping[str, Answers],
    *policies: RowPolicy,
    fast_lane: bool = True,
    **more: object,
) -> AsyncIterator[tuple[Upstream, House]]:
    """Dan is of tenant a, Vic of b; Mia has no value, and Root is an admin."""
    answers = by_path(answer) if isinstance(answer, Mapping) else answer
    settings = {"rows": policies or (policy(),), **more}
    async with upstream(answers) as instance, house(directory, instance.url, fast_lane=fast_lane, **settings) as gate:
        await gate.change("dan", Role.DASHBOARD, tags={"tenantid": "a"})
        await gate.change("vic", Role.VIEWER, tags={"tenantid": "b"})
        await gate.change("root", None, admin=True)
        yield instance, gate


async def got(gate: House, path: str = "/rows", name: str = "dan", **more: str) -> Answer:
    return await gate.ask(path, await gate.log_in(name), **more)


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_t10_two_tenants_get_disjoint_rows_and_who_has_no_tag_none(tmp_path: Path, fast_lane: bool) -> None:
    """T-10."""
    fields = ((b"ETag", b'"v1"'), (b"Cache-Control", b"public, max-age=60"), (b"Last-Modified", b"then"))
    async with place(tmp_path, told(ROWS, *fields), fast_lane=fast_lane) as (_, gate):
        dan, vic, mia, root = [await got(gate, name=name) for name in ("dan", "vic", "mia", "root")]
        assert (dan.json(), vic.json(), mia.json(), root.json()) == (MINE, [ROWS[1]], [], ROWS)
        for answer in (dan, vic, mia):
            assert answer.headers["Content-Length"] == str(len(answer.body))
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert not {"ETag", "Last-Modified", "Age"} & answer.headers.keys()
        assert root.headers["ETag"] == '"v1"'


@pytest.mark.parametrize("path", ["/ROWS/", "//rows", "/r%6Fws", "/rows;v=1", "/rows?", "/rows/deeper"])
async def test_no_other_way_to_write_a_path_goes_round_a_policy(tmp_path: Path, path: str) -> None:
    async with place(tmp_path, told(ROWS)) as (_, gate):
        assert (await got(gate, path)).json() == MINE


NAMED = policy(paths=("/api/**", "/ui/rows", "/dashboard/rows", "/flows/rows", "/icons/rows"))


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        "/api/socket.io/rows",
        "/api/rows/x%2Fsocket.io%2F",
        "/ui/rows",
        "/dashboard/rows",
        "/flows/rows",
        "/icons/rows",
    ],
)
async def test_a_policy_holds_for_the_paths_it_names_whatever_else_lies_there(
    tmp_path: Path, path: str, fast_lane: bool
) -> None:
    """The admin API shares the root."""
    async with place(tmp_path, told(ROWS), NAMED, fast_lane=fast_lane, admin_root="/") as (_, gate):
        own = {"Origin": gate.origin}
        assert (await got(gate, path, "vic", **own)).json() == [ROWS[1]]
        assert (await got(gate, path, "root", **own)).json() == ROWS


async def test_a_socket_below_a_path_that_a_policy_names_is_refused_and_another_is_not(tmp_path: Path) -> None:
    async with place(tmp_path, echo(first=Frame(opcode=TEXT, payload=b"hello").encode()), NAMED) as (_, gate):
        cookie = await gate.log_in("dan")
        with pytest.raises(WSServerHandshakeError) as refused:
            await gate.open_socket("/api/socket.io/rows", cookie)
        assert refused.value.status == 403
        open_ = await gate.open_socket("/else/socket.io/rows", cookie)
        assert await open_.receive_str() == "hello"
        await open_.close()


async def test_where_sockets_are_read_packet_by_packet_none_passes_as_rows(tmp_path: Path) -> None:
    """Not even by a policy that lets pass what is no JSON."""
    lenient = replace(NAMED, on_unmatched=Unmatched.PASS)
    async with place(tmp_path, plain(b"0{}"), lenient, enforce_client_constraint=True) as (instance, gate):
        for method in ("GET", "POST"):
            refused = await got(gate, "/api/socket.io/rows", method=method, Origin=gate.origin)
            assert (refused.status, refused.json()["code"]) == (403, "rls_not_json")  # type: ignore[index]
        assert instance.requests == []


async def test_a_write_to_the_editors_paths_is_on_record_under_a_policy_too(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS), NAMED, admin_root="/") as (_, gate):
        await gate.change("mia", Role.MEMBER, tags={"tenantid": "a"})
        assert (await got(gate, "/icons/rows", "mia", method="POST", Origin=gate.origin)).json() == MINE
        found = await gate.store.database.events(AuditQuery())
        assert "u-mia" in {each.event.actor for each in found.items}


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_a_dashboard_at_the_root_takes_no_endpoint_out_of_a_policy(tmp_path: Path, fast_lane: bool) -> None:
    async with place(tmp_path, told(ROWS), policy(paths=()), fast_lane=fast_lane, dashboard="/") as (_, gate):
        assert (await got(gate, "/api/rows")).json() == MINE


@pytest.mark.parametrize("path", ["/api/rows/;x", "/api/rows/%3Bx", "/api/rows/x;"])
async def test_what_instances_take_for_part_of_a_path_goes_round_no_policy(tmp_path: Path, path: str) -> None:
    """Express keeps `;x`, which others drop."""
    async with place(tmp_path, told(ROWS), policy(paths=("/api/rows/*",))) as (_, gate):
        assert (await got(gate, path)).json() == MINE


async def test_what_no_policy_holds_for_passes_as_it_is(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS, (b"ETag", b'"v1"'))) as (instance, gate):
        answer = await got(gate, "/other", Range="bytes=0-1")
        assert (answer.json(), answer.headers["ETag"]) == (ROWS, '"v1"')
        assert instance.requests[-1].value(b"Range") == b"bytes=0-1"


async def test_an_instance_is_asked_for_all_of_it_uncompressed(tmp_path: Path) -> None:
    """Half an answer, or none since nothing has changed, would be told apart by nobody."""
    async with place(tmp_path, told(ROWS)) as (instance, gate):
        asked = {"Range": "bytes=0-1", "If_None_Match": '"v1"', "If_Range": '"v1"', "Accept_Encoding": "br"}
        assert (await got(gate, **asked)).json() == MINE
        request = instance.requests[-1]
        assert request.value(b"Accept-Encoding") == b"identity"
        assert not any(request.values(name) for name in (b"Range", b"If-None-Match", b"If-Range"))


def zipped(coding: str, document: object = ROWS) -> Answers:
    body = json.dumps(document).encode()
    packed = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    return plain(packed, JSON, (b"Content-Encoding", coding.encode()))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_what_comes_compressed_all_the_same_is_undone(tmp_path: Path, coding: str) -> None:
    async with place(tmp_path, zipped(coding)) as (_, gate):
        answer = await got(gate)
        assert answer.json() == MINE
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (plain(b"<p>b</p>", (b"Content-Type", b"text/html")), "rls_not_json"),
        (plain(b"[]"), "rls_not_json"),
        (plain(b'[{"tenant": "a"}', JSON), "rls_not_json"),
        (plain(b'[{"tenant": "a"}] trailing', JSON), "rls_not_json"),
        (plain("[]".encode("utf-16"), JSON), "rls_not_json"),
        (plain(b"not packed", JSON, (b"Content-Encoding", b"gzip")), "rls_not_json"),
        (plain(b"[]", JSON, (b"Content-Encoding", b"br")), "rls_not_json"),
        (plain(gzip.compress(b"[]") + b"more", JSON, (b"Content-Encoding", b"gzip")), "rls_not_json"),
        (plain(gzip.compress(b" " * LARGE + b"[]"), JSON, (b"Content-Encoding", b"gzip")), "rls_too_large"),
        (plain(b" " * LARGE + b"[]", JSON), "rls_too_large"),
        (chunked(b" " * LARGE, b"[]", fields=[JSON]), "rls_too_large"),
        (told({"result": ROWS}), "rls_unmatched"),
        (told("b"), "rls_unmatched"),
        (told(ROWS, (b"Content-Range", b"bytes 0-1/9"), status=206), "rls_not_json"),
    ],
)  # fmt: skip
async def test_what_cannot_be_told_apart_is_not_shown(tmp_path: Path, answer: Answers, code: str) -> None:
    nested = policy(rows="$.rows") if code == "rls_unmatched" else policy()
    async with place(tmp_path, answer, nested) as (_, gate):
        refused = await got(gate)
        assert (refused.status, refused.json()["code"]) == (502, code)  # type: ignore[index]


async def test_events_that_go_on_for_ever_are_not_shown(tmp_path: Path) -> None:
    async with place(tmp_path, events(b'{"tenant": "b"}')) as (_, gate):
        refused = await got(gate)
        assert refused.json()["code"] == "rls_not_json"  # type: ignore[index]


async def test_a_websocket_where_a_policy_holds_is_refused_and_another_is_not(tmp_path: Path) -> None:
    async with place(tmp_path, echo(first=Frame(opcode=TEXT, payload=b"hello").encode())) as (_, gate):
        cookie = await gate.log_in("dan")
        with pytest.raises(WSServerHandshakeError) as refused:
            await gate.open_socket("/rows/live", cookie)
        assert refused.value.status == 403
        for path, who in (("/live", cookie), ("/rows/live", await gate.log_in("root"))):
            open_ = await gate.open_socket(path, who)
            assert await open_.receive_str() == "hello"
            await open_.close()


async def test_what_may_pass_without_rows_does_and_where_there_are_rows_they_are_filtered(tmp_path: Path) -> None:
    page = plain(b"<p>hello</p>", (b"Content-Type", b"text/html"))
    answers = {"/rows/page": page, "/rows/other": told({"result": 1}), "/rows": told({"rows": ROWS})}
    lenient = policy(rows="$.rows", on_unmatched=Unmatched.PASS)
    async with place(tmp_path, answers, lenient) as (_, gate):
        assert (await got(gate, "/rows/page")).body == b"<p>hello</p>"
        assert (await got(gate, "/rows/other")).json() == {"result": 1}
        assert (await got(gate)).json() == {"rows": MINE}


async def test_no_callback_makes_a_script_of_rows(tmp_path: Path) -> None:
    """Node-RED answers JSON as a script (JSONP) to whoever asks by `callback`."""
    async with place(tmp_path, told(ROWS), policy(on_unmatched=Unmatched.PASS)) as (instance, gate):
        for name in ("callback", "callback[]", "[callback]", "%63allback", "callback[0]"):
            assert (await got(gate, f"/rows?{name}=steal&n=1")).json() == MINE
            assert instance.requests[-1].target == b"/rows?n=1"


async def test_an_error_or_redirect_keeps_its_status_and_loses_words_that_cannot_be_judged(tmp_path: Path) -> None:
    answers = {
        "/rows/gone": plain(b"<p>b is gone</p>", (b"Content-Type", b"text/html"), status=410),
        "/rows/moved": plain(b"to b", (b"Location", b"/rows"), status=302),
        "/rows/empty": bodiless(204),
        "/rows/bad": told({"error": "b"}, status=400),
    }
    async with place(tmp_path, answers, policy(rows="$.rows")) as (_, gate):
        gone, moved, empty, bad = [await got(gate, path) for path in answers]
        assert [each.status for each in (gone, moved, empty, bad)] == [410, 302, 204, 400]
        assert {each.body for each in (gone, moved, empty, bad)} == {b""}
        assert moved.headers["Location"].endswith("/rows")


async def test_a_single_row_of_somebody_else_is_not_there(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS[1])) as (_, gate):
        assert (await got(gate)).status == 404
        assert (await got(gate, name="vic")).json() == ROWS[1]


async def test_a_head_does_not_tell_how_much_there_is(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS, (b"ETag", b'"v1"'))) as (instance, gate):
        answer = await got(gate, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert not {"Content-Length", "ETag"} & answer.headers.keys()
        assert instance.requests[-1].method == b"HEAD"


async def test_of_two_members_with_one_name_no_reader_gets_to_see_the_other(tmp_path: Path) -> None:
    twice = b'[{"tenant": "b", "secret": 1, "tenant": "a", "secret": 2}]'
    async with place(tmp_path, plain(twice, JSON)) as (_, gate):
        assert (await got(gate)).body == b'[{"tenant":"a","secret":2}]'


async def test_a_large_answer_is_judged_as_a_small_one_is(tmp_path: Path) -> None:
    many = [{"tenant": "ab"[number % 2], "number": number} for number in range(20_000)]
    async with place(tmp_path, told(many)) as (_, gate):
        assert (await got(gate)).json() == many[::2]


async def test_t10_a_flow_that_sends_rows_of_others_although_it_says_it_does_not_is_stopped_and_on_record(
    tmp_path: Path,
) -> None:
    """T-10, mode assert."""
    answers = {"/rows": told(ROWS), "/rows/mine": told(MINE)}
    async with place(tmp_path, answers, policy("kept", mode=RowMode.ASSERT)) as (_, gate):
        assert (await got(gate, "/rows/mine")).json() == MINE
        for _ in range(3):
            refused = await got(gate)
            assert (refused.status, refused.json()["code"]) == (502, "rls_violation")  # type: ignore[index]
        await gate.gateway.inspection.notes.close()
        found = await gate.store.database.events(AuditQuery(events=frozenset({"rls.violation"})))
        assert [(each.event.actor, each.event.scope_id, dict(each.event.body)) for each in found.items] == [
            ("u-dan", INSTANCE, {"policy": "kept", "rows": 1, "path": "/rows"})
        ]


async def test_every_policy_that_holds_must_show_a_row(tmp_path: Path) -> None:
    rows = [{"tenant": "a", "site": "n"}, {"tenant": "a", "site": "s"}, {"tenant": "b", "site": "n"}]
    both = (policy(), policy("site", tag="site", field="site"))
    async with place(tmp_path, told(rows), *both) as (_, gate):
        await gate.change("dan", Role.DASHBOARD, tags={"tenantid": "a", "site": "n"})
        assert (await got(gate)).json() == rows[:1]


async def test_nobody_in_particular_has_no_rows_on_a_public_path_nor_on_an_open_instance(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS), public=("/rows",)) as (_, gate):
        assert (await gate.ask("/rows")).json() == []
        assert (await got(gate)).json() == MINE
    open_ = tmp_path / "open"
    open_.mkdir()
    async with place(open_, told(ROWS), http_auth=HttpAuth.NONE) as (_, gate):
        assert (await gate.ask("/rows")).json() == []


async def test_a_write_to_an_endpoint_answers_no_rows_of_others_either(tmp_path: Path) -> None:
    """Also where it shares a root with the admin API, and is put on record."""
    async with place(tmp_path, told(ROWS)) as (_, gate):
        assert (await got(gate, method="POST", Origin=gate.origin)).json() == MINE
    shared = tmp_path / "shared"
    shared.mkdir()
    async with place(shared, told(ROWS), admin_root="/") as (_, gate):
        await gate.change("mia", Role.MEMBER, tags={"tenantid": "a"})
        assert (await got(gate, name="mia", method="POST", Origin=gate.origin)).json() == MINE


async def test_another_value_counts_from_the_next_request_on(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS)) as (_, gate):
        cookie = await gate.log_in("dan")
        assert (await gate.ask("/rows", cookie)).json() == MINE
        await gate.change("dan", Role.DASHBOARD, tags={"tenantid": "b"})
        await gate.gateway.watch.look()
        assert (await gate.ask("/rows", cookie)).json() == [ROWS[1]]


async def test_a_policy_that_is_made_counts_for_who_is_there_already(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS), policy(paths=("/elsewhere",))) as (_, gate):
        cookie = await gate.log_in("dan")
        assert (await gate.ask("/rows", cookie)).json() == ROWS
        line = (await gate.store.database.estate()).resources[INSTANCE]
        assert line.instance is not None
        changed = replace(line, instance=replace(line.instance, rows=(policy(),)))
        await gate.store.database.edit([changed], [])
        await gate.gateway.watch.look()
        assert (await gate.ask("/rows", cookie)).json() == MINE


# -- what a flow is told


@pytest.mark.parametrize(
    ("query", "told_query"),
    [
        ("", ""),
        ("?n=1", "?n=1"),
        ("?tenantid=b", "?tenantid=a"),
        ("?n=1&tenantid=b&tenantid=c&m=2", "?n=1&m=2&tenantid=a"),
        ("?tenantid[]=b", "?tenantid=a"),
        ("?[tenantid]=b&%74enantid=b", "?tenantid=a"),
        ("?tenantids=b", "?tenantids=b"),
    ],
)
async def test_what_a_client_says_under_the_name_of_a_tag_is_overwritten(
    tmp_path: Path, query: str, told_query: str
) -> None:
    async with place(tmp_path, told(ROWS)) as (instance, gate):
        await got(gate, f"/rows{query}")
        assert instance.requests[-1].target == f"/rows{told_query}".encode()


async def test_who_has_no_value_asks_for_an_empty_one(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS)) as (instance, gate):
        await got(gate, "/rows?tenantid=b", "mia")
        assert instance.requests[-1].target == b"/rows?tenantid="


async def test_flows_are_told_of_verified_tags_and_never_of_those_a_client_sends(tmp_path: Path) -> None:
    async with place(tmp_path, told(ROWS), identity=("assertion", "flowward")) as (instance, gate):
        await got(gate, X_Flowward_Tag_tenantid="b", X_Flowward_Tag_other="b")
        request = instance.requests[-1]
        assert request.values(b"X-Flowward-Tag-tenantid") == [b"a"]
        assert not request.values(b"X-Flowward-Tag-other")
        assertion = request.value(b"X-Flowward-Assertion")
        assert assertion is not None
        assert gate.claims(assertion.decode())["tags"] == {"tenantid": ["a"]}
        await got(gate, name="root")
        assert instance.requests[-1].values(b"X-Flowward-Tag-tenantid") == [b"*"]
        await got(gate, name="mia")
        assert not instance.requests[-1].values(b"X-Flowward-Tag-tenantid")


async def test_an_answer_that_breaks_off_is_no_answer(tmp_path: Path) -> None:
    half = raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n[", close=True)
    async with place(tmp_path, half) as (_, gate):
        assert (await got(gate)).status == 502
