"""Second factors through the API, at a gateway that runs, with pyotp on the other side."""

import asyncio
import json
from base64 import urlsafe_b64decode
from pathlib import Path

import pyotp
import pytest

from tests.peers.gateway import PASSWORD
from tests.proxy.web.api.house import Answer, Client, House
from tests.proxy.web.api.house import house as house_of

ENFORCED = {"enforce": "all"}


class App:
    """An authenticator app whose clock is the gateway's."""

    def __init__(self, here: House, secret: object) -> None:
        self.here, self.totp = here, pyotp.TOTP(str(secret))

    def code(self, ahead: float = 0.0) -> str:
        return self.totp.at(int(self.here.running.gateway.gate.clock.wall() + ahead))

    def wait(self) -> None:
        """Until there is another code."""
        self.here.pass_(60.0)


def cookie(answer: Answer) -> str:
    return str(answer.headers.get("Set-Cookie", ""))


async def enrol(here: House, client: Client) -> tuple[App, Answer]:
    begun = await client.call("PUT", "/me/mfa")
    assert begun.status == 200, begun.text
    app = App(here, begun.json["secret"])
    done = await client.put("/me/mfa/verify", {"code": app.code()})
    if done.status == 200:
        client.csrf = str(done.json["csrf"])
        app.wait()
    return app, done


async def test_s_07_an_app_is_set_up_by_its_secret_and_its_first_code(house: House) -> None:
    """S-07."""
    async with house.user("max") as client, house.user("max") as elsewhere:
        begun = await client.call("PUT", "/me/mfa")
        assert str(begun.json["address"]).startswith("otpauth://totp/Flowward:max?secret=")
        assert str(begun.json["picture"]).startswith("data:image/svg+xml")
        assert (await client.get("/me/mfa")).json["enrolled"] is False
        app = App(house, begun.json["secret"])
        done = await client.put("/me/mfa/verify", {"code": app.code()})
        assert (done.status, len(done.json["recovery_codes"])) == (200, 10)  # type: ignore[arg-type]
        client.csrf = str(done.json["csrf"])
        assert (await client.get("/me/mfa")).json == {
            "enforced": False,
            "enrolled": True,
            "app": True,
            "passkeys": [],
            "recovery_codes": 10,
        }
        assert (await elsewhere.get("/me")).status == 401
        me = (await client.get("/me")).json["session"]
        assert isinstance(me, dict)
        assert me["amr"] == ["pwd", "otp", "mfa"]
        assert me["id"] == done.json["session"]


async def test_s_07_a_wrong_first_code_makes_the_secret_void(house: House) -> None:
    """S-07."""
    async with house.user("max") as client:
        begun = await client.call("PUT", "/me/mfa")
        app = App(house, begun.json["secret"])
        wrong = await client.put("/me/mfa/verify", {"code": "000000"})
        assert (wrong.status, wrong.faults) == (422, {"/code": "is not right"})
        again = await client.put("/me/mfa/verify", {"code": app.code()})
        assert (again.status, again.code) == (409, "not_begun")


async def test_s_08_a_login_goes_on_with_a_code_and_the_same_one_is_refused_the_second_time(house: House) -> None:
    """S-08."""
    async with house.user("max") as client:
        app, _ = await enrol(house, client)
    async with house.nobody() as first, house.nobody() as second:
        halves = [await each.post("/auth/login", {"username": "max", "password": PASSWORD}) for each in (first, second)]
        assert {(half.status, half.code) for half in halves} == {(403, "mfa_required")}
        assert (await first.get("/me")).status == 401
        code = app.code()
        flows = [str(half.json["flow"]) for half in halves]
        answer = await first.post("/auth/second-factor", {"flow": flows[0], "code": code})
        assert answer.status == 200, answer.text
        assert (await first.get("/me")).json["username"] == "max"
        again = await second.post("/auth/second-factor", {"flow": flows[1], "code": code})
        assert (again.status, again.code) == (403, "second_factor_wrong")
        stolen = await second.post("/auth/second-factor", {"flow": flows[0], "code": app.code(30)})
        assert (stolen.status, stolen.code) == (403, "flow_over")


async def test_s_08_of_many_who_send_the_same_code_at_once_one_comes_in(tmp_path: Path) -> None:
    """S-08."""
    loose: dict[str, object] = {"mfa": "1000/s", "login": "1000/s"}
    async with house_of(tmp_path, limits=loose) as here:
        async with here.user("max") as client:
            app, _ = await enrol(here, client)
        async with here.nobody() as a, here.nobody() as b, here.nobody() as c:
            halves = [await each.post("/auth/login", {"username": "max", "password": PASSWORD}) for each in (a, b, c)]
            code = app.code()
            sent = [
                each.post("/auth/second-factor", {"flow": half.json["flow"], "code": code})
                for each, half in zip((a, b, c), halves, strict=True)
            ]
            assert sorted(answer.status for answer in await asyncio.gather(*sent)) == [200, 403, 403]


@pytest.mark.parametrize("body", [None, {}, {"password": PASSWORD}, {"code": "000000"}])
async def test_s_09_to_switch_it_off_takes_the_password_and_a_code(house: House, body: object) -> None:
    """S-09, R-54."""
    async with house.user("max") as client:
        app, _ = await enrol(house, client)
        refused = await client.call("DELETE", "/me/mfa", body)
        assert (refused.status, refused.code) == (403, "proof_wrong")
        right = await client.call("DELETE", "/me/mfa", {"password": PASSWORD, "code": app.code(30)})
        assert right.status == 204, right.text
        assert (await client.get("/me/mfa")).json["enrolled"] is False


async def test_s_09_an_admin_takes_it_away_for_others_who_are_logged_out_by_it(house: House) -> None:
    """S-09."""
    async with house.user("max") as client, house.user("ada") as ada, house.user("olga") as olga:
        await enrol(house, client)
        assert (await olga.post("/users/u-max/reset-mfa")).status == 404
        assert (await client.get("/me")).status == 200
        assert (await ada.post("/users/u-max/reset-mfa")).status == 200
        assert (await client.get("/me")).status == 401
        found = await ada.get("/audit?event=user.mfa.reset")
        assert len(found.items) == 1, found.text
    async with house.user("max"):
        assert await house.running.store.database.factors("u-max") == []


async def test_r_54_a_change_of_factors_takes_a_recent_proof(house: House) -> None:
    """R-54."""
    async with house.user("max") as client:
        house.pass_(601)
        refused = await client.call("PUT", "/me/mfa")
        assert (refused.status, refused.code) == (403, "reauthentication_required")
        assert (await client.post("/auth/reauth", {"password": PASSWORD})).status == 200
        assert (await client.call("PUT", "/me/mfa")).status == 200


async def test_a_cookie_and_a_password_do_not_add_a_factor_to_one_that_is_there(house: House) -> None:
    async with house.user("max") as client:
        app, _ = await enrol(house, client)
        house.pass_(601)
        refused = await client.post("/auth/reauth", {"password": PASSWORD})
        assert (refused.status, refused.code) == (403, "second_factor_wrong")
        assert (await client.post("/me/passkeys/options")).code == "reauthentication_required"
        proof = {"password": PASSWORD, "code": app.code()}
        assert (await client.post("/auth/reauth", proof)).status == 200
        assert (await client.post("/me/passkeys/options")).status == 200


async def test_a_token_manages_no_factors(house: House) -> None:
    async with house.user("max") as client, house.program(client) as program:
        assert (await program.call("PUT", "/me/mfa")).code == "interactive_session_required"
        assert (await program.post("/me/mfa/prove", {"code": "000000"})).code == "interactive_session_required"


async def test_new_recovery_codes_take_both_factors_and_one_opens_a_login_once(house: House) -> None:
    async with house.user("max") as client:
        app, _ = await enrol(house, client)
        assert (await client.post("/me/mfa/recovery-codes", {"password": PASSWORD})).status == 403
        made = await client.post("/me/mfa/recovery-codes", {"password": PASSWORD, "code": app.code(30)})
        codes = made.json["recovery_codes"]
        assert isinstance(codes, list)
    for status in (200, 403):
        async with house.nobody() as somebody:
            half = await somebody.post("/auth/login", {"username": "max", "password": PASSWORD})
            answer = await somebody.post("/auth/second-factor", {"flow": half.json["flow"], "code": codes[0]})
            assert answer.status == status


async def test_s_11_a_living_session_of_somebody_who_must_have_one_does_nothing_but_set_it_up(tmp_path: Path) -> None:
    """S-11; the setting is taken over without a restart."""
    async with house_of(tmp_path) as here, here.user("max") as client, here.user("nora") as nora:
        assert (await client.get("/instances")).status == 200
        here.site.settings["mfa"] = {"enforce": ["acme"]}
        here.site.write()
        await here.running.reloader.reload()
        refused = await client.get("/instances")
        assert (refused.status, refused.code) == (401, "second_factor_required")
        assert (await client.put("/me", {"name": "M"})).status == 401
        assert (await nora.get("/instances")).status == 200
        assert (await client.get("/me/mfa")).json["enforced"] is True
        app, done = await enrol(here, client)
        assert done.status == 200
        assert (await client.get("/instances")).status == 200
        body = {"password": PASSWORD, "code": app.code(30)}
        assert (await client.call("DELETE", "/me/mfa", body)).code == "enforced"


async def test_s_11_a_login_of_somebody_who_has_none_yet_is_sent_to_the_page(tmp_path: Path) -> None:
    """S-11."""
    async with house_of(tmp_path, mfa=ENFORCED) as here, here.nobody() as client:
        half = await client.post("/auth/login", {"username": "max", "password": PASSWORD})
        assert (half.status, half.code) == (403, "mfa_enrolment_required")
        assert (await client.get("/me")).status == 401


async def test_s_11_admins_alone_can_be_asked(tmp_path: Path) -> None:
    """S-11."""
    async with house_of(tmp_path, mfa={"enforce": "admins"}) as here, here.nobody() as ada, here.user("max"):
        half = await ada.post("/auth/login", {"username": "ada", "password": PASSWORD})
        assert half.code == "mfa_enrolment_required"


async def test_passkeys_are_offered_and_what_is_none_is_refused(house: House) -> None:
    async with house.user("max") as client:
        assert (await client.post("/me/passkeys/challenge")).status == 409
        options = (await client.post("/me/passkeys/options")).json["options"]
        assert isinstance(options, dict)
        assert options["rp"] == {"name": "Flowward", "id": "localhost"}
        assert urlsafe_b64decode(f"{options['user']['id']}==") == b"u-max"
        wrong = await client.post("/me/passkeys", {"name": "key", "credential": {"id": "x", "response": {}}})
        assert wrong.status == 422
        assert "passkey_wrong" in wrong.faults["/credential"]
        assert (await client.call("DELETE", "/me/passkeys/unknown", {})).status == 404


async def test_codes_and_secrets_are_in_no_event(house: House) -> None:
    async with house.user("max") as client, house.user("ada") as ada:
        app, done = await enrol(house, client)
        await client.call("DELETE", "/me/mfa", {"password": PASSWORD, "code": app.code(30)})
        told = json.dumps((await ada.get("/audit")).json)
        assert "user.mfa.disabled" in told
        codes = done.json["recovery_codes"]
        assert isinstance(codes, list)
        assert not any(secret in told for secret in (app.totp.secret, *codes, app.code(30)))
