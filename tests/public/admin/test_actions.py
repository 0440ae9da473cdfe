"""Actions on many rows: chosen, asked about, done to all or none, in the request or behind the scenes."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from sqlalchemy import select

from admin.bulk import VIEWS, BulkBooks, books, bulk_site, choose, confirm
from admin.site import BROWSER, Author, Book, Heard, Person, Review, Site, errors, login, post
from wholestack import SetupError, Upload
from wholestack.admin import AdminView, Selection, action
from wholestack.auth import Identity
from wholestack.db import Session
from wholestack.outbox import Outbox, settle


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with bulk_site().running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


@pytest.fixture(scope="module")
def kept_later() -> Iterator[Site]:
    with bulk_site().running(Outbox(embedded=False)) as site:
        yield site


@pytest.fixture
def later(kept_later: Site) -> Site:
    return kept_later.anew()


def in_print(site: Site) -> set[bool]:
    return {each.in_print for each in site.all(Book)}


def changes(site: Site) -> list[Any]:
    with site.app.session() as db:
        return list(db.execute(select(site.admin.history.rows).order_by(site.admin.history.rows.c.id)))


def job(site: Site) -> Any:
    rows = site.admin.runs.jobs.rows
    with site.app.session() as db:
        return db.execute(select(rows).order_by(rows.c.id.desc())).first()


# -- choosing ----------------------------------------------------------------------------------------------------------


def test_the_list_offers_what_the_reader_may_do(site: Site) -> None:
    login(site.client, "book.view", "book.take")
    books(site, 2)
    text = site.client.get("/admin/book", headers=BROWSER).text
    assert text.count('name="keys" form="bulk"') == 2
    assert '<option value="take">' in text
    assert '<option value="set_price">' not in text
    assert '<option value="delete">' not in text
    assert "/-/export" not in text
    assert "/-/import" not in text
    login(site.client, "book.view")
    assert 'name="keys"' not in site.client.get("/admin/book", headers=BROWSER).text


def test_chosen_rows_are_asked_about_then_changed_and_noted(site: Site) -> None:
    person = login(site.client, "book.view", "book.take")
    rows = books(site, 5)
    where = choose(site, "take", [rows[1].id, rows[3].id])
    asked = site.client.get(where, headers=BROWSER).text
    assert "Nobody can order these any more." in asked
    assert "<strong>2</strong>" in asked
    assert ("Book 1" in asked, "Book 2" in asked) == (True, False)
    assert in_print(site) == {True}
    done = confirm(site, where)
    assert (done.status, done.headers["location"]) == (303, "/admin/book?")
    assert [each.in_print for each in site.all(Book)] == [True, False, True, False, True]
    noted = changes(site)
    assert [(each.action, each.label, each.values) for each in noted] == [
        ("take", "Book 1", {"in_print": [True, False]}),
        ("take", "Book 3", {"in_print": [True, False]}),
    ]
    assert {each.user for each in noted} == {person.key}
    assert "2 rows" in site.client.get("/admin/book", headers=BROWSER).text


def test_the_page_and_all_that_match(site: Site) -> None:
    login(site.client, "*")
    books(site, 7)
    data = {"action": "take", "scope": "page", "page": " ".join(str(each.id) for each in site.all(Book)[:3])}
    confirm(site, post(site.client, "/admin/book/-/actions", data).headers["location"])
    assert [each.in_print for each in site.all(Book)].count(False) == 3
    back = confirm(site, choose(site, "take", query="?q=Book+6&cursor=x")).headers["location"]
    assert back == "/admin/book?q=Book+6"
    assert [each.title for each in site.all(Book) if not each.in_print] == ["Book 0", "Book 1", "Book 2", "Book 6"]


def test_nothing_chosen_is_told(site: Site) -> None:
    login(site.client, "*")
    books(site, 1)
    for data in ({"action": "take"}, {"action": "none", "scope": "all"}):
        assert post(site.client, "/admin/book/-/actions?q=x", data).headers["location"] == "/admin/book?q=x"
    text = site.client.get("/admin/book", headers=BROWSER).text
    assert "Choose some rows first." in text
    assert "Choose what is to be done." in text


def test_a_form_is_filled_in_first_and_told_what_is_wrong(site: Site) -> None:
    login(site.client, "book.view", "book.price")
    books(site, 3)
    where = choose(site, "set_price")
    wrong = confirm(site, where, price="much")
    assert (wrong.status, errors(wrong)) == (422, ["Enter a number."])
    assert {each.price for each in site.all(Book)} == {None}
    assert confirm(site, where, price="2.50").status == 303
    assert {str(each.price) for each in site.all(Book)} == {"2.5000"}
    assert "3 cost 2.50 now." in site.client.get("/admin/book", headers=BROWSER).text
    # It was written past the session, and is in the history all the same.
    assert [each.values for each in changes(site)] == [{"price": [None, "2.5000"]}] * 3


# -- who may -----------------------------------------------------------------------------------------------------------


def test_one_forbidden_of_500_and_nothing_happens(site: Site) -> None:
    login(site.client, "book.view", "book.take", "book.delete", "review.delete")
    rows = books(site, 500)
    with site.app.session() as db:
        locked = db.get(Book, rows[250].id)
        locked.summary, locked.title = "locked", "The <locked> one"
    for name in ("take", "delete"):
        where = choose(site, name, [each.id for each in rows])
        asked = site.client.get(where, headers=BROWSER).text
        assert "The &lt;locked&gt; one" in asked.partition("<strong>")[0]
        assert '<button class="danger">' not in asked
        refused = post(site.client, where, {"counted": 499})
        assert refused.status == 422
        assert "The &lt;locked&gt; one" in refused.text
        assert post(site.client, where, {"counted": 500}).status == 422
    assert (len(site.all(Book)), in_print(site), changes(site)) == (500, {True}, [])


def test_a_row_that_is_not_theirs_to_see_cannot_be_chosen(site: Site) -> None:
    login(site.client, "book.view", "book.take")
    rows = books(site, 3)
    site.book("Secret", summary="hidden")
    secret = site.all(Book)[-1]
    where = choose(site, "take", [rows[0].id, secret.id])
    asked = site.client.get(where, headers=BROWSER)
    assert "Secret" not in asked.text
    assert post(site.client, where, {"counted": 1}).status == 422
    assert post(site.client, where, {"counted": 2}).status == 422
    assert confirm(site, choose(site, "take")).status == 303  # all that match: the three that they see
    assert [each.in_print for each in site.all(Book)] == [False, False, False, True]


@pytest.mark.parametrize("missing", ["take", "view"])
def test_who_lacks_a_permission_is_refused_everywhere(site: Site, missing: str) -> None:
    login(site.client, "book.view", "book.take")
    rows = books(site, 2)
    where = choose(site, "take", [rows[0].id])
    login(site.client, *{"book.view", "book.take"} - {f"book.{missing}"})
    assert post(site.client, "/admin/book/-/actions", {"action": "take", "keys": rows[0].id}).status == 403
    assert site.client.get(where, headers=BROWSER).status in {403, 404}
    assert post(site.client, where, {"counted": 1}).status in {403, 404}
    assert in_print(site) == {True}


def test_a_job_is_its_owner_s_alone(site: Site) -> None:
    login(site.client, "*")
    rows = books(site, 1)
    where = choose(site, "take", [rows[0].id])
    number = where.rpartition("/")[2]
    other = site.other()
    login(other, "*")
    for path in (where, f"/admin/book/-/jobs/{number}", f"/admin/author/-/jobs/{number}", "/admin/book/-/jobs/99"):
        assert other.get(path, headers=BROWSER).status == 404
    for path in (where, f"/admin/book/-/jobs/{number}/cancel", f"/admin/book/-/jobs/{number}/resume"):
        assert post(other, path, {"counted": 1}).status == 404
    assert site.client.get(where.replace("/take/", "/delete/"), headers=BROWSER).status == 404
    assert in_print(site) == {True}


def test_other_rows_by_now_are_told(site: Site) -> None:
    login(site.client, "*")
    books(site, 2)
    where = choose(site, "take")
    site.book("Another")
    answer = post(site.client, where, {"counted": 2})
    assert (answer.status, "Other rows match by now" in answer.text) == (422, True)
    assert "<strong>3</strong>" in answer.text
    assert in_print(site) == {True}
    assert confirm(site, where).status == 303
    assert in_print(site) == {False}


def test_what_the_action_refuses_is_told_and_nothing_stays(site: Site) -> None:
    login(site.client, "*")
    books(site, 2)
    answer = confirm(site, choose(site, "fail"))
    assert (answer.status, "It is the wrong day for that." in answer.text) == (422, True)
    assert (in_print(site), changes(site)) == ({True}, [])


def test_sent_twice_it_is_done_once(site: Site) -> None:
    login(site.client, "*")
    books(site, 1)
    where = choose(site, "take")
    assert confirm(site, where).status == 303
    again = post(site.client, where, {"counted": 1})
    assert again.headers["location"].startswith("/admin/book/-/jobs/")
    assert "1 / 1" in site.client.get(again.headers["location"], headers=BROWSER).text
    assert len(changes(site)) == 1


# -- deleting ----------------------------------------------------------------------------------------------------------


def test_delete_says_what_goes_with_it(site: Site) -> None:
    login(site.client, "*")
    rows = books(site, 3)
    site.add(*(Review(book_id=each.id, stars=3) for each in rows for _ in range(2)))
    where = choose(site, "delete", [each.id for each in rows[:2]])
    assert "Reviews: 4" in site.client.get(where, headers=BROWSER).text
    assert confirm(site, where).status == 303
    assert [each.title for each in site.all(Book)] == ["Book 2"]
    assert len(site.all(Review)) == 2
    assert [each.action for each in changes(site) if each.model == "book"] == ["delete", "delete"]


def test_delete_looks_into_the_rows_alone_on_which_something_hangs(site: Site) -> None:
    login(site.client, "*")
    rows = books(site, 500)
    site.add(*(Review(book_id=each.id, stars=3) for each in rows[:250:125] for _ in range(2)))
    where = choose(site, "delete", [each.id for each in rows])
    with Heard() as statements:
        page = site.client.get(where, headers=BROWSER)
    assert page.status == 200 and "Reviews: 4" in page.text
    assert len(statements) < 60


def test_delete_without_the_permission_over_what_goes_with_it(site: Site) -> None:
    login(site.client, "book.view", "book.delete")
    (row,) = books(site, 1)
    site.add(Review(book_id=row.id, stars=3))
    where = choose(site, "delete", [row.id])
    assert "Something stands in the way" in site.client.get(where, headers=BROWSER).text
    assert post(site.client, where, {"counted": 1}).status == 422
    assert len(site.all(Book)) == 1


# -- many --------------------------------------------------------------------------------------------------------------


def test_many_without_an_outbox_in_one_request(site: Site) -> None:
    login(site.client, "*")
    books(site, 450)
    assert confirm(site, choose(site, "take")).headers["location"] == "/admin/book?"
    assert in_print(site) == {False}
    assert len(changes(site)) == 450


def test_many_through_the_outbox_with_a_page_that_tells_how_far(later: Site) -> None:
    login(later.client, "*")
    books(later, 450)
    where = choose(later, "take")
    assert "behind the scenes" in later.client.get(where, headers=BROWSER).text
    at = confirm(later, where).headers["location"]
    assert in_print(later) == {True}
    shown = later.client.get(at, headers=BROWSER)
    again = '<noscript><meta http-equiv="refresh" content="2"></noscript>'
    assert (again in shown.text, "0 / 450" in shown.text, 'aria-live="polite"' in shown.text) == (True, True, True)
    part = later.client.get(at, headers={**BROWSER, "hx-request": "true"}).text.strip()
    assert part.startswith('<div id="job"') and 'data-again="2"' in part and f'hx-get="{at}"' in part
    assert "0 / 450" in part and "<h1" not in part and f'action="{at}/cancel"' in part
    assert [each.state.value for each in settle(later.app)] == ["done"]
    shown = later.client.get(at, headers=BROWSER)
    assert ('http-equiv="refresh"' in shown.text, "data-again" in shown.text) == (False, False)
    assert ("hx-get" in shown.text, "450 / 450" in shown.text, "It is done." in shown.text) == (False, True, True)
    assert in_print(later) == {False}
    assert len(changes(later)) == 450
    assert {each.place for each in changes(later)} == {f"JOB {job(later).id}"}


def test_cancelled_before_and_in_the_middle_and_resumed(later: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    login(later.client, "*")
    books(later, 450)
    at = confirm(later, choose(later, "take")).headers["location"]
    assert post(later.client, f"{at}/cancel").status == 303
    assert settle(later.app) == []
    assert (job(later).state, in_print(later)) == ("cancelled", {True})
    assert "It was cancelled." in later.client.get(at, headers=BROWSER).text

    taken = BulkBooks.take
    calls = []

    def take(self: BulkBooks, books: Selection[Book], db: Any) -> None:
        taken(self, books, db)
        calls.append(len(books))
        if len(calls) == 2:  # Somebody cancels while the second batch is worked on.
            db.execute(later.admin.runs.jobs.rows.update().values(cancelling=True))

    monkeypatch.delattr(BulkBooks, "take")
    assert post(later.client, f"{at}/resume").status == 404, "an action that a release has no more"
    monkeypatch.setattr(BulkBooks, "take", action("Take from print", permission="take")(take), raising=False)
    assert post(later.client, f"{at}/resume").status == 303
    settle(later.app)
    assert (job(later).state, job(later).done, calls) == ("cancelled", 400, [200, 200])
    assert [each.in_print for each in later.all(Book)].count(False) == 400
    assert post(later.client, f"{at}/resume").status == 303
    settle(later.app)
    assert (job(later).state, job(later).done, calls) == ("done", 450, [200, 200, 50])
    assert len(changes(later)) == 450
    post(later.client, f"{at}/cancel")
    assert job(later).state == "done"


def test_a_crash_in_the_middle_goes_on_where_it_was(later: Site) -> None:
    login(later.client, "*")
    rows = books(later, 450)
    with later.app.session() as db:
        db.get(Book, rows[300].id).title = "Bad"
    at = confirm(later, choose(later, "break_it")).headers["location"]
    settle(later.app)
    # The first batch is done; of the second, in which it broke, nothing is.
    assert (job(later).state, job(later).done) == ("running", 200)
    assert [each.in_print for each in later.all(Book)].count(False) == 200
    for days in range(1, 5):
        settle(later.app, datetime.timedelta(days=days))
    assert "given up" in later.client.get(at, headers=BROWSER).text
    with later.app.session() as db:
        db.get(Book, rows[300].id).title = "Good"
    assert post(later.client, f"{at}/resume").status == 303
    settle(later.app)
    assert (job(later).state, job(later).done, len(changes(later))) == ("done", 450, 450)


def test_rights_that_are_gone_meanwhile_end_it(later: Site) -> None:
    person = login(later.client, "*")
    books(later, 450)
    at = confirm(later, choose(later, "take")).headers["location"]
    with later.app.session() as db:
        db.get(Person, person.id).is_superuser = False
    settle(later.app)
    assert (job(later).state, in_print(later)) == ("failed", {True})
    with later.app.session() as db:
        db.get(Person, person.id).is_superuser = True
    assert "You may not do this." in later.client.get(at, headers=BROWSER).text
    post(later.client, f"{at}/resume")
    with later.app.session() as db:
        db.get(Person, person.id).is_active = False
    settle(later.app)
    assert (job(later).state, in_print(later)) == ("failed", {True})


def test_a_row_that_is_locked_meanwhile_stops_it_and_is_named(later: Site) -> None:
    login(later.client, "book.view", "book.take")
    rows = books(later, 450)
    confirm(later, choose(later, "take"))
    with later.app.session() as db:
        db.get(Book, rows[400].id).summary = "locked"
    settle(later.app)
    assert job(later).state == "failed"
    assert "Book 400" in job(later).note
    assert in_print(later) == {True}


class GivenBooks(AdminView[Book]):
    @action("Give to the last author", permission="give")
    def give(self, books: Selection[Book], db: Session, identity: Identity[Person]) -> None:
        last = db.scalars(select(Author).order_by(Author.id.desc())).first()
        for book in books.rows():
            book.author_id, book.summary = last.id, f"by {identity.required().email}"


def test_the_history_of_an_action_calls_related_rows_by_their_names_and_it_knows_who_does_it() -> None:
    with Site(GivenBooks, Author, Person).running() as site:
        ann, bo = site.author("Ann"), site.author("Bo")
        book = site.book("One", ann)
        login(site.client, "*", email="boss@x.org")
        where = choose(site, "give", [book.id])
        assert post(site.client, where, {"counted": 1}).status == 303
        rows = site.admin.history.rows
        with site.app.session() as db:
            labels = db.scalars(select(rows.c.labels).where(rows.c.action == "give")).one()
        assert labels == {"author_id": {str(ann.id): "Ann", str(bo.id): "Bo"}}
        assert site.all(Book)[0].summary == "by boss@x.org"


class RenamedForm(pydantic.BaseModel):
    """A field that is called otherwise in the page than in Python."""

    price: decimal.Decimal = pydantic.Field(alias="newPrice")
    note: str = pydantic.Field(default="", validation_alias="why", serialization_alias="reason")


class RenamedBooks(AdminView[Book]):
    @action("Set", permission="price", form=RenamedForm)
    def reprice(self, books: Selection[Book], form: RenamedForm) -> str:
        for book in books.rows():
            book.price = form.price
        return f"Because: {form.note}."


def test_the_fields_of_a_form_may_be_called_otherwise() -> None:
    with Site(RenamedBooks, *VIEWS[1:]).running() as site:
        login(site.client, "book.view", "book.price")
        books(site, 2)
        assert confirm(site, choose(site, "reprice"), newPrice="2.50", why="old").status == 303
        assert {str(each.price) for each in site.all(Book)} == {"2.5000"}
        assert "Because: old." in site.client.get("/admin/book", headers=BROWSER).text


@pytest.mark.parametrize(("kind", "told"), [(pydantic.SecretStr, "a secret in it"), (Upload | None, "a file in it")])
def test_a_form_that_cannot_be_kept_is_a_fault(kind: Any, told: str) -> None:
    class Kept(AdminView[Book]):
        @action("Keep", permission="price", form=pydantic.create_model("KeptForm", it=(kind, ...)))
        def keep(self, books: Selection[Book], form: Any) -> None: ...

    with (
        pytest.raises(SetupError, match=rf"bad-admin[\s\S]*The form of keep takes {told}"),
        Site(Kept, *VIEWS[1:]).running(),
    ):
        pass
