"""People of a club, as the app was: a table `person`, whose `name` is one text."""

from pydantic import BaseModel, ConfigDict

from wholestack import App, NotFound
from wholestack.db import Database, Mapped, Model, Session, select


# [model]
class Person(Model):
    name: Mapped[str]
    visits: Mapped[int]


# [/model]
class PersonOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    visits: int


class NewPerson(BaseModel):
    name: str


app = App(title="Club")
app.use(Database())


@app.get("/people", returns=list[PersonOut])
def list_people(db: Session) -> list[Person]:
    return list(db.scalars(select(Person).order_by(Person.id.desc()).limit(20)))


@app.post("/people", returns=PersonOut)
def create_person(new: NewPerson, db: Session) -> Person:
    person = Person(name=new.name, visits=0)
    db.add(person)
    db.flush()
    return person


@app.post("/people/{id}/visits", returns=PersonOut)
def add_visit(id: int, db: Session) -> Person:
    person = db.get(Person, id, with_for_update=True)
    if person is None:
        raise NotFound("There is nobody of this number.")
    person.visits += 1
    return person
