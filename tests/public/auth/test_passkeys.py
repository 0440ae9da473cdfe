"""Passkeys: made, shown instead of a password or after one, and attacked; the browser's part is written out here."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from auth.authenticator import Authenticator, raw, text
from auth.factors import CODES, Clock, at_once, begun_anew, rows, set_up_totp, shown, site_with
from auth.site import BROWSER, Site
from wholestack import App, SetupError
from wholestack.auth import TOTP, MagicLink, OpenIDConnect, Passkeys, Throttle
from wholestack.db import Database, update
from wholestack.mail import Mailing
from wholestack.middleware import AllowedHosts
from wholestack.testing import Answer, Client

OTHER = "bo@example.org"
NEW, LOGIN, FACTOR = "/account/passkeys", "/account/passkey", "/account/second-factor/passkey"


@pytest.fixture(scope="module", params=["asgi", "wsgi", "rsgi"])
def kept_each(request: pytest.FixtureRequest) -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with(request.param)
    with site.running(Passkeys()):
        yield site, clock


@pytest.fixture
def each(kept_each: tuple[Site, Clock]) -> tuple[Site, Clock]:
    site, clock = begun_anew(*kept_each)
    site.make()
    site.log_in()
    return site, clock


@pytest.fixture(scope="module")
def kept_on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with("wsgi", url=f"sqlite:///{tmp_path_factory.mktemp('passkeys')}/site.db")
    with site.running(Passkeys()):
        yield site, clock


@pytest.fixture
def on_disk(kept_on_disk: tuple[Site, Clock]) -> Site:
    """Where several browsers are answered at once."""
    site, _ = begun_anew(*kept_on_disk)
    site.make()
    site.log_in()
    return site


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with()
    with site.running(TOTP(), Passkeys()):
        yield site, clock


@pytest.fixture
def found(kept: tuple[Site, Clock]) -> tuple[Site, Clock]:
    site, clock = begun_anew(*kept)
    site.make()
    site.log_in()
    return site, clock


def options(path: str, client: Client) -> Any:
    return client.post(f"{path}/options", headers={"accept": "application/json"}).expect(200).json()


def add(site: Site, key: Authenticator, client: Client | None = None, name: str = "A key", **lies: Any) -> Answer:
    client = client or site.client
    return site.send(NEW, client, name=name, credential=key.create(options(NEW, client), **lies))


def show(site: Site, key: Authenticator, client: Client, path: str = LOGIN, **lies: Any) -> Answer:
    return site.send(path, client, credential=key.show(options(path, client), **lies))


def is_in(client: Client) -> bool:
    return bool(client.get("/methods").json())


def without_password(site: Site) -> None:
    with site.app.session() as db:
        db.execute(update(site.user).values(password=None))


# -- the whole way ---------------------------------------------------------------------------------------------------


def test_made_and_shown_instead_of_a_password(each: tuple[Site, Clock]) -> None:
    site, _ = each
    key = Authenticator()
    answer = add(site, key)
    assert len(CODES.findall(answer.text)) == 10 and site.client.get("/strong").json() == ["hwk", "pwd"]
    browser = site.other()
    page = browser.get("/account/login?next=/strong", headers=BROWSER).text
    assert 'action="/account/passkey?next=%2Fstrong"' in page
    script = re.search(r'src="(/-/passkeys\.[0-9a-f]{12}\.js)"', page)
    assert script is not None
    given = browser.get(script[1])
    assert (
        given.headers["content-type"] == "text/javascript; charset=utf-8"
        and "immutable" in given.headers["cache-control"]
    )
    assert browser.get("/-/passkeys.x.js").headers["cache-control"] == "no-cache"
    asked = options(LOGIN, browser)["publicKey"]
    assert (asked["userVerification"], asked["rpId"]) == ("required", "testserver")
    assert "allowCredentials" not in asked and len(raw(asked["challenge"])) == 32
    answer = site.send(f"{LOGIN}?next=/strong", browser, credential=key.show(options(LOGIN, browser)))
    assert (answer.headers["location"], browser.get("/strong").json()) == ("/strong", ["hwk", "user"])
    assert [mail.subject for mail in site.mails][:1] == ["A second factor was added"]
    assert "passkey-added" in site.events()


def test_shown_as_the_second_factor(each: tuple[Site, Clock]) -> None:
    site, _ = each
    key = Authenticator()
    key.flags = 1  # Of a key without a finger or a code.
    add(site, key)
    browser = site.other()
    answer = site.log_in(client=browser)
    assert answer.headers["location"] == "/account/second-factor"
    page = shown(browser, answer)
    assert 'data-passkey="get"' in page and 'name="code"' not in page
    asked = options(FACTOR, browser)["publicKey"]
    assert (asked["userVerification"], [each["id"] for each in asked["allowCredentials"]]) == (
        "preferred",
        [text(key.id)],
    )
    answer = site.send(f"{FACTOR}?next=/strong", browser, credential=key.show(options(FACTOR, browser)))
    assert answer.headers["location"] == "/strong" and browser.get("/strong").json() == ["hwk", "mfa", "pwd"]
    # Alone it opens nothing.
    assert show(site, key, (alone := site.other())).headers["location"] == "/account/login" and not is_in(alone)
    assert "second factor only" in browser.get("/account/factors", headers=BROWSER).text


def test_several_are_named_and_taken_away(found: tuple[Site, Clock]) -> None:
    site, _ = found
    first, second = Authenticator(), Authenticator()
    add(site, first, name=" Phone ")
    second.flags |= 8 | 16
    asked = options(NEW, site.client)["publicKey"]
    assert [each["id"] for each in asked["excludeCredentials"]] == [text(first.id)]
    assert (asked["authenticatorSelection"]["residentKey"], raw(asked["user"]["id"])) == (
        "preferred",
        site.find().key.encode(),
    )
    assert add(site, second, name="Key & ring").headers["location"] == "/account/factors"
    page = site.client.get("/account/factors", headers=BROWSER).text
    assert "<strong>Phone</strong>" in page and "Key &amp; ring</strong>" in page and page.count("backed up") == 1
    (one, _), (two, _) = sorted(rows(site, "passkey", "id", "name"), key=lambda row: str(row[1] != "Phone"))
    site.send(f"{NEW}/{two}/rename", name="Ring")
    assert dict(rows(site, "passkey", "id", "name")) == {one: "Phone", two: "Ring"}
    site.send(f"{NEW}/{one}/remove")
    assert [name for (name,) in rows(site, "passkey", "name")] == ["Ring"]
    assert len(rows(site, "recovery_code", "id")) == 10  # There is another factor.
    site.send(f"{NEW}/{two}/remove")
    assert rows(site, "recovery_code", "id") == []
    assert [event for event in site.events() if event.startswith("passkey-")] == [
        "passkey-added",
        "passkey-added",
        "passkey-renamed",
        "passkey-removed",
        "passkey-removed",
    ]
    assert site.client.post(f"{NEW}/{one}/remove", headers=BROWSER).status == 404


def test_C18_of_somebody_else_nothing_is_changed(found: tuple[Site, Clock]) -> None:
    site, _ = found
    add(site, Authenticator())
    site.make(OTHER)
    site.log_in(OTHER, client=(other := site.other()))
    [(key,)] = rows(site, "passkey", "id")
    for path in ("rename", "remove"):
        assert site.send(f"{NEW}/{key}/{path}", other, name="Mine").status == 404
    assert rows(site, "passkey", "name") == [("A key",)]


def test_the_last_way_in_stays(on_disk: Site) -> None:
    site = on_disk
    keys = [Authenticator(), Authenticator()]
    for key in keys:
        add(site, key)
    weak = Authenticator()
    weak.flags = 1  # Good as a second factor only: no way in.
    add(site, weak)
    without_password(site)
    strong = [key for key, verifies in rows(site, "passkey", "id", "verifies") if verifies]
    twins = [site.client, site.other()]
    twins[1].cookies.update(dict(site.client.cookies))
    at_once(
        *(lambda pair=pair: site.send(f"{NEW}/{pair[0]}/remove", pair[1]) for pair in zip(strong, twins, strict=True))
    )
    [left] = [key for key, verifies in rows(site, "passkey", "id", "verifies") if verifies]
    answer = site.send(f"{NEW}/{left}/remove")
    assert "your only way in" in shown(site.client, answer) and len(rows(site, "passkey", "id")) == 2


def test_a_mail_is_another_way_in() -> None:
    site, _ = site_with()
    with site.running(MagicLink(), Passkeys()):
        site.make()
        site.log_in()
        add(site, Authenticator())
        without_password(site)
        [(key,)] = rows(site, "passkey", "id")
        site.send(f"{NEW}/{key}/remove")
        assert rows(site, "passkey", "id") == []


def test_a_login_at_a_provider_that_the_app_has_left_is_none() -> None:
    site, _ = site_with()
    known: Any = {"client_id": "x", "client_secret": "y"}
    with site.running(Passkeys(), OpenIDConnect("example", "https://accounts.example.org", **known)):
        site.make()
        site.log_in()
        add(site, Authenticator())
        without_password(site)
        [(key,)] = rows(site, "passkey", "id")
        external = site.auth.tables.external
        with site.app.session() as db:
            db.add(external(user_id=site.find().id, issuer="https://left.example.org", subject="a"))
        assert "your only way in" in shown(site.client, site.send(f"{NEW}/{key}/remove"))
        assert len(rows(site, "passkey", "id")) == 1
        with site.app.session() as db:
            db.add(external(user_id=site.find().id, issuer="https://accounts.example.org", subject="b"))
        site.send(f"{NEW}/{key}/remove")
        assert rows(site, "passkey", "id") == []


def test_who_has_no_password_confirms_by_a_passkey(found: tuple[Site, Clock]) -> None:
    site, clock = found
    key = Authenticator()
    add(site, key)
    without_password(site)
    show(site, key, (browser := site.other()))
    clock.go_on(3600)
    assert browser.get("/fresh").status == 403
    assert options(FACTOR, browser)["publicKey"]["userVerification"] == "required"
    key.flags = 1
    assert show(site, key, browser, FACTOR).headers["location"] == "/account/second-factor"
    assert browser.get("/fresh").status == 403  # Who sits down at an open browser may touch a key that is in it.
    key.flags = 1 | 4
    answer = site.send(f"{FACTOR}?next=/fresh", browser, credential=key.show(options(FACTOR, browser)))
    assert answer.headers["location"] == "/fresh" and browser.get("/fresh").text == "fresh"


def test_to_make_one_is_for_who_has_just_logged_in(found: tuple[Site, Clock]) -> None:
    site, clock = found
    set_up_totp(site, clock)
    clock.go_on(3600)
    for path in (f"{NEW}/options", NEW):
        answer = site.send(path, name="x", credential="{}")
        assert answer.headers["location"].startswith("/account/confirm-login"), path
    assert site.client.post(f"{NEW}/options").json()["code"] == "login-too-old"
    assert site.other().post(f"{FACTOR}/options").json()["code"] == "login-required"
    assert site.send(FACTOR, site.other(), credential="{}").headers["location"] == "/account/login"


def test_who_is_closed_out_does_not_come_in(found: tuple[Site, Clock]) -> None:
    site, _ = found
    key = Authenticator()
    add(site, key)
    for closed in ({"is_active": False}, {"is_active": True, "email_confirmed_at": None}):
        with site.app.session() as db:
            db.execute(update(site.user).values(closed))
        answer = show(site, key, (browser := site.other()))
        assert "closed, or its address is not confirmed" in shown(browser, answer) and not is_in(browser)


# -- what proves nothing ---------------------------------------------------------------------------------------------


LIES: dict[str, dict[str, Any]] = {
    "another site": {"origin": "https://evil.example"},
    "a site that is called alike": {"origin": "http://testserver.evil.example"},
    "another port": {"origin": "http://testserver:8443"},
    "made for another domain": {"rp_id": "evil.example"},
    "nobody has touched it": {"flags": 4},
    "a copy of what cannot be copied": {"flags": 1 | 4 | 16},
    "in a frame of another site": {"said": {"crossOrigin": True}},
    "on a page of another site": {"said": {"topOrigin": "https://evil.example"}},
    "another kind of answer": {"said": {"type": "webauthn.other"}},
    "an id that is too long": {"id": b"x" * 1024},
    "an algorithm that was not asked for": {"cose": {1: 2, 3: -35, -1: 1, -2: b"x" * 32, -3: b"y" * 32}},
}


@pytest.mark.parametrize("made", ["new", "shown"])
def test_answers_that_prove_nothing(found: tuple[Site, Clock], made: str) -> None:
    site, _ = found
    key = Authenticator()
    if made == "shown":
        add(site, key)
    before, honest = len(rows(site, "passkey", "id")), dict(vars(key))
    for what, lie in LIES.items():
        if made == "shown" and what.startswith(("an id", "an algorithm")):
            continue
        vars(key).update(lie)
        browser = site.client if made == "new" else site.other()
        answer = add(site, key) if made == "new" else show(site, key, browser)
        assert answer.status == 303 and "This passkey" in shown(browser, answer), what
        assert len(rows(site, "passkey", "id")) == before, what
        assert made == "new" or not is_in(browser), what
        vars(key).update(honest)
    assert (add(site, key) if made == "new" else show(site, key, site.other())).status in {200, 303}


def test_what_is_no_answer_is_refused(found: tuple[Site, Clock]) -> None:
    site, _ = found
    key = Authenticator()
    add(site, key)
    sent = key.show(options(LOGIN, site.other()))
    broken = ["", "null", "[]", "{}", "7", "nonsense", "[" * 5000, '{"response": {"clientDataJSON": 7}}', sent[:-9]]
    broken += [json.dumps({**json.loads(sent), "rawId": each}) for each in ("", "💥", None, {"a": 1}, "AAAA")]
    for each in broken:
        for path in (LOGIN, NEW):
            browser = site.other() if path == LOGIN else site.client
            answer = site.send(path, browser, name="x", credential=each)
            assert answer.status == 303 or (each == "" and answer.status == 422), (path, each[:30])
    assert len(rows(site, "passkey", "id")) == 1


def test_parts_that_were_tampered_with(found: tuple[Site, Clock]) -> None:
    site, _ = found
    key, other = Authenticator(), Authenticator()
    add(site, key)

    def flip(data: bytes, at: int) -> str:
        return text(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])

    for part in ("signature", "authenticatorData", "clientDataJSON"):
        browser = site.other()
        asked = options(LOGIN, browser)
        honest = json.loads(key.show(asked))["response"][part]
        sent = json.loads(key.show(asked, **{part: flip(raw(honest), len(raw(honest)) // 2)}))
        site.send(LOGIN, browser, credential=json.dumps(sent))
        assert not is_in(browser), part
    browser = site.other()
    other.id, other.handle = key.id, key.handle  # Another key under its name.
    show(site, other, browser)
    assert not is_in(browser)
    asked = options(NEW, site.client)
    honest = json.loads(Authenticator().create(asked))["response"]["attestationObject"]
    for at in (0, 30, len(raw(honest)) - 1, len(raw(honest)) // 2):
        site.send(
            NEW,
            name="x",
            credential=Authenticator().create(options(NEW, site.client), attestationObject=flip(raw(honest), at)),
        )
    assert len(rows(site, "passkey", "id")) == 1


def test_an_answer_counts_once_and_where_it_was_asked_for(found: tuple[Site, Clock]) -> None:
    site, clock = found
    key = Authenticator()
    add(site, key)
    browser, thief, late = site.other(), site.other(), site.other()
    sent = key.show(options(LOGIN, browser))
    options(LOGIN, thief)
    site.send(LOGIN, thief, credential=sent)  # Taken on its way, and shown first.
    assert not is_in(thief)
    site.send(LOGIN, browser, credential=sent)
    assert not is_in(browser)  # It has ended by that.
    sent = key.show(options(LOGIN, browser))
    site.send(LOGIN, browser, credential=sent)
    assert is_in(browser)
    site.send("/account/logout", browser)
    site.send(LOGIN, browser, credential=sent)
    assert not is_in(browser)
    sent = key.show(options(LOGIN, late))
    clock.go_on(601)
    site.send(LOGIN, late, credential=sent)
    assert not is_in(late)
    # A challenge for one thing is none for another.
    site.log_in(client=late)
    assert (
        site.send(FACTOR, late, credential=key.show(options(LOGIN, late))).headers["location"]
        == "/account/second-factor"
    )
    assert site.send(LOGIN, late, credential=key.show(options(FACTOR, late))).headers["location"] == "/account/login"
    assert not is_in(late)


def test_of_two_who_show_an_answer_at_once_one_passes(on_disk: Site) -> None:
    site = on_disk
    key = Authenticator()
    add(site, key)
    browser = site.other()
    sent = key.show(options(LOGIN, browser))
    twins = [site.other() for _ in range(4)]
    for twin in twins:
        twin.cookies.update(dict(browser.cookies))
    at_once(*(lambda each=each: site.send(LOGIN, each, credential=sent) for each in twins))
    assert [is_in(twin) for twin in twins].count(True) == 1


def test_one_user_s_passkey_is_not_another_s(found: tuple[Site, Clock]) -> None:
    site, _ = found
    mine, theirs = Authenticator(), Authenticator()
    add(site, mine)
    site.make(OTHER)
    site.log_in(OTHER, client=(other := site.other()))
    add(site, theirs, other)
    site.log_in(client=(browser := site.other()))
    show(site, theirs, browser, FACTOR)  # After the password of somebody whom it does not belong to.
    assert not is_in(browser)
    # It says that it is somebody else's, or does not say whose it is.
    for handle in (mine.handle, b"", b"nobody"):
        show(site, theirs, browser, userHandle=text(handle))
        assert not is_in(browser), handle
    # As a second factor it need not say it.
    show(site, mine, browser, FACTOR, userHandle=None)
    assert is_in(browser)
    # Whoever registers another's passkey gets none.
    mine.handle = theirs.handle
    answer = add(site, mine, other)
    assert "could not be taken" in shown(other, answer) and len(rows(site, "passkey", "id")) == 2
    # Nor with a challenge that the other was asked with.
    sent = Authenticator().create(options(NEW, site.client))
    site.send(NEW, other, name="x", credential=sent)
    assert len(rows(site, "passkey", "id")) == 2


def test_a_counter_that_goes_back_is_a_copy(found: tuple[Site, Clock]) -> None:
    site, _ = found
    key = Authenticator()
    key.count = 10
    add(site, key)
    show(site, key, (browser := site.other()))
    assert is_in(browser) and rows(site, "passkey", "sign_count") == [(12,)]
    for count in (5, 11):  # The next are 6 and 12: lower, and the same.
        key.count = count
        show(site, key, (thief := site.other()))
        assert not is_in(thief) and rows(site, "passkey", "sign_count") == [(12,)], count
    assert site.events().count("passkey-copied") == 2
    assert site.mails[-1].subject == "A passkey was refused" and "A key" in site.mails[-1].text
    key.count = 12
    show(site, key, (again := site.other()))
    assert is_in(again)


def test_what_is_said_of_copies_does_not_change(found: tuple[Site, Clock]) -> None:
    site, _ = found
    key = Authenticator()
    key.flags |= 8
    add(site, key)
    key.flags |= 16
    show(site, key, (browser := site.other()))
    assert is_in(browser) and rows(site, "passkey", "backed_up") == [(True,)]  # Backed up meanwhile.
    key.flags = 1 | 4
    show(site, key, (thief := site.other()))
    assert not is_in(thief)


def test_there_is_an_end_to_how_many_there_are(found: tuple[Site, Clock]) -> None:
    site, _ = found
    add(site, Authenticator())
    table = site.auth.tables.passkey
    with site.app.session() as db:
        owner = site.find().id
        for number in range(24):
            db.add(table(user_id=owner, name="x", credential=f"id{number}", public_key=b"x"))
    assert "could not be taken" in shown(site.client, add(site, Authenticator()))


# -- who tries too often ---------------------------------------------------------------------------------------------


def test_visitors_do_not_fill_the_trail_nor_the_table_of_links() -> None:
    few: Any = {"free": 3}
    site, _ = site_with(throttle=Throttle(clock=lambda: 1.8e9, address=few, passkey=few))
    with site.running(Passkeys()):
        sent = [site.send(LOGIN, site.other(), credential="{}") for _ in range(6)]
        assert [answer.status for answer in sent] == [303] * 3 + [429] * 3 and sent[-1].headers["retry-after"] == "20"
        assert site.events() == ["login-failed"] * 3
        asked = [site.other().post(f"{LOGIN}/options") for _ in range(6)]
        assert [answer.status for answer in asked] == [200] * 3 + [429] * 3
        assert asked[-1].json()["code"] == "too-many-logins"
        assert len(rows(site, "link", "id")) == len(rows(site, "event", "id")) == 3


def test_a_login_that_is_right_takes_its_try_back() -> None:
    few: Any = {"free": 3}
    site, _ = site_with(throttle=Throttle(clock=lambda: 1.8e9, address=few, passkey=few))
    with site.running(Passkeys()):
        site.make()
        site.log_in()
        add(site, key := Authenticator())
        for _ in range(6):
            show(site, key, (browser := site.other()))
            assert is_in(browser)


def test_wrong_ones_as_a_second_factor_are_counted_and_lock_nobody_out() -> None:
    """By who has found a password: the trail is not theirs to fill, and its owner comes in from elsewhere meanwhile."""
    few: Any = {"free": 3}
    site, _ = site_with(throttle=Throttle(clock=lambda: 1.8e9, address=few, passkey=few))
    with site.running(Passkeys()):
        site.make()
        site.log_in()
        add(site, key := Authenticator())
        attacker = Client(site.app, interface=site.interface, address="203.0.113.9")
        site.log_in(client=attacker)
        sent = [show(site, Authenticator(), attacker, FACTOR).status for _ in range(3)]
        assert sent == [303] * 3 and site.events().count("second-factor-failed") == 3
        assert attacker.post(f"{FACTOR}/options").status == 429
        assert site.send(FACTOR, attacker, credential="{}").status == 429
        assert site.events().count("second-factor-failed") == 3
        for _ in range(6):
            site.log_in(client=(browser := site.other()))
            show(site, key, browser, FACTOR)
            assert is_in(browser)


# -- which site it is ------------------------------------------------------------------------------------------------


def test_a_forged_host_is_no_other_site(found: tuple[Site, Clock]) -> None:
    site, _ = found
    answer = site.client.post(f"{LOGIN}/options", headers={"host": "evil.example", "accept": "application/json"})
    assert answer.json()["publicKey"]["rpId"] == "testserver"
    evil = Client(site.app, base_url="http://evil.example")
    key = Authenticator("http://evil.example", "evil.example")
    site.log_in(client=evil)
    answer = add(site, key, evil)
    assert rows(site, "passkey", "id") == [] and answer.status == 303


def sealed(*plugins: Any, base_url: str | None = None) -> Passkeys:
    site, _ = site_with()
    passkeys = next(each for each in plugins if isinstance(each, Passkeys))
    site.app.use(site.database, Mailing("a@example.org", "memory:", base_url=base_url), site.auth, *plugins)
    site.app.seal()
    return passkeys


def test_the_site_is_what_its_owner_says(monkeypatch: pytest.MonkeyPatch) -> None:
    party = sealed(Passkeys(), base_url="https://Shop.example:443/app").party
    assert (party.id, party.is_own("https://shop.example"), party.is_own("https://a.shop.example")) == (
        "shop.example",
        True,
        False,
    )
    party = sealed(Passkeys(), AllowedHosts("shop.example")).party
    assert (party.id, party.is_own("https://shop.example")) == ("shop.example", True)
    party = sealed(Passkeys(rp_id="shop.example", origins=["https://a.shop.example:8443"])).party
    assert party.is_own("https://a.shop.example:8443") and not party.is_own("https://shop.example")
    party = sealed(Passkeys(), base_url="http://127.0.0.1:8000").party
    assert (party.id, party.is_own("http://localhost:9000"), party.is_own("http://127.0.0.1:8000")) == (
        "localhost",
        True,
        False,
    )
    monkeypatch.setenv("BASE_URL", "https://known.example")
    assert sealed(Passkeys(), base_url="https://shop.example").party.id == "known.example"


def test_a_site_that_is_none_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [Passkeys(rp_id="shop.example", origins=["https://evilshop.example"]), Passkeys(rp_id="shop.example")]
    wrong += [Passkeys(rp_id="127.0.0.1"), Passkeys(origins="https://[::1]")]
    for each in wrong:
        with pytest.raises(SetupError, match="bad-passkeys"):
            sealed(each)
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    monkeypatch.setenv("SECRET_KEY", "s" * 40)
    for base_url in (None, "http://127.0.0.1:8000", "http://shop.example"):
        with pytest.raises(SetupError, match="bad-passkeys"):
            sealed(Passkeys(), base_url=base_url)


def test_they_need_login_and_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    app.use(Passkeys(rp_id="example.org"))
    with pytest.raises(SetupError, match="bad-passkeys"):
        app.seal()
    app = App()
    app.use(Database("sqlite://"), Passkeys())
    with pytest.raises(SetupError, match="no-plugin"):
        app.seal()
    with pytest.raises(RuntimeError, match="before their app is sealed"):
        _ = Passkeys().party
    assert repr(Passkeys()) == "<Passkeys>"
    monkeypatch.setitem(sys.modules, "fido2.server", None)
    with pytest.raises(SetupError, match="package-missing"):
        sealed(Passkeys())


def test_the_export_tells_of_passkeys_and_not_their_keys(found: tuple[Site, Clock]) -> None:
    site, _ = found
    add(site, Authenticator())
    [kept] = site.client.get("/account/export").json()["passkeys"]
    assert kept["name"] == "A key" and "public_key" not in kept
