"""A second factor between the password and the session, and what stands in for it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest

from config.mfa_schema import Mfa
from config.schema import Limits
from proxy.model.audit import AuditQuery
from proxy.model.identity import UserState
from tests.peers.state import at_rest
from tests.proxy.web import house as houses
from tests.proxy.web.corp import corp
from tests.proxy.web.house import HOME, LINE_3, PASSWORD, Answer, Browser, House

PAGE = f"{HOME}/-/second-factor"
ENROL = f"{PAGE}/enrol"
SECURITY = f"{HOME}/-/security"
GENEROUS = Limits.model_validate({"mfa": "1000/s", "login": "1000/s"})
SESSION, DEVICE = "__Host-flowward", "__Host-flowward-device"


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[House]:
    """Everybody must have a second factor here."""
    async with houses.house(tmp_path) as opened:
        opened.mfa.now = Mfa(enforce="all")
        yield opened


@dataclass(slots=True)
class Phone:
    """An authenticator app, by the library on the other side."""

    house: House
    totp: pyotp.TOTP
    recovery: list[str]

    def code(self, ahead: float = 0.0) -> str:
        return self.totp.at(int(self.house.time() + ahead))


def fields_of(page: Answer, *names: str) -> dict[str, str]:
    return {name: page.hidden(name) for name in names if f'name="{name}"' in page.text}


async def post(browser: Browser, page: Answer, path: str = PAGE, **sent: str) -> Answer:
    """Send a form of a page, with what is hidden in it."""
    fields = fields_of(page, "flow", "to", "csrf", "do", "factor")
    return await browser.post(path, {**fields, **sent})


def secret_in(page: Answer) -> str:
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert found, page.text
    return found[1]


async def enrol(house: House, browser: Browser, address: str = ENROL) -> Phone:
    """Set up an app, from where the visitor is."""
    page = await browser.get(address)
    begun = await post(browser, page, ENROL, do="begin")
    page = await browser.get(HOME + begun.location)
    totp = pyotp.TOTP(secret_in(page))
    done = await browser.post(ENROL, {**fields_of(page, "flow", "to", "csrf"), "code": totp.at(int(house.time()))})
    assert "recovery codes" in done.text, done.text
    codes = re.findall(r"<li><code>([0-9a-z-]{19})</code>", done.text)
    return Phone(house, totp, codes)


async def with_phone(house: House, name: str = "ada") -> tuple[Browser, Phone]:
    browser = house.browser()
    await browser.log_in(name)
    phone = await enrol(house, browser)
    house.time.now += 60
    return browser, phone


async def half(browser: Browser, name: str = "ada") -> Answer:
    """The page that asks for the second factor, after a right password."""
    answer = await browser.log_in(name)
    assert answer.location.startswith("/-/second-factor?flow="), answer.text
    return await browser.get(HOME + answer.location)


async def events(house: House, name: str) -> list[tuple[str, str]]:
    page = await house.desk.database.events(AuditQuery(scope=f"u-{name}", limit=50))
    return [(each.event.event, each.event.error) for each in page.items]


# -- setting one up


async def test_s_07_the_first_code_switches_it_on_ends_other_sessions_and_renews_this_one(house: House) -> None:
    """S-07."""
    here, there = house.browser(), house.browser()
    await here.log_in()
    await there.log_in()
    before = here.jars["gate.example"][SESSION]
    await enrol(house, here)
    assert here.jars["gate.example"][SESSION] != before
    assert (await here.get(HOME + "/")).status == 200
    assert (await there.get(HOME + "/")).location == "/-/login"
    (session,) = await house.desk.sessions.of("u-ada")
    assert (session.factor, session.amr) == (house.time(), ("pwd", "otp", "mfa"))
    assert ("user.mfa.enabled", "") in await events(house, "ada")


async def test_s_07_a_wrong_code_makes_the_secret_void(house: House) -> None:
    """S-07."""
    browser = house.browser()
    await browser.log_in()
    begun = await post(browser, await browser.get(ENROL), ENROL, do="begin")
    page = await browser.get(HOME + begun.location)
    first = pyotp.TOTP(secret_in(page))
    answer = await post(browser, page, ENROL, code="000000")
    assert (answer.status, "it is a new one" in answer.text) == (422, True)
    assert secret_in(answer) != first.secret
    assert (await post(browser, answer, ENROL, code=first.at(int(house.time())))).status == 422
    assert not (await house.desk.factors.of("u-ada")).enrolled
    assert ("user.mfa.enabled", "second_factor_wrong") in await events(house, "ada")


async def test_the_picture_says_what_the_secret_says_and_is_an_svg(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    begun = await post(browser, await browser.get(ENROL), ENROL, do="begin")
    page = await browser.get(HOME + begun.location)
    (session,) = await house.desk.sessions.of("u-ada")
    user = (await house.desk.person("u-ada")).user  # type: ignore[union-attr]
    pending = await house.desk.factors.pending(user, f"session {session.id}")
    assert pending is not None
    assert pending.address == f"otpauth://totp/Flowward:ada?secret={secret_in(page)}&issuer=Flowward"
    assert "data:image/svg+xml" in page.text


async def test_a_secret_is_not_kept_as_it_is(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    phone = await enrol(house, browser)
    (factor,) = [each for each in await house.desk.database.factors("u-ada") if each.kind == "totp"]
    assert phone.totp.secret.encode() not in factor.secret
    kept = [each.secret for each in await house.desk.database.factors("u-ada") if each.kind == "recovery"]
    assert len(kept) == len(set(kept)) == 10
    assert not any(code.encode() in secret for code in phone.recovery for secret in kept)


async def test_setting_one_up_takes_a_proof_of_the_last_ten_minutes(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    house.time.now += 601
    answer = await browser.get(ENROL)
    assert answer.location == "/-/security/confirm?do=enrol"
    page = await browser.get(HOME + answer.location)
    assert (await post(browser, page, f"{SECURITY}/confirm", password="wrong")).status == 403
    assert (await post(browser, page, f"{SECURITY}/confirm", password=PASSWORD)).location == "/-/second-factor/enrol"
    await enrol(house, browser)


# -- being asked


async def test_s_08_after_the_password_there_is_no_session_before_the_code(house: House) -> None:
    """S-08."""
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    assert SESSION not in browser.jars["gate.example"]
    assert (await browser.get(HOME + "/")).location == "/-/login"
    assert (await post(browser, page, code=phone.code())).location == "/"
    assert (await browser.get(HOME + "/")).status == 200
    session = (await house.desk.sessions.of("u-ada"))[0]
    assert (session.amr, session.factor) == (("pwd", "otp", "mfa"), house.time())


async def test_s_08_the_same_code_twice_within_its_time_is_refused(house: House) -> None:
    """S-08."""
    _, phone = await with_phone(house)
    first, second = house.browser(), house.browser()
    code = phone.code()
    assert (await post(first, await half(first), code=code)).status == 303
    page = await half(second)
    assert (await post(second, page, code=code)).status == 403
    house.time.now += 30
    assert (await post(second, page, code=phone.code())).status == 303


async def test_the_code_it_was_set_up_by_is_not_good_for_a_login(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    phone = await enrol(house, browser)
    other = house.browser()
    assert (await post(other, await half(other), code=phone.code())).status == 403


@pytest.mark.parametrize(("ahead", "status"), [(-60, 403), (-30, 303), (0, 303), (30, 303), (60, 403)])
async def test_clocks_may_differ_by_one_step_either_way(house: House, ahead: int, status: int) -> None:
    _, phone = await with_phone(house)
    house.time.now = house.time() // 30 * 30 + 300
    browser = house.browser()
    assert (await post(browser, await half(browser), code=phone.code(ahead))).status == status


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 40, "\0\0\0\0\0\0"])
async def test_what_is_no_code_is_refused(house: House, code: str) -> None:
    await with_phone(house)
    browser = house.browser()
    assert (await post(browser, await half(browser), code=code)).status == 403


async def test_blanks_in_a_code_do_not_matter(house: House) -> None:
    _, phone = await with_phone(house)
    browser, code = house.browser(), phone.code()
    assert (await post(browser, await half(browser), code=f" {code[:3]} {code[3:]} ")).status == 303


async def test_s_08_after_five_wrong_codes_the_half_login_is_over(house: House) -> None:
    """S-08."""
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    answers = []
    for _ in range(5):
        answers.append(await post(browser, page, code="000000"))
        house.time.now += 1
    assert [answer.status for answer in answers] == [403] * 4 + [303]
    assert answers[-1].location == "/-/login"
    assert (await post(browser, page, code=phone.code())).location == "/-/login"
    assert SESSION not in browser.jars["gate.example"]


async def test_s_08_an_account_is_locked_for_codes_by_ten_wrong_ones_over_half_logins(house: House) -> None:
    """S-08: a right password in between forgives nothing."""
    _, phone = await with_phone(house)
    house.desk.allowances._limits = lambda: GENEROUS
    statuses = []
    for _ in range(3):
        browser = house.browser(address="198.51.100.7")
        page = await half(browser)
        statuses += [(await post(browser, page, code="000000")).status for _ in range(4)]
    assert set(statuses) == {403}
    browser = house.browser(address="198.51.100.7")
    assert (await post(browser, await half(browser), code=phone.code())).status == 403
    assert ("account.locked", "") in await events(house, "ada")
    house.time.now += 4000
    browser = house.browser(address="198.51.100.7")
    assert (await post(browser, await half(browser), code=phone.code())).status == 303


async def test_codes_are_limited_by_account_over_half_logins(house: House) -> None:
    await with_phone(house)
    statuses = []
    for _ in range(2):
        browser = house.browser()
        page = await half(browser)
        statuses += [(await post(browser, page, code="000000")).status for _ in range(3)]
    assert statuses[-1] == 429


async def test_a_half_login_belongs_to_the_browser_it_began_in(house: House) -> None:
    _, phone = await with_phone(house)
    mine, other = house.browser(), house.browser()
    page = await half(mine)
    stolen = fields_of(page, "flow")
    theirs = await other.get(f"{HOME}/-/login")
    sent = {**stolen, "csrf": theirs.hidden("csrf"), "code": phone.code()}
    assert (await other.post(PAGE, sent)).location == "/-/login"
    assert (await post(mine, page, code=phone.code())).status == 303


async def test_a_half_login_becomes_one_session(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    assert (await post(browser, page, code=phone.code())).status == 303
    house.time.now += 30
    assert (await post(browser, page, code=phone.code())).location == "/-/login"


async def test_a_half_login_of_somebody_suspended_meanwhile_comes_to_nothing(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    await house.suspend("u-ada")
    assert (await post(browser, page, code=phone.code())).location == "/-/login"


async def test_a_half_login_lasts_a_quarter_of_an_hour(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    house.time.now += 901
    assert (await post(browser, page, code=phone.code())).location == "/-/login"


async def test_a_password_alone_sets_up_no_further_factor(house: House) -> None:
    """Whoever knows the password must not put a factor of their own beside the one that keeps them out."""
    await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    flow = page.hidden("flow")
    assert urlsplit((await browser.get(f"{ENROL}?flow={flow}")).location).path == "/-/second-factor"
    sent = {"flow": flow, "csrf": page.hidden("csrf"), "do": "begin"}
    assert urlsplit((await browser.post(ENROL, sent)).location).path == "/-/second-factor"
    assert (await house.desk.factors.of("u-ada")).pending is None


async def test_a_half_login_does_not_outlive_the_password_it_began_with(strict: House) -> None:
    """Whoever knew the old password must not set up a factor of theirs by what they began before it was changed."""
    thief = strict.browser()
    answer = await thief.log_in()
    begun = await post(thief, await thief.get(HOME + answer.location), ENROL, do="begin")
    secret = secret_in(await thief.get(HOME + begun.location))
    page = await thief.get(HOME + begun.location)
    link = f"{HOME}/-/activate/{await strict.desk.accounts.issue_link('u-ada')}"
    owner, new = strict.browser(), "another long password"
    form = await owner.get(link)
    chosen = await owner.post(link, {"csrf": form.hidden("csrf"), "password": new, "again": new})
    assert urlsplit(chosen.location).path == "/-/second-factor/enrol"
    code = pyotp.TOTP(secret).at(int(strict.time()))
    assert (await post(thief, page, ENROL, code=code)).location == "/-/login"
    assert SESSION not in thief.jars["gate.example"]


async def test_an_app_is_set_up_in_the_login_that_saw_its_secret(strict: House) -> None:
    """Whoever knows the password alone does not lay out a secret of theirs for the owner to confirm."""
    thief, owner = strict.browser(), strict.browser()
    answer = await thief.log_in()
    begun = await post(thief, await thief.get(HOME + answer.location), ENROL, do="begin")
    laid_out = await thief.get(HOME + begun.location)
    secret = secret_in(laid_out)
    theirs = await owner.get(HOME + (await owner.log_in()).location)
    assert secret not in theirs.text
    code = pyotp.TOTP(secret).at(int(strict.time()))
    assert (await owner.post(ENROL, {**fields_of(theirs, "flow", "csrf"), "code": code})).status == 409
    assert not (await strict.desk.factors.of("u-ada")).enrolled


async def test_whom_a_provider_vouches_for_proves_the_factor_they_have_before_they_add_another(tmp_path: Path) -> None:
    """Or whoever has their session, and no more, would add the factor that an instance asks for."""
    async with corp(tmp_path) as there:
        first = there.house.browser()
        await there.came(first)
        phone = await enrol(there.house, first)
        there.house.time.now += 60
        browser = there.house.browser()
        await there.came(browser)
        answer = await browser.get(ENROL)
        assert answer.location == "/-/second-factor"
        page = await browser.get(PAGE)
        begun = await browser.post(ENROL, {**fields_of(page, "csrf"), "do": "begin"})
        assert begun.location == "/-/second-factor"
        assert (await post(browser, page, code=phone.code())).location == "/"
        assert (await browser.get(ENROL)).status == 200


async def test_the_way_goes_on_to_the_instance_it_began_at(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    step = await browser.get(f"{LINE_3}/dashboard?a=1")
    page = await browser.get(step.location)
    answer = await browser.submit(page)
    page = await browser.get(HOME + answer.location)
    assert "line-3.example" in page.text
    assert page.directive("form-action") == f"'self' {LINE_3}"
    answer = await post(browser, page, code=phone.code())
    url, shown = await browser.follow(answer, HOME)
    assert (url, shown.text) == (f"{LINE_3}/dashboard?a=1", "<h1>Hello Ada</h1>")


async def test_a_foreign_page_and_a_form_without_its_proof_do_nothing(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    fields = {"flow": page.hidden("flow"), "csrf": page.hidden("csrf"), "code": phone.code()}
    assert (await browser.post(PAGE, fields, Origin=LINE_3)).status == 403
    assert (await browser.post(PAGE, {**fields, "csrf": "x"})).status == 403
    assert (await browser.post(PAGE, fields)).status == 303


async def test_the_pages_are_at_home_alone(house: House) -> None:
    browser = house.browser()
    paths = ("/-/second-factor", "/-/second-factor/enrol", "/-/security", "/-/security/confirm", "/-/passkey")
    assert [(await browser.get(LINE_3 + path)).status for path in paths] == [404] * 5


async def test_a_passkey_nested_too_deeply_to_be_read_is_refused_on_every_page(house: House) -> None:
    browser, _ = await with_phone(house)
    nested = "[" * 5_000
    other = house.browser()
    assert (await post(other, await half(other), assertion=nested)).status == 403
    confirm = f"{SECURITY}/confirm"
    assert (
        await post(browser, await browser.get(f"{confirm}?do=codes"), confirm, password=PASSWORD, assertion=nested)
    ).status == 403
    assert (await post(browser, await browser.get(ENROL), ENROL, assertion=nested)).status == 422


# -- recovery codes


async def test_s_11_a_recovery_code_is_good_once_and_ten_are_shown_once(house: House) -> None:
    """S-11."""
    _, phone = await with_phone(house)
    assert len(phone.recovery) == 10
    browser, other = house.browser(), house.browser()
    page = await half(browser)
    assert (await post(browser, page, code=phone.recovery[0].upper().replace("-", " "))).status == 303
    assert (await post(other, await half(other), code=phone.recovery[0])).status == 403
    assert len((await house.desk.factors.of("u-ada")).left) == 9
    assert ("user.mfa.recovery-used", "") in await events(house, "ada")


async def test_s_11_a_phone_types_a_recovery_code_on_a_page_of_its_own(house: House) -> None:
    """S-11: the keyboard for an app's code has no letters."""
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    found = re.search(r'href="(/-/second-factor\?[^"]*recovery=1)"', page.text)
    assert found, page.text
    page = await browser.get(HOME + found[1].replace("&amp;", "&"))
    assert "inputmode" not in page.text
    wrong = await post(browser, page, f"{PAGE}?recovery=1", code="none of them")
    assert (wrong.status, "none of your recovery codes" in wrong.text) == (403, True)
    assert (await post(browser, wrong, f"{PAGE}?recovery=1", code=phone.recovery[0])).status == 303


async def test_new_recovery_codes_make_the_old_ones_void(house: House) -> None:
    browser, phone = await with_phone(house)
    page = await browser.get(f"{SECURITY}/confirm?do=codes")
    shown = await post(browser, page, f"{SECURITY}/confirm", password=PASSWORD, code=phone.code())
    codes = re.findall(r"<li><code>([0-9a-z-]{19})</code>", shown.text)
    assert len(set(codes) - set(phone.recovery)) == 10
    other = house.browser()
    page = await half(other)
    assert (await post(other, page, code=phone.recovery[0])).status == 403
    assert (await post(other, page, code=codes[0])).status == 303


# -- remembered browsers


async def remembered(house: House) -> tuple[Browser, Phone]:
    _, phone = await with_phone(house)
    browser = house.browser()
    await post(browser, await half(browser), code=phone.code(), remember="1")
    assert DEVICE in browser.jars["gate.example"]
    await log_out(browser)
    return browser, phone


async def log_out(browser: Browser) -> None:
    page = await browser.get(f"{HOME}/-/logout")
    await browser.post(f"{HOME}/-/logout", {"csrf": page.hidden("csrf")})


async def test_a_remembered_browser_is_not_asked_again_for_thirty_days(house: House) -> None:
    browser, _ = await remembered(house)
    proven = house.time()
    assert (await browser.log_in()).location == "/"
    assert (await house.desk.sessions.of("u-ada"))[0].factor == proven
    await log_out(browser)
    house.time.now += 30 * 86400 + 1
    await half(browser)


async def test_nobody_is_remembered_who_does_not_ask_for_it(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    await post(browser, await half(browser), code=phone.code())
    assert DEVICE not in browser.jars["gate.example"]


async def test_a_browser_is_remembered_for_one_person(house: House) -> None:
    browser, _ = await remembered(house)
    await with_phone(house, "dan")
    await half(browser, "dan")


async def test_after_a_change_of_the_password_no_browser_is_remembered(house: House) -> None:
    browser, _ = await remembered(house)
    await browser.log_in()
    page = await browser.get(f"{HOME}/-/password")
    new = "another long password"
    changed = await browser.post(
        f"{HOME}/-/password",
        {"csrf": page.hidden("csrf"), "current": PASSWORD, "password": new, "again": new},
    )
    assert changed.status == 200, changed.text
    await log_out(browser)
    assert (await browser.log_in("ada", new)).location.startswith("/-/second-factor?flow=")


async def test_after_a_change_of_factors_no_browser_is_remembered(house: House) -> None:
    browser, phone = await remembered(house)
    await browser.log_in()
    page = await browser.get(f"{SECURITY}/confirm?do=off")
    house.time.now += 60
    await post(browser, page, f"{SECURITY}/confirm", password=PASSWORD, code=phone.code())
    await enrol(house, browser)
    await log_out(browser)
    await half(browser)


async def test_where_nothing_is_to_be_remembered_nothing_is(house: House) -> None:
    known, phone = await remembered(house)
    house.mfa.now = Mfa(remember=0.0)
    await half(known)
    browser = house.browser()
    page = await half(browser)
    assert "remember" not in page.text
    house.time.now += 60
    await post(browser, page, code=phone.code(), remember="1")
    assert DEVICE not in browser.jars["gate.example"]


# -- those who must


async def test_s_11_whoever_must_have_one_sets_it_up_before_anything_else(strict: House) -> None:
    """S-11."""
    browser = strict.browser()
    answer = await browser.log_in("ada")
    assert urlsplit(answer.location).path == "/-/second-factor/enrol"
    assert SESSION not in browser.jars["gate.example"]
    assert (await browser.get(HOME + "/")).location == "/-/login"
    await enrol(strict, browser, HOME + answer.location)
    assert (await browser.get(HOME + "/")).status == 200
    assert (await strict.desk.sessions.of("u-ada"))[0].factor == strict.time()


async def test_s_11_a_session_from_before_the_rule_opens_the_page_that_sets_one_up_and_nothing_else(
    house: House,
) -> None:
    """S-11."""
    browser = house.browser()
    await browser.log_in()
    assert (await browser.get(HOME + "/")).status == 200
    house.mfa.now = Mfa(enforce=("acme",))
    closed = ["/", "/-/password", "/-/security", "/-/me"]
    assert [(await browser.get(HOME + path)).status for path in closed] == [303, 303, 303, 401]
    url, page = await browser.follow(await browser.get(HOME + "/"), HOME)
    assert (urlsplit(url).path, page.status) == ("/-/second-factor/enrol", 200)
    assert (await browser.get(f"{HOME}/-/logout")).status == 200
    await enrol(house, browser, url)
    assert (await browser.get(HOME + "/")).status == 200
    assert (await house.browser().log_in("nora")).location == "/", "she is in no such space"


async def test_s_10_whom_a_provider_vouches_for_is_not_asked(tmp_path: Path) -> None:
    """S-10."""
    async with corp(tmp_path) as there:
        there.house.mfa.now = Mfa(enforce="all")
        browser = there.house.browser()
        assert (await there.came(browser)).location == "/"
        await enrol(there.house, browser)
        assert (await there.came(there.house.browser())).location == "/"


async def test_a_provider_that_is_not_trusted_with_it_leaves_the_second_factor_to_the_gateway(tmp_path: Path) -> None:
    async with corp(tmp_path, second_factor="ask") as there:
        there.house.mfa.now = Mfa(enforce="all")
        browser = there.house.browser()
        answer = await there.came(browser)
        assert urlsplit(answer.location).path == "/-/second-factor/enrol"
        phone = await enrol(there.house, browser, HOME + answer.location)
        there.house.time.now += 60
        other = there.house.browser()
        page = await other.get(HOME + (await there.came(other)).location)
        assert b"kept by the plugin" not in at_rest(tmp_path), "nor while the second factor is waited for"
        assert (await post(other, page, code=phone.code())).location == "/"
        account = await there.house.desk.database.account("kim")
        assert account is not None
        session = (await there.house.desk.sessions.of(account.user.id))[0]
        kept = there.house.desk.sessions.kept(session)
        assert (session.provider, session.groups, kept) == ("corp", ("staff",), "kept by the plugin")


async def test_a_pending_person_who_must_have_one_sets_it_up_after_the_activation(strict: House) -> None:
    """C-11."""
    link = await strict.desk.accounts.activation_link(HOME, "u-pia")
    browser = strict.browser()
    page = await browser.get(link)
    new = "a password of my own"
    answer = await browser.post(link, {"csrf": page.hidden("csrf"), "password": new, "again": new})
    assert urlsplit(answer.location).path == "/-/second-factor/enrol"
    await enrol(strict, browser, HOME + answer.location)
    person = await strict.desk.person("u-pia")
    assert person is not None
    assert person.user.state is UserState.ACTIVE


# -- taking one away


async def test_s_09_to_switch_it_off_takes_the_password_and_a_code(house: House) -> None:
    """S-09."""
    browser, phone = await with_phone(house)
    confirm = f"{SECURITY}/confirm"
    page = await browser.get(f"{confirm}?do=off")
    assert (await post(browser, page, confirm)).status == 403
    assert (await post(browser, page, confirm, password=PASSWORD)).status == 403
    assert (await post(browser, page, confirm, password="wrong", code=phone.code())).status == 403
    house.time.now += 60
    assert (await post(browser, page, confirm, password=PASSWORD, code=phone.code())).location == "/-/security"
    assert await house.desk.database.factors("u-ada") == []
    assert ("user.mfa.disabled", "") in await events(house, "ada")
    assert (await house.browser().log_in()).location == "/"


async def test_whoever_must_have_one_cannot_take_the_last_one_away(strict: House) -> None:
    browser = strict.browser()
    phone = await enrol(strict, browser, HOME + (await browser.log_in()).location)
    strict.time.now += 60
    page = await browser.get(f"{SECURITY}/confirm?do=off")
    answer = await post(browser, page, f"{SECURITY}/confirm", password=PASSWORD, code=phone.code())
    assert (answer.status, "must have a second factor" in answer.text) == (409, True)
    assert (await strict.desk.factors.of("u-ada")).enrolled


async def test_the_page_shows_what_there_is(house: House) -> None:
    browser, _ = await with_phone(house)
    text = (await browser.get(SECURITY)).text
    assert "Remove the authenticator app" in text
    assert "10 of 10 are left" in text
    assert "do=off" in text


async def test_trouble_with_the_store_is_no_wrong_code(house: House) -> None:
    _, phone = await with_phone(house)
    browser = house.browser()
    page = await half(browser)
    house.store_goes_away()
    assert {(await post(browser, page, code=phone.code())).status for _ in range(6)} == {503}
