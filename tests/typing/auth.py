"""Users as types: what handlers get, what the model's constructor takes, what rules combine to."""

from __future__ import annotations

import uuid
from typing import assert_type

from wholestack import App, Rule
from wholestack.auth import (
    Accounts,
    Auth,
    Identity,
    Policy,
    Scoped,
    SignUp,
    Throttle,
    UserMixin,
    govern,
    permission,
    policy,
    recent_login,
    remove_factors,
    staff,
)
from wholestack.cache import MemoryStore, RedisStore
from wholestack.crud import crud
from wholestack.db import Database, Mapped, Session, UUIDModel, mapped_column, select


class Person(UserMixin, UUIDModel):
    nickname: Mapped[str]
    motto: Mapped[str] = mapped_column(default="")


class NewPerson(SignUp):
    nickname: str


app = App()
app.use(Database(), Auth(Person, sign_up="open", form=NewPerson))
Auth(Person, sign_up="ajar")  # wrong
Auth(Session)  # wrong
Auth(Person, throttle=Throttle(store=RedisStore("redis://127.0.0.1/0"), pair={"free": 3}))
Throttle(store=MemoryStore())  # wrong
Throttle(store="redis")  # wrong

Person(email="ann@example.org", nickname="Ann")
Person(email="ann@example.org", nickname="Ann", is_staff=True, motto="On")
Person(email="ann@example.org")  # wrong
Person(emial="ann@example.org", nickname="Ann")  # wrong


@app.get("/me", needs=permission("people.view") & ~staff | recent_login(minutes=5))
def me(person: Person, other: Person | None) -> str:
    assert_type(person.id, uuid.UUID)
    assert_type(person.email, str)
    assert_type(person.key, str)
    assert other.email  # wrong
    return person.nickname


@app.get("/identity")
def identity(identity: Identity[Person], accounts: Accounts[Person], db: Scoped[Session]) -> bool:
    assert_type(identity.user, Person | None)
    assert_type(identity.required(), Person)
    assert_type(accounts.find("ann@example.org"), Person | None)
    assert_type(accounts.create("bo@example.org", nickname="Bo"), Person)
    assert_type(db.scalars(select(Person)).first(), Person | None)
    assert_type(remove_factors(accounts, identity.required(), "totp", "recovery").recovery, int)
    remove_factors(accounts, identity.required(), "password")  # wrong
    return identity.can("people.view")


assert_type(permission("a") | staff, Rule)


class Poem(UUIDModel):
    author_id: Mapped[uuid.UUID]


@policy(scope="poems.edit")
def wrote(person: Person, poem: Poem) -> bool:
    return poem.author_id == person.id


@policy(view=wrote, scope="poems.burn")
def may_burn(person: Person, poem: Poem) -> bool:
    return wrote(person, poem)


assert_type(wrote, Policy[Poem])
assert_type(may_burn, Policy[Poem])
poems = crud(Poem)
govern(poems, view=wrote, create=permission("poems.add"))
govern(poems, view=wrote, create="poems.add")  # wrong
policy(scope=7)  # wrong
Auth(Person, events=None)
Auth(Person, events="a year")  # wrong
