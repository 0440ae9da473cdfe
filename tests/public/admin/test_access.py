"""Who may what: fields, rows, tenants; second factors, idle limits and who acts for somebody else."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import String

from admin.archive import VIEWS, Manuscript, Notebook, Shelf, tenant_of
from admin.site import BROWSER, Author, Base, Person, Site, login, post
from wholestack import SetupError
from wholestack.admin import Access, AdminView
from wholestack.auth import TOTP, Identity, Impersonation, Tenants, mfa
from wholestack.db import ForeignKey, Mapped, Model, Session, mapped_column, relationship
from wholestack.testing import log_in

FIELDS = ("title", "worth", "note")


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    site = Site(*VIEWS)
    site.app.provide(tenant_of)

    @site.app.get("/fields")
    def fields(identity: Identity[Person], db: Session) -> dict[str, Any]:
        access = Access(site.admin.resources[0], identity)
        row = db.get(Manuscript, 1)
        return {
            "seen": access.visible(FIELDS),
            "changed": access.editable(FIELDS),
            "of row": access.editable(FIELDS, row),
            "paths": access.visible(["owner.email", "owner", "owner_id"]),
        }

    with site.running(Tenants(), Impersonation()):
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


@pytest.mark.parametrize(
    ("held", "seen", "changed"),
    [
        ((), ["title"], ["title"]),
        (("manuscript.see_worth",), ["title", "worth"], ["title"]),
        (("manuscript.set_worth",), ["title"], ["title"]),
        (("manuscript.see_worth", "manuscript.set_worth"), ["title", "worth"], ["title", "worth"]),
        (("manuscript.note",), ["title", "note"], ["title", "note"]),
        (("*",), ["title", "worth", "note"], ["title", "worth", "note"]),
    ],
)
def test_fields_are_seen_and_changed_by_their_rules(
    site: Site, held: tuple[str, ...], seen: list[str], changed: list[str]
) -> None:
    login(site.client, *held)
    found = site.client.get("/fields").json()
    assert (found["seen"], found["changed"], found["of row"]) == (seen, changed, changed)


def test_a_path_is_seen_by_who_sees_each_model_on_it(site: Site) -> None:
    login(site.client, "manuscript.view")
    assert site.client.get("/fields").json()["paths"] == ["owner", "owner_id"]
    login(site.client, "manuscript.view", "person.view")
    assert site.client.get("/fields").json()["paths"] == ["owner.email", "owner", "owner_id"]


def test_a_rule_for_a_field_that_is_not_there_is_a_fault() -> None:
    class Slip(AdminView[Shelf]):
        field_rules = {"nmae": "shelf.name"}

    with pytest.raises(SetupError, match="no 'nmae' to have a rule"), Site(Slip, Person).running():
        pass


class Stall(Model, Base):
    name: Mapped[str] = mapped_column(String(40))


class Tenancy(Base):
    """Its keys are those of others."""

    holder_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True)
    stall_id: Mapped[int] = mapped_column(ForeignKey("stall.id"), primary_key=True)
    until: Mapped[str] = mapped_column(String(20), default="")
    holder: Mapped[Author] = relationship()
    stall: Mapped[Stall] = relationship(overlaps="place")
    place: Mapped[Stall] = relationship(overlaps="stall")


class Tenancies(AdminView[Tenancy]):
    field_rules = {"stall": "tenancy.see_stall"}


class Shown(Tenancies):
    columns = ("until", "holder", "stall", "stall.name", "stall_id", "place")


@pytest.mark.parametrize("view", [Tenancies, Shown])
def test_a_rule_of_a_relation_holds_for_its_key_and_for_other_relations_by_it(view: type[Any]) -> None:
    """Also where the key is part of the row's own."""
    with Site(view, Author, Stall, Person).running() as site:
        site.add(Author(id=7, name="Ann"), Stall(id=31, name="STALL"))
        site.add(Tenancy(holder_id=7, stall_id=31, until="noon"))
        permissions = [f"tenancy.{each}" for each in ("view", "add", "change", "export")]
        for more, is_seen in (("tenancy.see_stall", True), ("tenancy.nothing", False)):
            login(site.client, *permissions, "author.view", "stall.view", more)
            for path in ("", "/7,31", "/new", "/-/export/file"):
                page = site.client.get(f"/admin/tenancy{path}", headers=BROWSER)
                shown = any(each in page.text for each in ("STALL", "stall_id", "Stall id"))
                assert (page.status, shown) == (200, is_seen), path


def test_rows_of_others_are_nowhere(site: Site) -> None:
    person = login(site.client, *(f"manuscript.{each}" for each in ("view", "add", "change", "delete")), "person.view")
    other = login(site.other(), email="other@example.org")
    site.add(Manuscript(id=1, title="Mine", owner_id=person.id), Manuscript(id=2, title="Theirs", owner_id=other.id))
    page = site.client.get("/admin/manuscript").text
    assert ("Mine" in page, "Theirs" in page) == (True, False)
    assert re.search(r"\b1\s+rows?\b", page)
    assert ">Theirs<" not in site.client.get("/admin/manuscript?q=Theirs").text
    for path in ("2", "2/history", "2/delete"):
        assert site.client.get(f"/admin/manuscript/{path}", headers=BROWSER).status == 404
    for path in ("2", "2/delete", "2/restore"):
        assert post(site.client, f"/admin/manuscript/{path}", {"title": "Forged"}).status == 404
    assert [each.title for each in site.all(Manuscript)] == ["Mine", "Theirs"]


def test_nobody_makes_a_row_that_would_not_be_theirs(site: Site) -> None:
    login(site.client, *(f"manuscript.{each}" for each in ("view", "add", "change")), "person.view")
    other = login(site.other(), email="other@example.org")
    answer = post(site.client, "/admin/manuscript/new", {"title": "Forged", "owner_id": str(other.id)})
    assert answer.status in {403, 422}
    assert site.all(Manuscript) == []


def test_a_row_is_not_given_away(site: Site) -> None:
    person = login(site.client, *(f"manuscript.{each}" for each in ("view", "change")), "person.view")
    other = login(site.other(), email="other@example.org")
    site.add(Manuscript(id=1, title="Mine", owner_id=person.id))
    answer = post(site.client, "/admin/manuscript/1", {"title": "Mine", "owner_id": str(other.id)})
    assert answer.status in {403, 422}
    assert site.all(Manuscript)[0].owner_id == person.id


def test_tenants_are_kept_apart(site: Site) -> None:
    login(site.client, "*")
    site.add(Notebook(id=1, tenant_id=1, text="Ours"), Notebook(id=2, tenant_id=2, text="Theirs"))
    ours = {**BROWSER, "x-firm": "1"}
    page = site.client.get("/admin/notebook", headers=ours).text
    assert ("Ours" in page, "Theirs" in page) == (True, False)
    for path in ("2", "2/history", "2/delete"):
        assert site.client.get(f"/admin/notebook/{path}", headers=ours).status == 404
    for path in ("2", "2/delete", "2/restore"):
        assert post(site.client, f"/admin/notebook/{path}", {"text": "x", "tenant_id": "2"}, headers=ours).status == 404
    forged = post(site.client, "/admin/notebook/new", {"text": "Forged", "tenant_id": "2"}, headers=ours)
    assert forged.status in {403, 422}
    assert site.client.get("/admin/notebook", headers=BROWSER).status == 403
    assert [(each.tenant_id, each.text) for each in site.all(Notebook)] == [(1, "Ours"), (2, "Theirs")]


def test_statements_that_are_kept_serve_with_a_tenant_and_without(site: Site) -> None:
    """Roles are asked for by one statement, for pages of a tenant and for others, in turn."""
    login(site.client, "notebook.view", "shelf.view")
    for _ in range(2):
        for path in ("shelf", "notebook"):
            assert site.client.get(f"/admin/{path}", headers={**BROWSER, "x-firm": "1"}).status == 200


def test_who_acts_for_somebody_only_looks(site: Site) -> None:
    helper = login(site.client, "user.impersonate")
    user = login(site.other(), "manuscript.view", "manuscript.change", "manuscript.add", "manuscript.delete")
    site.add(Manuscript(id=1, title="Mine", owner_id=user.id))
    with site.app.session() as db:
        db.get_one(Person, user.id).is_staff = False
    assert post(site.client, f"/account/impersonate/{user.key}").status == 303
    assert site.client.get("/admin/manuscript", headers=BROWSER).status == 403
    with site.app.session() as db:  # Made one of the staff while somebody acts as them.
        db.get_one(Person, user.id).is_staff = True
    assert site.client.get("/admin/manuscript/1").status == 200
    assert site.client.get("/admin/manuscript/new", headers=BROWSER).status == 403
    for path in ("new", "1", "1/delete"):
        data = {"title": "Forged", "owner_id": str(user.id)}
        assert post(site.client, f"/admin/manuscript/{path}", data).status == 403
    assert [each.title for each in site.all(Manuscript)] == ["Mine"]
    assert helper.key != user.key


def test_a_users_page_has_the_button_to_act_as_them(site: Site) -> None:
    user = login(site.other(), is_staff=False)
    button = f'<form method="post" action="/account/impersonate/{user.key}">'
    helper = login(site.client, "person.view", "user.impersonate")
    page = site.client.get(f"/admin/person/{user.id}").text
    assert button in page and "Act as this user" in page
    assert "/account/impersonate/" not in site.client.get(f"/admin/person/{helper.id}").text
    login(site.client, "person.view", "person.change")
    assert "/account/impersonate/" not in site.client.get(f"/admin/person/{user.id}").text


def test_the_admin_says_whom_one_acts_as(site: Site) -> None:
    login(site.client, "user.impersonate")
    user = login(site.other(), "shelf.view", is_staff=False)
    assert post(site.client, f"/account/impersonate/{user.key}").status == 303
    with site.app.session() as db:
        db.get_one(Person, user.id).is_staff = True
    assert '<aside class="acting"' in site.client.get("/admin/shelf", headers=BROWSER).text


# -- the door ----------------------------------------------------------------------------------------------------------


def test_the_admin_asks_for_a_second_factor_where_it_is_told_to() -> None:
    with Site(Shelf, Person, needs=mfa()).running() as site:
        person = login(site.client, "*")
        assert site.client.get("/admin/shelf", headers={**BROWSER, "accept": "*/*"}).status == 403
        log_in(site.client, person, "pwd", "otp")
        assert site.client.get("/admin/shelf").status == 200


def test_production_is_told_of_an_admin_that_a_password_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*plugins: Any, **options: Any) -> list[tuple[str, str]]:
        with Site(Shelf, Person, **options).running(*plugins) as site:
            monkeypatch.setenv("WHOLESTACK_STAGE", "production")
            faults = [each for check in site.app.checks for each in check()]
            monkeypatch.setenv("WHOLESTACK_STAGE", "test")
        return [(each.code, each.where.rpartition(":")[0]) for each in faults if each.code == "staff-without-mfa"]

    assert [code for code, _ in found()] == ["staff-without-mfa"]
    assert [code for code, _ in found(TOTP())] == ["staff-without-mfa"]
    assert found(needs=mfa()) == found(TOTP(), needs=mfa()) == []


def test_who_was_away_proves_again_who_they_are() -> None:
    with Site(Shelf, Author, Person, idle=20).running() as site:
        login(site.client, "*")
        now = datetime.datetime.now(datetime.UTC)
        minutes = 0.0

        def clock() -> datetime.datetime:
            return now + datetime.timedelta(minutes=minutes)

        object.__setattr__(site.auth.terms, "clock", clock)
        statuses = []
        for minutes in (15, 30, 45, 66):  # noqa: B007  (the clock reads it)
            statuses.append(site.client.get("/admin/shelf").status)
        assert statuses == [200, 200, 200, 403]
        sent = site.client.get("/admin/shelf", headers=BROWSER, follow=False)
        assert (sent.status, "/account/confirm" in sent.headers["location"]) == (303, True)
        assert post(site.client, "/admin/shelf/new", {"name": "x"}).status in {303, 403}
        assert site.all(Shelf) == []
