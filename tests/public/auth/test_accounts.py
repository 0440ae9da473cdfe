"""Accounts from sign-up to their end, through the pages that ship."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from auth.factors import Clock, begun_anew
from auth.site import BROWSER, EMAIL, PASSWORD, Base, Site, User, errors
from wholestack import SetupError
from wholestack.auth import Accounts, Auth, PasswordRefused, Passwords, SignUp, invite
from wholestack.db import select
from wholestack.mail import Mailing
from wholestack.outbox import Outbox, settle
from wholestack.sessions import CookieSessions, Sessions
from wholestack.testing import Client, log_in

OUTSIDE = (
    "//evil.example",
    "///evil.example",
    "https://evil.example/",
    "http:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https:/evil.example",
    "//evil.example@testserver",
    "http://testserver@evil.example",
    "//\u3002evil.example",
    "/%5cevil.example/..//evil.example\r\nset-cookie: a=b",
)
NEW = "a wholly new password"


class SignUpWithName(SignUp):
    nickname: str = ""


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def kept(request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(request.param, form=SignUpWithName)

    @made.app.get("/me")
    def me(user: User) -> str:
        return user.email

    with made.running():
        yield made


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


@pytest.fixture(scope="module")
def kept_on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site("wsgi", url=f"sqlite:///{tmp_path_factory.mktemp('accounts')}/site.db").running() as site:
        yield site


@pytest.fixture
def on_disk(kept_on_disk: Site) -> Site:
    """Where several browsers are answered at once."""
    return kept_on_disk.anew()


@pytest.fixture(scope="module")
def kept_in_time() -> Iterator[tuple[Site, Clock]]:
    with Site(clock=(clock := Clock())).running() as site:
        yield site, clock


@pytest.fixture
def site_and_clock(kept_in_time: tuple[Site, Clock]) -> tuple[Site, Clock]:
    return begun_anew(*kept_in_time)


# -- sign-up ---------------------------------------------------------------------------------------------------------


def test_sign_up_confirm_and_log_in(site: Site) -> None:
    page = site.send("/account/sign-up", email="Zoe@Example.org", password=PASSWORD, nickname="Zoë")
    assert page.status == 200 and "Look at your mail" in page.text
    user = site.find()
    assert (user.nickname, user.email_confirmed_at, PASSWORD in user.password) == ("Zoë", None, False)
    assert "Look at your mail" in site.log_in().text  # Not before the address is proven; the link comes once more.
    assert site.client.get("/me").status == 401 and len(site.mails) == 2
    link = site.link()
    page = site.client.get(link, headers=BROWSER)
    assert page.headers["referrer-policy"] == "no-referrer" and page.headers["cache-control"] == "no-store"
    assert site.find().email_confirmed_at is None  # Programs that read mails follow links, and press nothing.
    assert site.send(link).headers["location"] == "/account/login"
    assert site.send(link).status == 410
    assert site.log_in(remember="true").headers["location"] == "/"
    assert site.client.get("/me").text == EMAIL
    assert site.events() == ["account-made", "address-confirmed", "login"]


def test_sign_up_says_what_is_wrong_with_it(site: Site) -> None:
    page = site.send("/account/sign-up", email="zoe", password="short")
    assert page.status == 422 and "This is no e-mail address." in page.text
    page = site.send("/account/sign-up", email=EMAIL, password="short", nickname="Zoë")
    assert page.status == 422 and errors(page) and 'value="Zoë"' in page.text and 'value="short"' not in page.text
    page = site.send("/account/sign-up", email=EMAIL, password="zoe@example.org", nickname="Zoë")
    assert page.status == 422
    assert site.find() is None


def test_C11_sign_up_does_not_tell_who_has_an_account(site: Site) -> None:
    site.send("/account/sign-up", email=EMAIL, password=PASSWORD)
    first = site.mails[-1]
    site.send(site.link())
    site.log_in()
    known = site.send("/account/sign-up", site.other(), email=EMAIL, password="another long password")
    fresh = site.send("/account/sign-up", site.other(), email="new@example.org", password="another long password")
    assert known.text.replace(EMAIL, "?") == fresh.text.replace("new@example.org", "?")
    assert (known.status, [*known.headers]) == (fresh.status, [*fresh.headers])
    told = site.mails[-2]
    assert str(told.to[0].address) == EMAIL and told.subject != first.subject
    assert site.log_in(password="another long password", client=site.other()).status == 422


def test_sign_up_is_closed_unless_somebody_opens_it() -> None:
    with Site(sign_up="closed").running() as site:
        assert site.client.get("/account/sign-up").status == 404
        assert "/account/sign-up" not in site.client.get("/account/login", headers=BROWSER).text


def test_sign_up_by_invitation() -> None:
    site = Site(sign_up="invited")

    @site.app.post("/invite")
    def ask(accounts: Accounts[User], email: str) -> None:
        invite(accounts, email, roles=("editor",))

    with site.running():
        with site.app.session() as db:
            db.add(site.auth.tables.role(name="editor", permissions=["blog.publish"]))
        assert site.client.get("/account/sign-up").status == 404
        site.client.post(f"/invite?email={EMAIL}").expect(204)
        link = site.link()
        assert f'value="{EMAIL}"' in site.client.get(link, headers=BROWSER).text
        # The address is the invitation's, whatever is typed.
        answer = site.send(link, email="other@example.org", password=PASSWORD)
        assert (answer.status, site.find("other@example.org")) == (303, None)
        user = site.find()
        assert user.email_confirmed_at is not None
        assert site.send(link, site.other(), email=EMAIL, password=PASSWORD).status == 404
        assert site.client.get("/account", headers=BROWSER).status == 200


def test_C19_a_form_sets_no_more_than_it_shows(site: Site) -> None:
    forged = {
        "is_superuser": "true",
        "is_staff": "true",
        "id": "1",
        "email_confirmed_at": "2026-01-01",
        "login_version": "9",
    }
    site.send("/account/sign-up", email=EMAIL, password=PASSWORD, **forged)
    user = site.find()
    assert (user.is_superuser, user.is_staff, user.email_confirmed_at, user.login_version) == (False, False, None, 1)
    site.client.post("/account/sign-up", json={"email": "bo@example.org", "password": PASSWORD, "is_staff": True})
    assert not site.find("bo@example.org").is_staff


def test_two_who_sign_up_with_one_address_at_once_are_one(on_disk: Site) -> None:
    site = on_disk
    barrier, statuses = threading.Barrier(4), []

    def sign_up(number: int) -> None:
        client = site.other()
        barrier.wait(10)
        statuses.append(site.send("/account/sign-up", client, email=EMAIL, password=f"password number {number}").status)

    threads = [threading.Thread(target=sign_up, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, site.events().count("account-made")) == ([200] * 4, 1)


# -- login -----------------------------------------------------------------------------------------------------------


def test_C11_login_does_not_tell_what_was_wrong(site: Site) -> None:
    site.make()
    site.make("nopassword@example.org", None)
    site.make("closed@example.org", is_active=False)
    tries = [(EMAIL, "wrong password"), ("nobody@example.org", PASSWORD), ("nopassword@example.org", PASSWORD)]
    pages = [site.log_in(*each, site.other()) for each in [*tries, ("closed@example.org", PASSWORD)]]
    assert {page.status for page in pages} == {422}
    assert {tuple(errors(page)) for page in pages} == {("The e-mail address or the password is wrong.",)}
    assert site.events() == ["login-failed"] * 4
    assert not any(PASSWORD in page.text for page in pages)


def test_C22_login_leads_back_to_this_site_only(site: Site) -> None:
    site.make()
    for to in OUTSIDE:
        answer = site.client.post(
            "/account/login",
            query={"next": to},
            data={"email": EMAIL, "password": PASSWORD},
            headers=BROWSER,
            follow=False,
        )
        assert answer.headers["location"] == "/", to
        assert site.client.get("/account/login", query={"next": to}, headers=BROWSER, follow=False).headers[
            "location"
        ] == ("/")
        site.client.cookies.clear()
    answer = site.send("/account/login?next=/me%3Fx%3D1", email=EMAIL, password=PASSWORD)
    assert answer.headers["location"] == "/me?x=1"


def test_C4_C5_login_takes_a_new_session_and_logout_ends_each_copy(site: Site) -> None:
    site.make()
    site.send("/account/logout")  # A visitor has a session by that, in which the message waits.
    before = site.client.cookies["session"]
    site.log_in()
    assert site.client.cookies["session"] != before
    planted = site.other()
    planted.cookies["session"] = before
    assert planted.get("/me").status == 401
    stolen = site.other()
    stolen.cookies["session"] = site.client.cookies["session"]
    assert stolen.get("/me").text == EMAIL
    site.send("/account/logout")
    assert (site.client.get("/me").status, stolen.get("/me").status) == (401, 401)


def test_an_old_hash_is_made_anew_at_login(site: Site) -> None:
    user = site.make()
    digest = base64.b64encode(hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"saltsaltsalt", 20_000)).decode()
    with site.app.session() as db:
        db.get_one(User, user.id).password = f"pbkdf2_sha256$20000$saltsaltsalt${digest}"
    assert site.log_in().status == 303
    assert not site.find().password.startswith("pbkdf2")
    assert site.log_in(client=site.other()).status == 303


def test_a_new_device_is_told_by_mail(site: Site) -> None:
    site.make()
    site.log_in()
    assert site.mails == []  # The first login of all is news to nobody.
    site.send("/account/logout")
    site.log_in()
    assert site.mails == []
    site.log_in(client=site.other())
    assert "A browser" in site.mails[-1].text


@pytest.mark.parametrize(
    "text", ["\u00e9.a.b", "chosen.a", f"{'a' * 22}.\u00e9", f"{'a' * 22}.", "..", f"{'a' * 22}\n.a"]
)
def test_a_device_that_is_not_of_our_making_is_none(site: Site, text: str) -> None:
    site.make()
    site.client.cookies["device"] = text
    assert site.log_in().status == 303
    assert site.client.get("/me").text == EMAIL
    assert site.client.cookies["device"].partition(".")[0] not in {"chosen", "\u00e9", "a" * 22}


def test_two_that_end_all_sessions_at_once_are_two() -> None:
    """Else a session that was begun anew by the first would live on after the second."""
    site = Site()

    @site.app.post("/end", csrf=False)
    def end(accounts: Accounts[User]) -> None:
        account = accounts.find(EMAIL)
        assert account is not None
        # As another request, which has ended them since this one read the account.
        accounts.db.execute(update(User).values(login_version=5), execution_options={"synchronize_session": False})
        assert account.login_version != 5
        accounts.log_out_everywhere(account)

    with site.running():
        site.make()
        assert site.client.post("/end").status == 204
        assert site.find().login_version == 6


def test_proof_anew_before_what_is_dangerous(site: Site) -> None:
    user = site.make()
    log_in(site.client, user)
    assert site.send("/account/confirm-login", password="wrong").status == 422
    stolen = site.other()
    stolen.cookies["session"] = site.client.cookies["session"]
    assert stolen.get("/me").text == EMAIL
    answer = site.send("/account/confirm-login?next=/me", password=PASSWORD)
    assert answer.headers["location"] == "/me"
    assert (site.client.get("/me").text, stolen.get("/me").status) == (EMAIL, 401)  # Who has copied it proves nothing.
    assert site.events()[-1] == "login-confirmed"


# -- passwords -------------------------------------------------------------------------------------------------------


def test_a_forgotten_password(site: Site) -> None:
    site.make()
    elsewhere = site.other()
    site.log_in(client=elsewhere)
    known = site.send("/account/forgotten", email=EMAIL)
    link = site.link()
    unknown = site.send("/account/forgotten", email="nobody@example.org")
    assert known.text.replace(EMAIL, "?") == unknown.text.replace("nobody@example.org", "?")
    assert len(site.mails) == 1
    assert site.send(link, password="short").status == 422
    assert site.send(link, password=NEW).headers["location"] == "/account/login"  # What was refused used nothing up.
    assert (site.send(link, password="yet another one").status, elsewhere.get("/me").status) == (410, 401)
    assert site.log_in().status == 422
    assert site.log_in(password=NEW).status == 303
    assert any("was changed" in each.subject for each in site.mails)


def test_C5_a_new_password_ends_other_sessions_and_links(site: Site) -> None:
    site.make()
    elsewhere = site.other()
    site.log_in(client=elsewhere)
    site.log_in()
    site.send("/account/forgotten", email=EMAIL)
    link, before = site.link(), site.client.cookies["session"]
    assert site.send("/account/password", old="wrong", new=NEW).status == 422
    assert site.send("/account/password", old=PASSWORD, new="short").status == 422
    assert site.send("/account/password", old=PASSWORD, new=NEW).headers["location"] == "/account"
    assert (site.client.get("/me").status, elsewhere.get("/me").status) == (200, 401)
    assert site.client.cookies["session"] != before
    assert site.send(link, password="a stolen link").status == 410


def test_C15_a_link_ends_and_opens_nothing_else(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    site.make()
    site.send("/account/forgotten", email=EMAIL)
    token = site.link().rpartition("/")[2]
    for path in ("/account/confirm/", "/account/new-email/"):
        assert site.send(path + token).status == 410
    first = site.link()
    site.send("/account/forgotten", email=EMAIL)
    assert site.send(first, password=NEW).status == 410  # A newer one takes its place.
    clock.go_on(61 * 60)
    assert "has ended" in site.client.get(site.link(), headers=BROWSER).text
    assert site.send(site.link(), password=NEW).status == 410
    with site.app.session() as db:
        rows = db.scalars(select(site.auth.tables.link)).all()
        assert all(token not in each.digest for each in rows)


def test_C15_a_link_is_dead_when_the_address_is_another(site: Site) -> None:
    user = site.make(email_confirmed_at=None)
    site.log_in()
    confirm = site.link()
    site.send("/account/forgotten", email=EMAIL)
    with site.app.session() as db:
        db.get_one(User, user.id).email = "new@example.org"
    assert site.send(confirm).status == 410
    assert site.send(site.link(), password=NEW).status == 410
    assert site.find("new@example.org").email_confirmed_at is None


def test_C15_the_host_of_a_request_has_no_say_in_a_mail(site: Site) -> None:
    site.make()
    headers = {**BROWSER, "host": "evil.example", "x-forwarded-host": "evil.example", "sec-fetch-site": "same-origin"}
    site.client.post("/account/forgotten", data={"email": EMAIL}, headers=headers)
    assert "evil" not in site.mails[-1].text


def test_C15_a_link_that_two_show_at_once_is_taken_once(on_disk: Site) -> None:
    site = on_disk
    site.make()
    site.send("/account/forgotten", email=EMAIL)
    link, barrier, statuses = site.link(), threading.Barrier(4), []

    def show(number: int) -> None:
        client = site.other()
        barrier.wait(10)
        statuses.append(site.send(link, client, password=f"password number {number}").status)

    threads = [threading.Thread(target=show, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 410, 410, 410]


# -- the address -----------------------------------------------------------------------------------------------------


def test_both_sides_confirm_a_new_address(site: Site) -> None:
    site.make()
    site.log_in()
    assert site.send("/account/email", email="new@example.org", password="wrong").status == 422
    site.send("/account/email", email="new@example.org", password=PASSWORD)
    asked = {str(each.to[0].address): each for each in site.mails[-2:]}
    assert set(asked) == {EMAIL, "new@example.org"}
    assert site.send(site.link(-1)).status == 303
    assert site.client.get("/me").text == EMAIL
    assert site.send(site.link(-2)).status == 303
    assert site.client.get("/me").text == "new@example.org"
    assert str(site.mails[-1].to[0].address) == EMAIL  # The old one is told.


def test_C15_an_address_that_was_taken_meanwhile_stays_its_owner_s(site: Site) -> None:
    site.make()
    site.log_in()
    site.send("/account/email", email="new@example.org", password=PASSWORD)
    other = site.make("new@example.org")
    assert [site.send(site.link(number)).status for number in (-2, -1)] == [303, 303]
    assert site.client.get("/me").text == EMAIL and site.find("new@example.org").id == other.id


def test_C11_a_change_of_address_does_not_tell_if_one_is_taken(site: Site) -> None:
    site.make()
    site.make("taken@example.org")
    site.log_in()
    page = site.send("/account/email", email="taken@example.org", password=PASSWORD)
    assert page.status == 200 and "Look at your mail" in page.text
    assert [str(each.to[0].address) for each in site.mails] == [EMAIL]
    site.send(site.link())
    assert site.client.get("/me").text == EMAIL


# -- devices, export, the end ----------------------------------------------------------------------------------------


def test_devices_are_listed_and_ended(site: Site) -> None:
    site.make()
    site.make("other@example.org")
    first, second = site.other(), site.other()
    for client in (site.client, first, second):
        site.log_in(client=client)
    stranger = site.other()
    site.log_in("other@example.org", client=stranger)
    page = site.client.get("/account", headers=BROWSER).text
    assert page.count("Log out there") == 2 and page.count("this one") == 1
    key = page.partition("/account/devices/")[2].partition("/")[0]
    assert site.send(f"/account/devices/{key}/end", stranger).status == 303  # Nobody else's.
    assert {first.get("/me").status, second.get("/me").status} == {200}
    site.send(f"/account/devices/{key}/end")
    assert sorted([first.get("/me").status, second.get("/me").status]) == [200, 401]
    site.send("/account/devices/end")
    assert (site.client.get("/me").status, first.get("/me").status, second.get("/me").status) == (200, 401, 401)
    assert stranger.get("/me").status == 200


def test_what_is_kept_is_exported_without_what_opens_anything(site: Site) -> None:
    site.make(nickname="Zoë")
    site.log_in()
    answer = site.client.get("/account/export")
    found = answer.json()
    assert (found["user"]["nickname"], found["events"][0]["kind"]) == ("Zoë", "login")
    assert "password" not in found["user"] and "attachment" in answer.headers["content-disposition"]


def test_roles_devices_and_factors_are_exported(site: Site) -> None:
    user = site.make()
    tables, now = site.auth.tables, site.auth.terms.clock()
    site.grant(user, "editors", "news.publish")
    with site.app.session() as db:
        db.add(tables.totp(user_id=user.id, secret=b"the secret of an app", confirmed_at=now))
        db.add(tables.recovery_code(user_id=user.id, digest="0" * 64))
    log_in(site.client, user, "pwd", "otp")
    log_in(site.other(), user)
    answer = site.client.get("/account/export")
    found = answer.json()
    assert [(each["name"], each["permissions"]) for each in found["roles"]] == [("editors", ["news.publish"])]
    assert len(found["devices"]) == 2 and all("key" not in each and each["seen_at"] for each in found["devices"])
    assert found["totp"]["confirmed_at"] and "secret" not in found["totp"] and found["recovery_codes"] == 1
    assert "0" * 64 not in answer.text and "the secret" not in answer.text


def test_an_account_ends(site: Site) -> None:
    user = site.make()
    elsewhere = site.other()
    site.log_in(client=elsewhere)
    site.log_in()
    assert site.send("/account/close", password=PASSWORD).status == 422
    assert site.send("/account/close", password="wrong", sure="true").status == 422
    assert site.send("/account/close", password=PASSWORD, sure="true").headers["location"] == "/account/login"
    assert (site.find(), site.client.get("/me").status, elsewhere.get("/me").status) == (None, 401, 401)
    event = site.auth.tables.event
    with site.app.session() as db:
        last = db.scalars(select(event).where(event.kind == "account-closed")).one()
        assert (last.user, last.agent) == (user.key, "A browser")


def test_the_pages_of_an_account_are_its_owners(site: Site) -> None:
    for path in ("", "/password", "/email", "/close", "/export"):
        assert site.client.get(f"/account{path}").json()["code"] == "login-required"
    for path in ("/password", "/email", "/close", "/devices/end"):
        assert site.client.post(f"/account{path}", json={}).status == 401


# -- from a program --------------------------------------------------------------------------------------------------


def test_programs_send_json(site: Site) -> None:
    site.make()
    answer = site.client.post("/account/login", json={"email": EMAIL, "password": "wrong"})
    assert (answer.status, answer.json()["code"]) == (422, "form-error")
    assert site.client.post("/account/login", json={"email": EMAIL, "password": PASSWORD}, follow=False).status == 303
    assert site.client.get("/me").text == EMAIL


def test_accounts_are_worked_with_in_handlers() -> None:
    site = Site()

    @site.app.post("/make")
    async def make(accounts: Accounts[User], email: str, password: str) -> str:
        try:
            return accounts.create(email, password, nickname="By hand").key
        except PasswordRefused as refused:
            return " ".join(refused.reasons)

    @site.app.post("/enter")
    async def enter(accounts: Accounts[User], email: str) -> None:
        user = accounts.find(email)
        assert user is not None
        accounts.log_in(user, "hwk")

    @site.app.get("/me")
    async def me(user: User) -> str:
        return user.nickname

    with site.running():
        assert "characters" in site.client.post("/make", query={"email": EMAIL, "password": "a"}).text
        assert site.client.post("/make", query={"email": EMAIL, "password": PASSWORD}).text == site.find().key
        site.client.post("/enter", query={"email": EMAIL}).expect(204)
        assert site.client.get("/me").text == "By hand"


def test_with_sessions_in_cookies_everything_but_the_list_works() -> None:
    site = Site()

    @site.app.get("/me")
    def me(user: User) -> str:
        return user.email

    with site.running(Sessions(CookieSessions())):
        site.make()
        elsewhere = site.other()
        site.log_in(client=elsewhere)
        site.log_in()
        assert "Log out there" not in site.client.get("/account", headers=BROWSER).text
        site.send("/account/devices/end")
        assert (site.client.get("/me").status, elsewhere.get("/me").status) == (200, 401)


def test_with_an_outbox_mail_is_a_row_of_the_transaction() -> None:
    site = Site()
    with site.running(Outbox()):
        site.send("/account/sign-up", email=EMAIL, password=PASSWORD)
        settle(site.app)
        assert len(site.mails) == 1


def test_mail_goes_somewhere_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://diary.example")
    site = Site()
    site.app.use(site.database, site.auth)
    with Client(site.app):
        mailing = site.app.plugin(Mailing)
        assert (
            mailing.compose("account/mail/sign-up-again", EMAIL, site="The site").text.count("https://diary.example")
            == 2
        )
    assert Base.metadata is site.database.metadata


def test_nobody_takes_an_account_over_by_making_it_first(site: Site) -> None:
    thief, owner = site.other(), site.other()
    site.send("/account/sign-up", thief, email=EMAIL, password="the thief's password")
    theirs = site.link()
    site.send("/account/sign-up", owner, email=EMAIL, password=PASSWORD)
    site.send("/account/sign-up", thief, email=EMAIL, password="the thief's password")
    again = site.link()
    # The owner opens each of them: those that the thief has made ask for a password that the owner has not chosen.
    for link in (theirs, again):
        assert "that you have chosen" in owner.get(link, headers=BROWSER).text
        assert site.send(link, owner).status == 422
        assert site.send(link, owner, password=PASSWORD).status == 422
    mine = site.link(1)
    assert "that you have chosen" not in owner.get(mine, headers=BROWSER).text
    assert "that you have chosen" in site.other().get(mine, headers=BROWSER).text
    assert site.send(mine, site.other(), password=PASSWORD).status == 303  # On the phone, say.
    assert site.log_in(password="the thief's password", client=thief).status == 422
    assert site.log_in(client=owner).status == 303
    assert site.send(theirs, thief).status == 410


def test_who_has_no_password_proves_it_otherwise(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    user = site.make(password=None)
    log_in(site.client, user, "hwk")
    clock.go_on(11 * 60)
    forms = {"password": {"new": NEW}, "email": {"email": "new@example.org"}, "close": {"sure": "true"}}
    for path, fields in forms.items():
        answer = site.send(f"/account/{path}", **fields)
        assert answer.headers["location"] == "/account/confirm-login", path
    log_in(site.client, user, "hwk")
    assert site.send("/account/password", new=NEW).headers["location"] == "/account"
    assert site.send("/account/password", new="another new password").status == 422  # Now it has one.


def test_what_was_set_up_before_an_address_was_proven_goes(site: Site) -> None:
    user = site.make(email_confirmed_at=None)
    with site.app.session() as db:
        db.add(site.auth.tables.passkey(user_id=user.id, name="A stranger's", credential="x", public_key=b""))
    site.send("/account/forgotten", email=EMAIL)
    site.send(site.link(), password=NEW)
    with site.app.session() as db:
        assert db.scalars(select(site.auth.tables.passkey)).all() == []


def test_check_finds_nothing_in_an_app_that_only_has_login() -> None:
    with Site().running() as site:
        assert [fault for check in site.app.checks for fault in check()] == []


def test_links_that_have_ended_are_removed(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    link = site.auth.tables.link
    site.make()
    site.send("/account/forgotten", email=EMAIL)
    clock.go_on(2 * 86400)
    site.log_in()
    with site.app.session() as db:
        assert db.scalars(select(link.id)).all() == []


@pytest.mark.parametrize(("days", "left"), [(365, ["login"]), (None, ["login", "login"])])
def test_old_lines_of_the_trail_are_removed(days: float | None, left: list[str]) -> None:
    site = Site(clock=(clock := Clock()), events=days)
    event = site.auth.tables.event
    with site.running():
        site.make()
        with site.app.session() as db:
            db.add_all([event(kind="mass", created_at=clock.now) for _ in range(2500)])
        site.log_in()
        clock.go_on(364 * 86400)
        site.log_in(client=site.other())
        assert len(site.events()) == 2502
        clock.go_on(2 * 86400)
        site.client.get("/account/forgotten", headers=BROWSER)
        site.send("/account/logout", site.other())
        assert [each for each in site.events() if each != "mass"] == left
        assert site.events().count("mass") == (0 if days else 2500)


@pytest.mark.parametrize("days", [0, -1, float("nan"), 1e9])
def test_days_that_are_none(days: float) -> None:
    with pytest.raises(SetupError, match="bad-login-setting"):
        Auth(User, events=days)


class Writing(Passwords):
    """Hashes, and lets somebody else write while it does."""

    site: Site | None = None

    def hash(self, password: str) -> str:
        if self.site is not None:
            with self.site.app.session() as db:
                db.execute(update(User).values(nickname="written meanwhile"))
        return super().hash(password)


def test_while_a_new_password_is_hashed_others_write(tmp_path: Path) -> None:
    """On SQLite who writes has the one lock there is."""
    passwords = Writing(memory=8, passes=1)
    with Site("wsgi", url=f"sqlite:///{tmp_path}/site.db", passwords=passwords).running() as site:
        site.make()
        site.send("/account/forgotten", email=EMAIL)
        link, passwords.site = site.link(), site
        assert site.send(link, password=NEW).headers["location"] == "/account/login"
        assert (site.find().nickname, site.send(link, password=NEW).status) == ("written meanwhile", 410)
        assert site.log_in(password=NEW).status == 303
        assert site.send("/account/password", old=NEW, new=PASSWORD).status == 303


def test_C15_each_side_of_a_change_of_address_counts_once(site: Site) -> None:
    site.make()
    site.log_in()
    site.send("/account/email", email="new@example.org", password=PASSWORD)
    mine = site.link(-2)
    assert [site.send(mine).status for _ in range(2)] == [303, 410]
    assert site.client.get("/me").text == EMAIL
