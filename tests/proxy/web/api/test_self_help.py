"""Getting in again without the password, making an account, another address: over HTTP, with a real mail server."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from proxy.model.identity import UserState
from proxy.store import Invitation
from tests.peers.gateway import PASSWORD
from tests.peers.smtp import Mail, Sink, sink
from tests.proxy.web.api.house import Answer, Client
from tests.proxy.web.api.yard import VIEWER, Someone, Yard, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = "tin roof marmalade 7"
_LINK = re.compile(r"http://localhost:\d+/-/(?:reset|email|activate)/([\w-]+)")
SIGN_UP = {"enabled": True, "domains": ["plant.example"]}
OFTEN = dict.fromkeys(("forgot", "sign_up", "verify", "activation", "anonymous"), "1000/m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The gateway, its mail server, and somebody who is not logged in."""

    yard: Yard
    sink: Sink
    nobody: Client

    async def link(self, address: str, *, count: int = 1) -> str:
        """The token of the link in the last of so many mails to an address."""
        mails = await self.sink.mails_to(address, count=count)
        found = _LINK.search(mails[-1].text)
        assert found, mails[-1].text
        return found[1]

    async def forget(self, login: str) -> Answer:
        return await self.nobody.post("/auth/forgot", {"login": login})

    async def reset(self, token: str, password: str = NEW) -> Answer:
        return await self.nobody.post(f"/auth/reset/{token}", {"password": password})

    async def log_in(self, username: str, password: str) -> Answer:
        return await self.nobody.post("/auth/login", {"username": username, "password": password})

    async def settled(self, address: str) -> Sequence[Mail]:
        """All mails to an address, once the outbox is empty."""
        running = self.yard.house.running
        later = running.gateway.gate.clock.wall() + 1e6
        async with asyncio.timeout(30):
            while await running.store.database.letters(later, 1):
                continue
        return self.sink.to(address)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def post_office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sink]:
    async with sink(tmp_path_factory.mktemp("mail")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(database: str, post_office: Sink, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Yard]:
    settings = {
        "mail": post_office.settings,
        "limits": OFTEN,
        "accounts": {"sign_up": SIGN_UP, "contact": "it@x.example"},
    }
    async with opened(tmp_path_factory.mktemp("yard"), state={"database": database}, **settings) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def place(yard: Yard, post_office: Sink) -> AsyncIterator[Place]:
    async with yard.house.nobody() as nobody:
        post_office.mails.clear()
        yield Place(yard=yard, sink=post_office, nobody=nobody)


async def test_s_05_who_forgot_a_password_chooses_another_by_a_link_that_is_mailed(place: Place) -> None:
    ada = await place.yard.someone()
    answer = await place.forget(ada.username.upper())
    assert answer.status == 202
    (mail,) = await place.sink.mails_to(f"{ada.username}@plant.example")
    assert (mail.message["Subject"], mail.message["From"]) == ("Choose a new password", "Plant <gate@plant.example>")
    assert "from the address 127.0.0.1" in mail.text
    assert "If it was not you" in mail.text
    assert "it@x.example" in mail.text
    token = await place.link(f"{ada.username}@plant.example")
    assert (await place.reset(token)).status == 204
    assert (await ada.get("/me")).status == 401, "the old cookie"
    assert (await place.log_in(ada.username, PASSWORD)).status == 401
    assert (await place.log_in(ada.username, NEW)).status == 200
    events = [event.event for event in await place.yard.events(ada.id)]
    assert events[:2] == ["account.forgot-password", "account.reset-password"]
    mails = await place.sink.mails_to(f"{ada.username}@plant.example", count=2)
    assert mails[1].message["Subject"] == "Your password was changed"


async def test_s_05_a_link_is_good_once_and_every_other_dies_with_it(place: Place) -> None:
    ada = await place.yard.someone()
    address = f"{ada.username}@plant.example"
    await place.forget(ada.username)
    first = await place.link(address)
    await place.forget(address)
    second = await place.link(address, count=2)
    assert (await place.reset(second)).status == 204
    for token in (second, first, "never-made"):
        late = await place.reset(token, "another tin roof 8")
        assert (late.status, late.code) == (400, "link_spent")


async def test_s_05_a_password_that_is_changed_voids_links_to_another(place: Place) -> None:
    ada = await place.yard.someone()
    await place.forget(ada.username)
    token = await place.link(f"{ada.username}@plant.example")
    other = await place.yard.logged_in(ada.id)
    assert (await ada.put("/me/password", {"current": PASSWORD, "new": NEW})).status == 204
    assert (await other.get("/me")).status == 401
    assert (await ada.get("/me")).status == 200
    assert (await place.reset(token, "another tin roof 8")).code == "link_spent"


async def test_r_58_nothing_that_was_open_with_the_old_password_stays_open(place: Place) -> None:
    ada = await place.yard.someone()
    sessions = [await place.yard.logged_in(ada.id) for _ in range(3)]
    assert (await ada.put("/me/password", {"current": PASSWORD, "new": NEW})).status == 204
    assert [(await session.get("/me")).status for session in sessions] == [401] * 3


async def test_s_05_a_link_is_good_for_half_an_hour(place: Place) -> None:
    for ahead, status in ((1500.0, 204), (1801.0, 400)):
        ada = await place.yard.someone()
        await place.forget(ada.username)
        token = await place.link(f"{ada.username}@plant.example")
        place.yard.house.pass_(ahead)
        assert (await place.reset(token, f"{NEW} {ahead}")).status == status


async def test_s_05_the_answer_is_the_same_whoever_is_asked_for_and_only_some_are_mailed(place: Place) -> None:
    known = await place.yard.someone()
    sso = await place.yard.someone(provider="corp")
    gone = await place.yard.someone()
    await place.yard.house.alter(gone.username, state=UserState.SUSPENDED)
    bare = await place.yard.someone(email="")
    names = [
        known.username,
        sso.username,
        gone.username,
        bare.username,
        "nobody-at-all",
        "x@nowhere.example",
        "é" * 200,
    ]
    answers = [await place.forget(name) for name in names]
    assert {(answer.status, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert len({frozenset(answer.headers) for answer in answers}) == 1
    await place.settled("")
    # Whatever other tests left in the outbox may arrive meanwhile.
    addresses = {f"{someone.username}@plant.example" for someone in (known, sso, gone, bare)} | {"x@nowhere.example"}
    mailed = [address for mail in place.sink.mails for address in mail.receivers if address in addresses]
    assert mailed == [f"{known.username}@plant.example"]
    errors = {someone.id: (await place.yard.events(someone.id))[-1].error for someone in (known, sso, gone, bare)}
    assert list(errors.values()) == ["", "sso_required", "account_unusable", "email_missing"]


async def test_one_mailbox_gets_so_many_links_whoever_asks(place: Place) -> None:
    ada = await place.yard.someone()
    answers = {(await place.forget(ada.username)).text for _ in range(8)}
    assert len(answers) == 1
    assert len(await place.settled(f"{ada.username}@plant.example")) == 5


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("tin 7", "password_too_short"),
        ("x 7 " * 33, "password_too_long"),
        ("password1", "password_too_weak"),
        ("aaaaaaaaaaaa", "password_too_weak"),
        ("{username}@plant.example", "password_is_name"),
        (PASSWORD, "password_unchanged"),
    ],
)
async def test_s_04_a_password_by_link_and_by_change_is_held_to_each_rule(
    place: Place, password: str, code: str
) -> None:
    ada = await place.yard.someone()
    await place.forget(ada.username)
    token = await place.link(f"{ada.username}@plant.example")
    wanted = password.format(username=ada.username)
    by_link = await place.reset(token, wanted)
    changed = await ada.put("/me/password", {"current": PASSWORD, "new": wanted})
    for answer, pointer in ((by_link, "/password"), (changed, "/new")):
        assert answer.status == 400
        errors = answer.json["errors"]
        assert isinstance(errors, list)
        assert (code, pointer) in {(each["code"], each["pointer"]) for each in errors}
        assert wanted not in answer.text, "what was typed is not told again"
    assert (await place.reset(token)).status == 204, "the link is still good"


async def test_s_04_a_change_takes_more_strength_than_a_link(place: Place) -> None:
    """Score 2 by zxcvbn."""
    fair, ada = "tinroof72", await place.yard.someone()
    changed = await ada.put("/me/password", {"current": PASSWORD, "new": fair})
    assert (changed.status, changed.code) == (400, "password_too_weak")
    await place.forget(ada.username)
    assert (await place.reset(await place.link(f"{ada.username}@plant.example"), fair)).status == 204


async def sign_up(place: Place, **changed: str) -> Answer:
    name = place.yard.name("new")
    wanted = {"username": name, "email": f"{name}@plant.example", "password": NEW, "name": "Zoë"}
    return await place.nobody.post("/auth/register", {**wanted, **changed})


async def code_for(place: Place, address: str) -> str:
    (mail,) = await place.sink.mails_to(address)
    found = re.search(r"^(\d{6})$", mail.text, re.MULTILINE)
    assert found
    assert mail.message["Subject"] == f"{found[1]} is your code for Plant"
    return found[1]


async def test_s_32_a_code_that_was_mailed_makes_the_account_and_nothing_does_before(place: Place) -> None:
    name = place.yard.name("zoe")
    address = f"{name}@plant.example"
    asked = await sign_up(place, username=name, email=address)
    assert asked.status == 202
    code = await code_for(place, address)
    assert (await place.log_in(name, NEW)).status == 401
    made = await place.nobody.post("/auth/verify", {"ticket": asked.json["ticket"], "code": code})
    assert (made.status, made.json["username"]) == (201, name)
    assert (await place.log_in(name, NEW)).status == 200
    user = (await place.yard.person(str(made.json["id"]))).user
    assert (user.email, user.name, user.state, user.admin) == (address, "Zoë", UserState.ACTIVE, False)
    events = [event.event for event in await place.yard.events(user.id)]
    assert events[:2] == ["account.verify.verify-token", "account.register"]
    again = await place.nobody.post("/auth/verify", {"ticket": asked.json["ticket"], "code": code})
    assert (again.status, again.code) == (400, "code_wrong")


@pytest.mark.parametrize(
    ("changed", "code", "pointer"),
    [
        ({"username": "admin"}, "username_reserved", "/username"),
        ({"username": "Root"}, "username_reserved", "/username"),
        ({"username": "max@acme.example"}, "username_invalid", "/username"),
        ({"username": "two words"}, "username_invalid", "/username"),
        ({"email": "x@elsewhere.example"}, "domain_not_allowed", "/email"),
        ({"email": "x@sub.plant.example"}, "domain_not_allowed", "/email"),
        ({"email": "x@plant.example, y@evil.example"}, "email_invalid", "/email"),
        ({"email": "plant.example"}, "email_invalid", "/email"),
        ({"name": "x" * 201}, "name_invalid", "/name"),
        ({"password": "password1"}, "password_too_weak", "/password"),
    ],
)
async def test_s_32_what_nobody_gets_by_themselves_is_refused_with_a_code(
    place: Place, changed: dict[str, str], code: str, pointer: str
) -> None:
    answer = await sign_up(place, **changed)
    assert answer.status == 400
    errors = answer.json["errors"]
    assert isinstance(errors, list)
    assert (code, pointer) in {(each["code"], each["pointer"]) for each in errors}
    assert await place.settled("") == []


async def test_s_32_nobody_learns_whether_an_address_has_an_account_but_its_owner(place: Place) -> None:
    ada = await place.yard.someone()
    address = f"{ada.username}@plant.example"
    known, new = await sign_up(place, email=address), await sign_up(place)
    assert (known.status, set(known.json)) == (new.status, set(new.json)) == (202, {"ticket", "expires"})
    (mail,) = await place.sink.mails_to(address)
    assert mail.message["Subject"] == "You have an account at Plant"
    assert ada.username in mail.text
    for code in ("000000", "123456", ""):
        refused = await place.nobody.post("/auth/verify", {"ticket": known.json["ticket"], "code": code})
        assert (refused.status, refused.code) == (400, "code_wrong")


async def test_s_32_a_code_is_tried_five_times_and_for_half_an_hour(place: Place) -> None:
    for wrongs, ahead, status in ((4, 0.0, 201), (5, 0.0, 400), (0, 1801.0, 400)):
        place.sink.mails.clear()
        name = place.yard.name("zoe")
        asked = await sign_up(place, username=name, email=f"{name}@plant.example")
        code = await code_for(place, f"{name}@plant.example")
        wrong = f"{(int(code) + 1) % 10**6:06}"
        for _ in range(wrongs):
            answer = await place.nobody.post("/auth/verify", {"ticket": asked.json["ticket"], "code": wrong})
            assert answer.code == "code_wrong"
        place.yard.house.pass_(ahead)
        last = await place.nobody.post("/auth/verify", {"ticket": asked.json["ticket"], "code": code})
        assert last.status == status, (wrongs, ahead)


async def test_s_32_a_name_that_is_taken_is_told_to_who_has_shown_their_address_alone(place: Place) -> None:
    ada, name = await place.yard.someone(), place.yard.name("zoe")
    address = f"{name}@plant.example"
    asked = await sign_up(place, username=ada.username, email=address)
    assert asked.status == 202
    sent = {"ticket": asked.json["ticket"], "code": await code_for(place, address)}
    taken = await place.nobody.post("/auth/verify", sent)
    assert (taken.status, taken.code, set(taken.faults)) == (409, "exists", {"/username"})
    assert (await place.nobody.post("/auth/verify", {**sent, "username": "admin"})).code == "username_reserved"
    assert (await place.nobody.post("/auth/verify", {**sent, "username": name})).status == 201


async def test_s_32_two_who_use_one_code_at_once_make_one_account(place: Place) -> None:
    name = place.yard.name("zoe")
    asked = await sign_up(place, username=name, email=f"{name}@plant.example")
    sent = {"ticket": asked.json["ticket"], "code": await code_for(place, f"{name}@plant.example")}
    both = await asyncio.gather(*(place.nobody.post("/auth/verify", sent) for _ in range(2)))
    assert sorted(answer.status == 201 for answer in both) == [False, True]


async def test_s_32_an_invitation_by_mail_waits_for_whoever_signs_up_with_that_address(place: Place) -> None:
    team = await place.yard.team()
    admin, name = await place.yard.someone(admin=True), place.yard.name("zoe")
    address = f"{name}@plant.example"
    invited = await admin.post(f"/spaces/{team.id}/invitations", {"to": address.upper(), "role": "viewer"})
    assert invited.status == 202
    (mail,) = await place.sink.mails_to(address.upper())
    assert "/-/register" in mail.text
    assert f"{admin.username.title()} invites you to join {team.id.title()}" in mail.text
    place.sink.mails.clear()
    asked = await sign_up(place, username=name, email=address)
    code = await code_for(place, address)
    made = await place.nobody.post("/auth/verify", {"ticket": asked.json["ticket"], "code": code})
    zoe = await place.yard.logged_in(str(made.json["id"]))
    (offer,) = (await zoe.get("/me/invitations")).items
    assert (await zoe.post(f"/me/invitations/{offer['id']}/accept")).status == 204
    assert team.id in (await place.yard.person(str(made.json["id"]))).memberships


async def test_an_invitation_is_mailed_to_whoever_has_the_name_and_reads_the_same_for_nobody(place: Place) -> None:
    team, admin = await place.yard.team(), await place.yard.someone(admin=True)
    ada = await place.yard.someone()
    answers = [
        await admin.post(f"/spaces/{team.id}/invitations", {"to": to, "role": "viewer"})
        for to in (ada.username, "none")
    ]
    assert [(answer.status, sorted(answer.json)) for answer in answers] == [(202, sorted(answers[0].json))] * 2
    (mail,) = await place.sink.mails_to(f"{ada.username}@plant.example")
    assert "/-/register" not in mail.text
    assert team.id.title() in mail.text
    await place.settled("")
    assert [each for each in place.sink.mails if team.id.title() in each.text] == [mail]


async def test_nobodys_mailbox_is_filled_by_who_invites_signs_up_or_wants_another_address(place: Place) -> None:
    team, admin = await place.yard.team(), await place.yard.someone(admin=True)
    name = place.yard.name("victim")
    spellings = [f"{name}@plant.example", f"{name.upper()}@plant.example"]
    spellings += [f"{name}+{number}@plant.example" for number in range(3)]
    into = f"/spaces/{team.id}/invitations"
    invited = [await admin.post(into, {"to": address, "role": "viewer"}) for address in spellings]
    assert {answer.status for answer in invited} == {202}
    for number, address in enumerate(spellings * 2):
        assert (await sign_up(place, username=f"{name}{number}", email=address)).status == 202
        assert (await change_address(admin, address)).status == 202
    await place.settled("")
    mailed = [mail for mail in place.sink.mails if name in mail.receivers[0].lower()]
    subjects = [str(mail.message["Subject"]).partition(" ")[0] for mail in mailed]
    assert sorted(subjects) == sorted([*["You"] * 5, *["Confirm"] * 5, *(each for each in subjects if each.isdigit())])
    assert len(subjects) == 15


async def change_address(ada: Someone, address: str) -> Answer:
    return await ada.put("/me/email", {"email": address})


async def confirm(place: Place, token: str) -> str:
    """What the page says."""
    visitor, home = place.nobody.visitor, place.yard.house.site.home
    page = await visitor.navigate(f"{home}/-/email/{token}")
    found = re.search(r'name="csrf" value="([^"]*)"', await page.text())
    if found is None:
        return await page.text()
    answer = await visitor.request(
        "POST",
        f"{home}/-/email/{token}",
        headers={"Origin": home, "Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"},
        data=f"csrf={found[1]}",
    )
    return await answer.text()


async def test_s_33_an_address_changes_once_the_new_one_is_confirmed_and_the_old_one_is_told(place: Place) -> None:
    ada, new = await place.yard.someone(), f"{place.yard.name('fresh')}@plant.example"
    old = f"{ada.username}@plant.example"
    asked = await change_address(ada, new)
    assert (asked.status, asked.json["email"]) == (202, new)
    token = await place.link(new)
    (notice,) = await place.sink.mails_to(old)
    assert notice.message["Subject"] == "Your mail address is to be changed"
    assert (await place.yard.person(ada.id)).user.email == old
    assert "has the address" in await confirm(place, token)
    assert (await place.yard.person(ada.id)).user.email == new
    assert (await ada.get("/me")).status == 401, "all sessions have ended"
    told = await place.sink.mails_to(old, count=2)
    assert told[1].message["Subject"] == "Your mail address was changed"
    assert "no longer works" in await confirm(place, token)
    events = [event.event for event in await place.yard.events(ada.id)]
    assert events[:2] == ["account.change-email-request", "account.change-email-confirmed"]


async def test_s_33_a_link_is_good_for_two_days_and_until_the_password_changes(place: Place) -> None:
    for change in ("time", "password"):
        ada, new = await place.yard.someone(), f"{place.yard.name('fresh')}@plant.example"
        await change_address(ada, new)
        token = await place.link(new)
        if change == "time":
            place.yard.house.pass_(48 * 3600 + 1)
        else:
            await ada.put("/me/password", {"current": PASSWORD, "new": NEW})
        assert "no longer works" in await confirm(place, token), change


async def test_s_33_who_logs_in_by_a_provider_changes_their_address_there(place: Place) -> None:
    ada = await place.yard.someone(provider="corp")
    answer = await change_address(ada, "new@plant.example")
    assert (answer.status, answer.code) == (400, "sso_managed")


@pytest.mark.parametrize(
    ("address", "code"), [("x", "email_invalid"), ("a b@x.example", "email_invalid"), ("", "email_unchanged")]
)
async def test_s_33_what_cannot_be_an_address_is_refused_with_a_code(place: Place, address: str, code: str) -> None:
    ada = await place.yard.someone()
    answer = await change_address(ada, address or f"{ada.username}@plant.example")
    assert (answer.status, answer.code) == (400, code)


async def test_s_33_an_address_that_somebody_has_is_not_told_to_who_wants_it(place: Place) -> None:
    ada, eve = await place.yard.someone(), await place.yard.someone()
    first, second = [
        await change_address(eve, f"{name}@plant.example") for name in (ada.username, place.yard.name("free"))
    ]
    assert (first.status, sorted(first.json)) == (second.status, sorted(second.json)) == (202, ["email", "expires"])
    (mail,) = await place.sink.mails_to(f"{ada.username}@plant.example")
    assert mail.message["Subject"] == "Somebody wants your mail address"
    assert not _LINK.search(mail.text)


async def test_s_33_of_two_who_confirm_one_address_one_gets_it(place: Place) -> None:
    address = f"{place.yard.name('fresh')}@plant.example"
    people = [await place.yard.someone() for _ in range(2)]
    for someone in people:
        await change_address(someone, address)
    await place.sink.mails_to(address, count=2)
    tokens = [found[1] for mail in place.sink.to(address) if (found := _LINK.search(mail.text))]
    pages = [await confirm(place, token) for token in tokens]
    assert ["has the address" in page for page in pages] == [True, False]
    held = [(await place.yard.person(someone.id)).user.email for someone in people]
    assert held.count(address) == 1


async def test_c_11_an_activation_link_is_shown_to_the_admin_or_mailed_and_never_both(place: Place) -> None:
    admin, name = await place.yard.someone(admin=True), place.yard.name("pia")
    wanted = {"username": name, "name": "Pia", "email": f"{name}@plant.example"}
    assert (await admin.post("/users", wanted)).status == 201
    shown = await admin.post(f"/users/{name}/activation-link")
    assert "/-/activate/" in str(shown.json["link"])
    mailed = await admin.post(f"/users/{name}/activation-link?mail=1")
    assert (mailed.status, mailed.json["link"]) == (200, None)
    (mail,) = await place.sink.mails_to(f"{name}@plant.example")
    assert f"{admin.username.title()} sends you this link" in mail.text
    token = await place.link(f"{name}@plant.example")
    page = await place.nobody.visitor.navigate(f"{place.yard.house.site.home}/-/activate/{token}")
    assert page.status == 200
    old = await place.nobody.visitor.navigate(str(shown.json["link"]))
    assert old.status == 409, "the newer one replaces it"


async def test_n_01_the_user_of_an_account_that_is_locked_is_told_by_mail(place: Place) -> None:
    ada = await place.yard.someone()
    place.yard.house.pass_(60)
    for _ in range(10):
        await place.log_in(ada.username, "wrong")
        place.yard.house.pass_(7)
    (mail,) = await place.sink.mails_to(f"{ada.username}@plant.example")
    assert mail.message["Subject"] == "Your account is locked for a while"
    assert "127.0.0.1" in mail.text


async def test_c_18_bans_are_listed_and_lifted_by_admins_alone(place: Place) -> None:
    ada, admin = await place.yard.someone(), await place.yard.someone(admin=True)
    place.yard.house.pass_(60)
    for _ in range(10):
        await place.log_in(ada.username, "wrong")
        place.yard.house.pass_(7)
    assert (await ada.get("/bans")).status == 403
    admin = Someone(id=admin.id, username=admin.username, client=await place.yard.logged_in(admin.id))
    (ban,) = [item for item in (await admin.get("/bans")).items if item["user"] == ada.id]
    assert (ban["kind"], ban["username"], ban["address"], ban["times"]) == ("account", ada.username, "elsewhere", 1)
    assert (await place.log_in(ada.username, PASSWORD)).status == 401
    place.yard.house.pass_(7)
    assert (await admin.delete(f"/bans/{ban['id']}")).status == 204
    assert (await admin.delete(f"/bans/{ban['id']}")).status == 404
    assert (await place.log_in(ada.username, PASSWORD)).status == 200
    assert (await place.yard.events(ada.id, "user.unlocked"))[-1].actor == admin.id


async def test_the_settings_tell_what_passwords_must_be_and_who_may_sign_up(place: Place) -> None:
    admin = await place.yard.someone(admin=True)
    told = (await admin.get("/settings")).json["configured"]
    assert isinstance(told, dict)
    assert told["sign_up"] == {"enabled": True, "domains": ["plant.example"], "invited": False}
    assert (told["password"]["score"], told["limits"]["ban"]["count"]) == (3, 50)
    assert told["mail"] == f"smtp://localhost:{place.sink.port}"


async def test_invitations_that_are_over_wait_for_nobody(place: Place) -> None:
    team, name = await place.yard.team(), place.yard.name("zoe")
    now = place.yard.house.running.gateway.gate.clock.wall()
    old = Invitation(id=name, space=team.id, role=VIEWER, created=1.0, expires=now - 1, email=f"{name}@plant.example")
    await place.yard.put(old)
    asked = await sign_up(place, username=name, email=f"{name}@plant.example")
    code = await code_for(place, f"{name}@plant.example")
    made = await place.nobody.post("/auth/verify", {"ticket": asked.json["ticket"], "code": code})
    zoe = await place.yard.logged_in(str(made.json["id"]))
    assert (await zoe.get("/me/invitations")).items == []
