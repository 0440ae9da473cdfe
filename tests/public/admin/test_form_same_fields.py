"""Fields that have several names, and those that somebody may not see: what a form knows of them, and what it takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import String

from admin.site import BROWSER, Base, Person, Site, login, post, seen
from wholestack.admin import AdminView, FieldRule, Inline
from wholestack.auth import Identity
from wholestack.crud import Versioned
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship


class Guild(Model, Base):
    name: Mapped[str] = mapped_column(String(40))


class Knight(Model, Base):
    name: Mapped[str] = mapped_column(String(40))


class Oath(Base):
    """Its relations' keys are its own, and one of them has two relations."""

    guild_id: Mapped[int] = mapped_column(ForeignKey("guild.id"), primary_key=True)
    knight_id: Mapped[int] = mapped_column(ForeignKey("knight.id"), primary_key=True)
    witness_id: Mapped[int | None] = mapped_column(ForeignKey("knight.id"))
    words: Mapped[str] = mapped_column(String(40), default="")
    guild: Mapped[Guild] = relationship()
    knight: Mapped[Knight] = relationship(foreign_keys="Oath.knight_id")
    witness: Mapped[Knight | None] = relationship(foreign_keys="Oath.witness_id")
    beside: Mapped[Knight | None] = relationship(foreign_keys="Oath.witness_id", overlaps="witness")


class Oaths(AdminView[Oath]):
    columns = ("words", "guild_id", "guild", "witness_id", "witness", "beside")
    fields = ("guild_id", "knight_id", "witness_id", "words")
    field_rules = {"guild": "oath.see_guild", "witness": "oath.see_witness"}


class Squire(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), default="")
    knight_id: Mapped[int | None] = mapped_column(ForeignKey("lord.id"))
    age: Mapped[int] = mapped_column(default=0)


class Lord(Versioned, Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(40), unique=True)
    gold: Mapped[int] = mapped_column(default=0)
    seal: Mapped[Seal | None] = relationship(uselist=False)
    squires: Mapped[list[Squire]] = relationship(cascade="all, delete-orphan", order_by="Squire.id")


class Seal(Model, Base):
    """Of one lord, by what he is called."""

    lord_code: Mapped[str | None] = mapped_column(ForeignKey("lord.code"))
    image: Mapped[str] = mapped_column(String(40))


def is_owner(identity: Identity[Any], row: Any) -> bool:
    return row is None or row.owner == identity.required().nickname


class Lords(AdminView[Lord]):
    columns = ("name", "code", "seal")
    fields = ("name", "code", "gold")
    field_rules = {"gold": "lord.see_gold", "version_id": FieldRule("lord.see_version")}
    inlines = (Inline(Squire, fields=("name", "age")),)


class Squires(AdminView[Squire]):
    field_rules = {"age": is_owner}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(Oaths, Guild, Knight, Lords, Squires, Seal, Person).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


# -- one field by several names ----------------------------------------------------------------------------------------

OATH = [f"oath.{act}" for act in ("view", "add", "change", "export")] + ["guild.view", "knight.view"]


def an_oath(site: Site) -> str:
    site.add(Guild(id=7, name="GUILD"), Knight(id=8, name="Kay"), Knight(id=9, name="WITNESS"))
    site.add(Oath(guild_id=7, knight_id=8, witness_id=9, words="aye"))
    return "/admin/oath/7,8"


NAMES = r">\s*(Guild|Witness|Beside|Words)\s*<|<bdi>(GUILD|WITNESS)</bdi>"


@pytest.mark.parametrize("path", ["", "/7,8", "/new", "/-/export"])
def test_a_rule_over_a_relation_is_one_over_its_key_and_its_other_names(site: Site, path: str) -> None:
    an_oath(site)
    shown = []
    for held in ([], ["oath.see_guild"], ["oath.see_guild", "oath.see_witness"]):
        login(site.client, *OATH, *held)
        page = site.client.get(f"/admin/oath{path}", headers=BROWSER)
        assert page.status == 200
        shown.append({name.title() for pair in re.findall(NAMES, page.text) for name in pair if name})
    assert shown[:2] == [{"Words"}, {"Words", "Guild"}] and "Witness" in shown[2]


def test_no_file_has_what_a_rule_over_the_relation_keeps(site: Site) -> None:
    an_oath(site)
    for held, expected in (([], 400), (["oath.see_guild", "oath.see_witness"], 200)):
        login(site.client, *OATH, *held)
        for name in ("guild_id", "witness_id"):
            answer = site.client.get(f"/admin/oath/-/export/file?_columns=words&_columns={name}", headers=BROWSER)
            assert answer.status == expected, name


def test_nobody_sets_by_its_key_what_they_may_not_see(site: Site) -> None:
    path = an_oath(site)
    login(site.client, *OATH)
    assert post(site.client, path, {"witness_id": "8", "words": "no"}).status == 303
    (oath,) = site.all(Oath)
    assert (oath.witness_id, oath.words) == (9, "no")


def test_a_column_by_which_another_row_refers_to_one_is_called_by_its_own_name(site: Site) -> None:
    site.add(Lord(id=1, name="Leo", code="leo"))
    site.add(Seal(lord_code="leo", image="lion"))
    login(site.client, "*")
    page = site.client.get("/admin/lord", headers=BROWSER).text
    assert [re.search(rf">\s*{each}\s*<", page) is not None for each in ("Code", "Seal")] == [True, True]
    form = site.client.get("/admin/lord/1", headers=BROWSER).text
    assert ">Code</label>" in form and ">Seal</label>" not in form


# -- what a form knows -------------------------------------------------------------------------------------------------


def guessed(state: str) -> set[str]:
    """The fields of a state whose values are found by trying numbers."""
    digests = {hashlib.sha256(str(number).encode()).hexdigest()[:10] for number in range(2_000)}
    return {name for name, digest in (part.split(":", 1) for part in state.split(" ")) if digest in digests}


def test_a_form_knows_nothing_of_what_the_person_may_not_see(site: Site) -> None:
    site.add(Lord(id=1, name="Leo", code="leo", gold=1234))
    site.add(Squire(name="Tim", owner="me", knight_id=1, age=17), Squire(name="Tom", owner="you", knight_id=1, age=19))
    held = [f"{model}.{act}" for model in ("lord", "squire") for act in ("view", "change")]
    login(site.client, *held, nickname="me")
    page = site.client.get("/admin/lord/1", headers=BROWSER)
    assert guessed(seen(page)) == set()
    assert [part.split(":")[0] for part in seen(page).split(" ")] == ["name", "code"]
    states = re.findall(r'name="squires\[\d\]\.form_seen"[^>]*value="([^"]*)"', page.text)
    assert [sorted(part.split(":")[0] for part in each.split(" ")) for each in states] == [["age", "name"], ["name"]]
    login(site.client, *held, "lord.see_gold", "lord.see_version", nickname="me")
    page = site.client.get("/admin/lord/1", headers=BROWSER)
    assert guessed(seen(page)) == {"gold", "@"}


def test_what_one_is_told_of_knows_nothing_of_it_either(site: Site) -> None:
    """The same of a row with another number that they may not see."""
    told = set()
    for gold in (1, 2):
        site.anew()
        site.add(Lord(id=1, name="Leo", code="leo", gold=gold))
        login(site.client, "lord.view", "lord.change")
        data = {"name": "Mine", "code": "leo", "form_seen": seen(site.client.get("/admin/lord/1", headers=BROWSER))}
        with site.app.session() as db:
            db.get_one(Lord, 1).name = "Theirs"
        answer = post(site.client, "/admin/lord/1", data)
        assert answer.status == 422
        told.update(re.findall(r'name="form_told" value="([^"]+)"', answer.text))
    assert len(told) == 1
