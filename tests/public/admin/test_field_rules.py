"""Fields and rows that are not for everybody, in lists, exports and imports: their order and their values, too."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from admin.payroll import (
    HiddenWorkers,
    MySkills,
    MyTeams,
    OwnWorkers,
    PaidWorkers,
    RankedTeams,
    SeenWorkers,
    Skill,
    Team,
    Worker,
)
from admin.site import BROWSER, Person, Site, login, post
from wholestack.testing import Answer


@pytest.fixture(scope="module")
def paid() -> Iterator[Site]:
    with Site(PaidWorkers, RankedTeams, Skill, Person).running() as site:
        yield site


@pytest.fixture
def site(paid: Site) -> Site:
    return paid.anew()


def names(site: Site, path: str = "/admin/worker", *, name: str = "w") -> list[str]:
    return re.findall(rf"<bdi>({name}\d)</bdi>", site.client.get(path, headers=BROWSER).text)


# -- orders ------------------------------------------------------------------------------------------------------------


def salaries(site: Site) -> None:
    site.add(*(Worker(id=each, name=f"w{each}", salary=70_000 + salary) for each, salary in ((1, 5), (2, 9), (3, 7))))


def test_no_list_is_ordered_by_a_field_that_the_person_may_not_see(site: Site) -> None:
    salaries(site)
    login(site.client, "worker.view", "worker.export")
    assert names(site) == ["w3", "w2", "w1"], "by their keys, the latest first"
    page = site.client.get("/admin/worker?limit=1", headers=BROWSER).text
    cursor = next(iter(parse_qs(re.findall(r'href="\?([^"]*cursor=[^"]*)"', page)[0].replace("&amp;", "&"))["cursor"]))
    assert b"7000" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert names(site, f"/admin/worker?limit=1&cursor={cursor}") == ["w2"]
    assert names(site, "/admin/worker?limit=1&page=3") == ["w1"]
    file = site.client.get("/admin/worker/-/export/file?_columns=name", headers=BROWSER).text
    assert file.split()[1:] == ["w3", "w2", "w1"]
    login(site.client, "worker.view", "worker.export", "worker.see_salary")
    assert names(site) == ["w2", "w3", "w1"]
    file = site.client.get("/admin/worker/-/export/file?_columns=name", headers=BROWSER).text
    assert file.split()[1:] == ["w2", "w3", "w1"]


def test_no_choice_is_ordered_by_a_field_that_the_person_may_not_see(site: Site) -> None:
    site.add(*(Team(id=each, name=f"t{each}", rank=rank) for each, rank in ((1, 5), (2, 9), (3, 7))))
    held = ("team.view", "worker.view", "worker.add")
    login(site.client, *held)
    offered = r"<option value=\"\d\">(t\d)"
    assert re.findall(offered, site.client.get("/admin/worker/new", headers=BROWSER).text) == ["t1", "t2", "t3"]
    assert names(site, "/admin/team", name="t") == ["t1", "t2", "t3"]
    login(site.client, *held, "team.see_rank")
    assert re.findall(offered, site.client.get("/admin/worker/new", headers=BROWSER).text) == ["t2", "t3", "t1"]
    assert names(site, "/admin/team", name="t") == ["t2", "t3", "t1"]


# -- rules over rows ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own() -> Iterator[Site]:
    with Site(OwnWorkers, MyTeams, MySkills, Person).running() as site:
        yield site


@pytest.fixture
def mine(own: Site) -> Site:
    own.anew()
    own.add(Worker(id=1, name="w1", owner="me", salary=10), Worker(id=2, name="w2", owner="you", salary=20))
    held = [f"worker.{each}" for each in ("view", "add", "change", "import", "export")]
    login(own.client, *held, "team.view", "skill.view", nickname="me")
    return own


def pay(site: Site) -> list[int]:
    return [each.salary for each in site.all(Worker)]


def test_a_list_edits_no_field_that_the_row_s_own_form_would_not(mine: Site) -> None:
    page = mine.client.get("/admin/worker", headers=BROWSER).text
    assert re.findall(r'name="(rows\[\d\]\.salary)"', page) == ["rows[0].salary"]
    (known,) = re.findall(r'name="rows\[0\]\.row_seen"[^>]*value="([^"]*)"', page)
    sent = {"rows[0].row_key": "1", "rows[0].row_seen": known, "rows[0].salary": "11"}
    sent |= {"rows[1].row_key": "2", "rows[1].row_seen": known, "rows[1].salary": "77"}
    post(mine.client, "/admin/worker/-/edit", sent)
    assert pay(mine)[1] == 20
    del sent["rows[1].row_key"], sent["rows[1].row_seen"], sent["rows[1].salary"]
    assert post(mine.client, "/admin/worker/-/edit", sent).status == 303
    assert pay(mine) == [11, 20]


@pytest.mark.parametrize("guess", ["20", "21"])
def test_a_list_tells_nobody_whether_they_have_guessed(mine: Site, guess: str) -> None:
    sent = {"rows[0].row_key": "2", "rows[0].salary": guess}
    assert post(mine.client, "/admin/worker/-/edit", sent).status == 403
    assert pay(mine) == [10, 20]


def imported(site: Site, lines: str, columns: Sequence[str]) -> tuple[str, Answer]:
    """What a file's preview says is wrong, and the answer to its import; its rows are found by their ids."""
    files = {"file": ("a.csv", lines.encode(), "text/csv")}
    begun = site.client.post("/admin/worker/-/import", files=files, headers=BROWSER, follow=False)
    where = begun.headers["location"]
    preview = post(site.client, where, {"columns": [*columns], "keys": ["id"]}).headers["location"]
    text = site.client.get(preview, headers=BROWSER).text
    told = re.findall(r"You may not do this\.|There is no such row, or it is not yours to see\.", text)
    return " ".join(told), post(site.client, f"{where}/run")


def test_an_import_sets_no_field_that_the_row_s_own_form_would_not(mine: Site) -> None:
    told, _ = imported(mine, "id,name,salary\n1,w1,11\n2,w2,55\n", ["id", "name", "salary"])
    assert (told, pay(mine)) == ("You may not do this.", [10, 20])
    told, answer = imported(mine, "id,name,salary\n1,w1,11\n2,other,20\n,w3,30\n", ["id", "name", "salary"])
    assert (told, answer.status, pay(mine)) == ("", 303, [11, 20, 30]), "what stays as it is is nobody's fault"
    assert mine.all(Worker)[1].name == "other"


@pytest.mark.parametrize("guess", ["20", "21"])
def test_an_import_tells_nobody_whether_they_have_guessed(guess: str) -> None:
    with Site(SeenWorkers, Person).running() as site:
        site.add(Worker(id=1, name="w1", owner="me", salary=10), Worker(id=2, name="w2", owner="you", salary=20))
        login(site.client, *(f"worker.{each}" for each in ("view", "change", "import")), nickname="me")
        told, _ = imported(site, f"id,salary\n1,10\n2,{guess}\n", ["id", "salary"])
        assert (told, pay(site)) == ("You may not do this.", [10, 20])


# -- relations to many -------------------------------------------------------------------------------------------------


def skilled(site: Site) -> None:
    site.add(
        Skill(id=1, name="s1", owner="me"), Skill(id=2, name="HIDDEN", owner="you"), Skill(id=3, name="s3", owner="me")
    )
    with site.app.session() as db:
        db.get_one(Worker, 1).skills = list(db.scalars(select(Skill).where(Skill.id < 3)))


def skills(site: Site) -> set[int]:
    with site.app.session() as db:
        return {each.id for each in db.get_one(Worker, 1).skills}


@pytest.mark.parametrize(
    ("sent", "kept"), [("1", {1, 2}), ("1, 2", {1, 2}), ("3", {2, 3}), ("", {2}), ("2, 3", {2, 3}), ("1, 3", {1, 2, 3})]
)
def test_an_import_keeps_links_to_rows_that_the_person_may_not_see(mine: Site, sent: str, kept: set[int]) -> None:
    skilled(mine)
    told, answer = imported(mine, f'id,skills\n1,"{sent}"\n', ["id", "skills"])
    assert (told, answer.status, skills(mine)) == ("", 303, kept)


def test_an_import_links_to_no_row_that_the_person_may_not_see(mine: Site) -> None:
    skilled(mine)
    for lines in ('id,skills\n2,"1, 2"\n', "id,skills\n2,2\n", "id,name,skills\n,new,2\n", "id,skills\n1,9\n"):
        told, _ = imported(mine, lines, lines.partition("\n")[0].split(","))
        assert told == "There is no such row, or it is not yours to see."
    mine.add(Team(id=1, name="HIDDEN", owner="you"), Team(id=2, name="HIDDEN", owner="you"))
    with mine.app.session() as db:
        db.get_one(Worker, 1).team_id = 1
    assert imported(mine, "id,team_id,name\n1,1,again\n", ["id", "team_id", "name"])[0] == ""
    assert (mine.all(Worker)[0].name, mine.all(Worker)[0].team_id) == ("again", 1)
    assert imported(mine, "id,team_id\n1,2\n", ["id", "team_id"])[0] != ""


def test_an_export_of_relations_can_be_imported_again(mine: Site) -> None:
    skilled(mine)
    file = mine.client.get("/admin/worker/-/export/file?_columns=id&_columns=skills", headers=BROWSER).text
    assert file.split()[1:] == ["1,1", "2,"], "of the one that they may not see not even the key"
    told, answer = imported(mine, file, ["id", "skills"])
    assert (told, answer.status, skills(mine)) == ("", 303, {1, 2})


# -- cells of the view's own -------------------------------------------------------------------------------------------


def test_a_cell_of_one_s_own_is_given_no_row_that_the_person_may_not_see(mine: Site) -> None:
    mine.add(Team(id=1, name="SECRET", owner="you"), Team(id=2, name="Ours", owner="me"))
    mine.add(Worker(name="w3", team_id=1), Worker(name="w4", team_id=2))
    page = mine.client.get("/admin/worker", headers=BROWSER).text
    assert ("SECRET" in page, page.count("Not yours to see")) == (False, 1)
    assert re.search(r'class="badge[^"]*">(<bdi>)?Ours', page)


def test_rows_by_name_are_for_who_may_see_them(mine: Site) -> None:
    mine.add(Team(id=1, name="Ours", owner="me"), Worker(name="SECRET", team_id=1))
    page = mine.client.get("/admin/team", headers=BROWSER).text
    assert re.search(r'<a href="/admin/worker/\d+"><bdi>SECRET', page)
    mine.client = mine.other()
    login(mine.client, "team.view", "team.export", nickname="me")
    page = mine.client.get("/admin/team", headers=BROWSER).text
    assert ("SECRET" in page, page.count("Not yours to see")) == (False, 1)
    assert "SECRET" not in mine.client.get("/admin/team/-/export/file?_columns=name&_columns=workers").text


# -- one field by itself -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hidden() -> Iterator[Site]:
    with Site(HiddenWorkers, Team, Skill, Person).running() as site:
        yield site


def test_the_check_of_one_field_shows_none_that_the_person_may_not_see(hidden: Site) -> None:
    site = hidden.anew()
    site.add(Team(id=1, name="t1"), Team(id=2, name="t2"), Skill(id=1, name="s1"))
    site.add(Worker(id=1, name="w1", salary=77_123, team_id=2, owner="hers"))
    held = ("worker.view", "worker.add", "worker.change", "team.view", "skill.view")
    sent = {"name": "w1"}

    def alone(name: str, path: str = "/admin/worker/1") -> str:
        return site.client.post(path, data=sent, headers={**BROWSER, "X-Form-Check": name}, follow=False).text

    login(site.client, *held)
    assert 'value="w1"' in alone("name")
    for name in ("team_id", "salary", "owner"):
        text = alone(name) + alone(name, "/admin/worker/new")
        assert not re.findall(r"t[12]|77.?123|hers|selected", text), name
    login(site.client, *held, "worker.see_all")
    assert re.findall(r"<option value=\"(\d)\"", alone("team_id")) == ["1", "2"]
