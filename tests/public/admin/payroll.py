"""A payroll, for the tests of what lists, exports and imports do with fields and rows that are not for everybody, and
with values that are easily cut.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, String
from sqlalchemy import Table as Rows
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import attribute_keyed_dict

from admin.site import Base, Person
from wholestack.admin import AdminView, FieldRule, badge
from wholestack.auth import Identity, policy
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship

worker_skill = Rows(
    "worker_skill",
    Base.metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("skill_id", ForeignKey("skill.id"), primary_key=True),
)


class Team(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), default="")
    rank: Mapped[int] = mapped_column(default=0)
    workers: Mapped[dict[str, Worker]] = relationship(collection_class=attribute_keyed_dict("name"), viewonly=True)


class Skill(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), default="")


class Worker(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), default="")
    salary: Mapped[int] = mapped_column(default=0)
    hired: Mapped[datetime.datetime | None] = mapped_column(default=None)
    called: Mapped[datetime.datetime | None] = mapped_column(DateTime())
    shift: Mapped[datetime.time | None] = mapped_column(default=None)
    span: Mapped[datetime.timedelta | None] = mapped_column(default=None)
    is_old: Mapped[bool | None] = mapped_column(default=None)
    marks: Mapped[list[int] | None] = mapped_column(JSON())
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    team: Mapped[Team | None] = relationship()
    skills: Mapped[list[Skill]] = relationship(secondary=worker_skill)

    @hybrid_property
    def loud(self) -> str:
        return self.name + "!"


@policy
def is_my_team(person: Person, team: Team) -> bool:
    return team.owner == person.nickname


@is_my_team.where
def _my_teams(person: Person) -> Any:
    return Team.owner == person.nickname


@policy
def is_my_skill(person: Person, skill: Skill) -> bool:
    return skill.owner == person.nickname


@is_my_skill.where
def _my_skills(person: Person) -> Any:
    return Skill.owner == person.nickname


def is_new_or_mine(identity: Identity[Any], row: Any) -> bool:
    return row is None or row.owner == identity.required().nickname


class PaidWorkers(AdminView[Worker]):
    """Who earns most comes first, for who may know it."""

    columns = ("name", "loud")
    orders = ("-salary",)
    field_rules = {"salary": "worker.see_salary"}


class OwnWorkers(AdminView[Worker]):
    """Everybody sets the salaries of their own."""

    columns = ("name", "salary", "team")
    editable = ("salary",)
    cells = {"team": badge}
    orders = ("name",)
    field_rules = {"salary": FieldRule(change=is_new_or_mine)}


class SeenWorkers(AdminView[Worker]):
    """Nobody sees what others earn."""

    field_rules = {"salary": is_new_or_mine}


class HiddenWorkers(AdminView[Worker]):
    """Whose team they are in, what they earn and whose they are is not for everybody."""

    field_rules = dict.fromkeys(("team_id", "salary", "owner"), "worker.see_all")


class RankedTeams(AdminView[Team]):
    """By a rank that is not for everybody."""

    orders = ("-rank", "name")
    field_rules = {"rank": "team.see_rank"}


class MyTeams(AdminView[Team]):
    columns = ("name", "workers")
    rows = is_my_team


class MySkills(AdminView[Skill]):
    rows = is_my_skill


class AllWorkers(AdminView[Worker]):
    """With each kind of value, all of them edited in the list but the first."""

    columns = ("id", "name", "owner", "salary", "hired", "called", "shift", "span", "is_old", "marks")
    editable = ("name", "owner", "salary", "hired", "called", "shift", "span", "is_old")
    orders = ("id",)
