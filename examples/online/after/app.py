"""People of a club, as the app is to be: a table `member`, whose name is two columns."""

from pydantic import BaseModel, ConfigDict

from wholestack import App, NotFound
from wholestack.db import Database, Mapped, Model, Session, select


# [model]
class Member(Model):
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    visits: Mapped[int]


# [/model]
class MemberOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    first_name: str
    last_name: str
    visits: int


class NewMember(BaseModel):
    first_name: str
    last_name: str


app = App(title="Club")
app.use(Database())


@app.get("/people", returns=list[MemberOut])
def list_members(db: Session) -> list[Member]:
    return list(db.scalars(select(Member).order_by(Member.id.desc()).limit(20)))


@app.post("/people", returns=MemberOut)
def create_member(new: NewMember, db: Session) -> Member:
    member = Member(first_name=new.first_name, last_name=new.last_name, visits=0)
    db.add(member)
    db.flush()
    return member


@app.post("/people/{id}/visits", returns=MemberOut)
def add_visit(id: int, db: Session) -> Member:
    member = db.get(Member, id, with_for_update=True)
    if member is None:
        raise NotFound("There is nobody of this number.")
    member.visits += 1
    return member
