"""Rules over rows: one object in handlers, lists, templates, sockets and tasks, in Python and in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import ColumnElement, or_, true

from auth.site import Base, Site, User, each_once
from wholestack import App, Request, Router, SetupError, rule
from wholestack.auth import AccessRequired, Identity, Policy, access_of, govern, permission, policy, public, role, staff
from wholestack.crud import crud
from wholestack.db import ForeignKey, Mapped, Session, UUIDModel, mapped_column, select
from wholestack.realtime import Socket
from wholestack.templates import Page
from wholestack.testing import Client, log_in


class Post(UUIDModel, Base):
    title: Mapped[str]
    is_public: Mapped[bool] = mapped_column(default=False)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id))
    editor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(User.id), default=None)


class Remark(UUIDModel, Base):
    text: Mapped[str]


class Place(Base):
    __tablename__ = "place"
    row: Mapped[int] = mapped_column(primary_key=True)
    seat: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id))


@policy
def can_see(user: User | None, post: Post) -> bool:
    return post.is_public or (user is not None and post.owner_id == user.id)


@can_see.where
def _(user: User | None) -> ColumnElement[bool]:
    return Post.is_public if user is None else or_(Post.is_public, Post.owner_id == user.id)


@policy(view=can_see)
def can_edit(user: User, post: Post) -> bool:
    return post.owner_id == user.id


@can_edit.where
def _(user: User) -> ColumnElement[bool]:
    return Post.owner_id == user.id


@policy
def is_editor(user: User, post: Post) -> bool:
    return post.editor_id == user.id


@is_editor.where
def _(user: User) -> ColumnElement[bool]:
    return Post.editor_id == user.id


@policy
def reads(user: User | None, remark: Remark) -> bool:
    return True


@reads.where
def _(user: User | None) -> ColumnElement[bool]:
    return true()


@policy
def sits(user: User, place: Place) -> bool:
    return place.owner_id == user.id


moderates = permission("posts.moderate")
may_edit = can_edit | moderates


class World(Site):
    """A site with Zoe's posts, one of them public, and Bob, who moderates nothing yet."""

    def __init__(self, interface: Any = "asgi") -> None:
        super().__init__(interface)
        self.who: dict[str, Client] = {}

    def fill(self) -> None:
        self.zoe, self.bob = self.make(), self.make("bob@example.org")
        self.secret = Post(title="secret", owner_id=self.zoe.id, editor_id=self.bob.id)
        self.open = Post(title="open", owner_id=self.zoe.id, is_public=True)
        with self.app.session() as db:
            db.add_all([self.secret, self.open, Place(row=1, seat=2, owner_id=self.zoe.id)])
        self.who = {"zoe": self.other(), "bob": self.other(), "nobody": self.other()}
        log_in(self.who["zoe"], self.zoe)
        log_in(self.who["bob"], self.bob)

    def status(self, method: str, path: str, **options: Any) -> dict[str, int]:
        return {name: client.request(method, path, **options).status for name, client in self.who.items()}


@pytest.fixture
def interface(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "asgi"))


@pytest.fixture(scope="module")
def worlds() -> Iterator[Callable[[str], World]]:
    """The world of an interface, with the handlers of all tests; it is sealed once."""

    def world(interface: str) -> AbstractContextManager[World]:
        made = World(interface)
        guarded(made.app)
        listed(made.app)
        return made.running()

    with each_once(world) as worlds:
        yield worlds


@pytest.fixture
def world(worlds: Callable[[str], World], interface: str) -> World:
    found = worlds(interface).anew()
    found.fill()
    return found


def guarded(app: App) -> None:
    """In either colour, below its name; with keys under other names, of several columns, and of rows nobody judged."""

    def read(post: Post) -> str:
        return post.title

    def edit(id: uuid.UUID, post: Post, db: Session) -> str:
        assert db.get(Post, id) is post  # It is loaded once.
        return post.title

    async def async_read(post: Post) -> str:
        return read(post)

    async def async_edit(id: uuid.UUID, post: Post, db: Session) -> str:
        return edit(id, post, db)

    app.get("/def/{id}", needs=can_see)(read)
    app.patch("/def/{id}", needs=can_edit)(edit)
    app.get("/async/{id}", needs=can_see)(async_read)
    app.patch("/async/{id}", needs=can_edit)(async_edit)
    app.get("/a/{post_id}", needs=can_edit.on("post_id"))(lambda: "in")
    app.get("/b/{post_id}", needs=is_editor.on("post_id", view=can_see))(lambda: "in")
    app.get("/places/{row}/{seat}", needs=sits)(lambda: "in")
    app.get("/seats/{b}/{a}", needs=sits.on("a", "b"))(lambda: "in")
    app.get("/none")(read)
    app.get("/two/{a}/{b}", needs=[can_see.on("a"), can_see.on("b")])(read)


def make_remark(db: Session) -> Remark:
    db.add(remark := Remark(text="As the app has it"))
    return remark


def listed(app: App) -> None:
    """A socket, lists, and a whole API."""

    @app.socket("/talk/{id}", needs=can_edit)
    async def talk(socket: Socket[str, list[str]], post: Post) -> None:
        await socket.send([post.title])

    @app.get("/list")
    def posts(identity: Identity[User], db: Session) -> list[str]:
        return [*db.scalars(select(Post.title).where(can_see.sql(identity)).order_by(Post.title))]

    @app.get("/mine")
    def mine(identity: Identity[User], db: Session) -> list[str]:
        return [*db.scalars(select(Post.title).where(may_edit.sql(identity)).order_by(Post.title))]

    api = crud(Post, "/posts", without=("owner_id", "editor_id"), orders=("title",))
    app.include(govern(api, view=can_see, change=may_edit, delete=can_edit))
    app.include(govern(crud(Remark, "/remarks"), view=reads))
    app.include(govern(crud(Remark, "/guests"), view=reads, create=public))
    app.include(govern(crud(Remark, "/notices", needs={"create": staff}), view=reads, create=moderates))
    own = crud(Remark, "/own", actions=("list", "create"))
    own.create(make_remark)
    own.post("/count")(lambda: "counted")
    app.include(govern(own, view=reads))
    app.include(govern(crud(Remark, "/read", actions=("list", "detail")), view=reads))


@contextmanager
def running(world: World) -> Iterator[World]:
    """A world that has what no other may have."""
    with world.running():
        world.fill()
        yield world


# -- handlers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"], indirect=True)
@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_handler_is_for_who_may(world: World, colour: str) -> None:
    secret, opened = f"/{colour}/{world.secret.id}", f"/{colour}/{world.open.id}"
    assert world.status("GET", secret) == {"zoe": 200, "bob": 404, "nobody": 404}
    assert world.status("GET", opened) == {"zoe": 200, "bob": 200, "nobody": 200}
    # What may be seen is refused; what may not is not there. A visitor is asked to log in, whatever is there.
    assert world.status("PATCH", secret) == {"zoe": 200, "bob": 404, "nobody": 401}
    assert world.status("PATCH", opened) == {"zoe": 200, "bob": 403, "nobody": 401}
    gone = f"/{colour}/{uuid.uuid4()}"
    assert world.status("PATCH", gone) == {"zoe": 404, "bob": 404, "nobody": 401}
    assert world.status("PATCH", f"/{colour}/none") == {"zoe": 422, "bob": 422, "nobody": 422}
    absent, hidden = (world.who["bob"].patch(path).json() for path in (gone, secret))
    assert absent["detail"] == hidden["detail"] and absent["code"] == hidden["code"]


def test_the_row_s_key_under_another_name_and_of_several_columns(world: World) -> None:
    assert world.status("GET", f"/a/{world.open.id}") == {"zoe": 200, "bob": 403, "nobody": 401}
    assert world.status("GET", f"/b/{world.secret.id}") == {"zoe": 403, "bob": 200, "nobody": 401}
    assert world.status("GET", "/places/1/2") == {"zoe": 200, "bob": 404, "nobody": 401}
    assert world.status("GET", "/seats/2/1") == {"zoe": 200, "bob": 404, "nobody": 401}
    assert world.status("GET", "/seats/1/2") == {"zoe": 404, "bob": 404, "nobody": 401}


def test_the_key_is_the_path_s_and_nobody_else_s() -> None:
    """A client would say in the query which row is judged, and touch another one."""
    site = Site()
    site.app.post("/edit", needs=can_edit)(lambda: "in")
    with pytest.raises(SetupError, match="bad-policy"), site.running():
        pass


def test_a_handler_that_asks_for_a_row_that_nobody_judged(world: World) -> None:
    for path in ("/none", f"/two/{world.open.id}/{world.secret.id}"):
        with pytest.raises(SetupError, match="rows of Post were judged"):
            world.who["zoe"].get(path)


def test_an_app_s_own_provider_of_a_row_stays() -> None:
    world = World()

    @world.app.provide
    def newest(db: Session) -> Post:
        return db.scalars(select(Post).where(Post.title == "open")).one()

    @world.app.get("/newest")
    def show(post: Post) -> str:
        return post.title

    with running(world):
        assert world.who["nobody"].get("/newest").text == "open"


@pytest.mark.parametrize("interface", ["asgi", "rsgi"], indirect=True)
def test_sockets(world: World) -> None:
    with world.who["zoe"].socket(f"/talk/{world.secret.id}") as socket:
        assert socket.receive() == ["secret"]
    with pytest.raises(Exception, match="404"), world.who["bob"].socket(f"/talk/{world.secret.id}"):
        pass


# -- lists and templates ---------------------------------------------------------------------------------------------


def test_lists_are_filtered_by_the_same_rule(world: World) -> None:
    found = {name: (client.get("/list").json(), client.get("/mine").json()) for name, client in world.who.items()}
    both = ["open", "secret"]
    assert found == {"zoe": (both, both), "bob": (["open"], []), "nobody": (["open"], [])}
    world.grant(world.bob, "moderators", "posts.moderate")
    assert world.who["bob"].get("/mine").json() == both


def test_templates(tmp_path: Any) -> None:
    from wholestack.templates import Templates

    (tmp_path / "post.html").write_text("{% if can(can_edit, post) %}edit{% else %}read{% endif %}{{ can('x.y') }}")
    world = World()
    world.app.use(Templates(str(tmp_path)))

    @world.app.get("/page/{id}", needs=can_see)
    def page(post: Post) -> Page:
        return Page("post.html", post=post, can_edit=can_edit)

    with running(world):
        path = f"/page/{world.open.id}"
        shown = {name: client.get(path).text for name, client in world.who.items()}
    assert shown == {"zoe": "editFalse", "bob": "readFalse", "nobody": "readFalse"}


def test_the_table_of_access_says_which_rows_there_are() -> None:
    site = Site()
    api = crud(Post, "/posts", without=("owner_id", "editor_id"))
    site.app.include(govern(api, view=can_see, change=may_edit, delete=can_edit))
    with site.running(AccessRequired()):
        who = {(each.methods[0], each.path): each.who for each in access_of(site.app) if each.path.startswith("/posts")}
        faults = [fault for check in site.app.checks if check.__name__ == "_open_routes" for fault in check(site.app)]  # type: ignore[call-arg]
    assert who == {
        ("GET", "/posts"): ("rows of can_see",),
        ("POST", "/posts"): ("logged_in",),
        ("GET", "/posts/{id}"): ("rows of can_see",),
        ("PUT", "/posts/{id}"): (f"{may_edit.name} of Post", "rows of can_see"),
        ("PATCH", "/posts/{id}"): (f"{may_edit.name} of Post", "rows of can_see"),
        ("DELETE", "/posts/{id}"): ("can_edit of Post", "rows of can_see"),
    }
    assert faults == []


def test_crud_is_filtered(world: World) -> None:
    titles = {
        name: [each["title"] for each in client.get("/posts").json()["items"]] for name, client in world.who.items()
    }
    assert titles == {"zoe": ["open", "secret"], "bob": ["open"], "nobody": ["open"]}
    secret, opened = f"/posts/{world.secret.id}", f"/posts/{world.open.id}"
    assert world.status("GET", secret) == {"zoe": 200, "bob": 404, "nobody": 404}
    change: dict[str, Any] = {"json": {"title": "open"}}
    assert world.status("PATCH", opened, **change) == {"zoe": 200, "bob": 403, "nobody": 401}
    assert world.status("PATCH", secret, **change) == {"zoe": 200, "bob": 404, "nobody": 401}
    # C19: whose a row is, is not for the client to say.
    world.who["zoe"].patch(opened, json={"owner_id": str(world.bob.id)})
    with world.app.session() as db:
        assert {each.owner_id for each in db.scalars(select(Post))} == {world.zoe.id}
    world.grant(world.bob, "moderators", "posts.moderate")
    assert world.who["bob"].patch(opened, **change).status == 200
    assert world.who["bob"].delete(opened).status == 403
    assert world.who["zoe"].delete(opened).status == 204


def test_who_makes_rows_by_crud_is_somebody(world: World) -> None:
    def made(path: str) -> dict[str, int]:
        return world.status("POST", path, json={"text": "Hello"})

    assert made("/remarks") == {"zoe": 201, "bob": 201, "nobody": 401}
    assert made("/own") == {"zoe": 201, "bob": 201, "nobody": 401}
    assert made("/own/count") == {"zoe": 200, "bob": 200, "nobody": 200}  # A route of the app's own.
    assert made("/guests") == {"zoe": 201, "bob": 201, "nobody": 201}
    assert made("/notices") == {"zoe": 403, "bob": 403, "nobody": 401}
    world.grant(world.bob, "moderators", "posts.moderate")
    with world.app.session() as db:
        db.get_one(User, world.zoe.id).is_staff = True
    assert made("/notices") == {"zoe": 403, "bob": 403, "nobody": 401}  # What `crud` was told holds beside it.
    with world.app.session() as db:
        db.get_one(User, world.bob.id).is_staff = True
    assert made("/notices") == {"zoe": 403, "bob": 201, "nobody": 401}
    assert made("/read") == {"zoe": 405, "bob": 405, "nobody": 405}


def test_a_handler_of_one_s_own_is_held_to_the_policy_too() -> None:
    """Decorated after `govern`, as before it: the rule is the action's and not that of a handler."""
    world = World()
    api = govern(
        crud(Post, "/later", without=("owner_id", "editor_id")), view=can_see, change=may_edit, delete=can_edit
    )

    @api.create
    def add() -> str:
        return "in"

    @api.replace
    def put(id: uuid.UUID) -> str:
        return "in"

    @api.patch(needs=public)
    def change(id: uuid.UUID) -> str:
        return "in"

    @api.delete
    def remove(id: uuid.UUID) -> None:
        pass

    world.app.include(api)
    with world.running():
        world.fill()
        assert world.status("POST", "/later") == {"zoe": 201, "bob": 201, "nobody": 401}
        secret, opened = f"/later/{world.secret.id}", f"/later/{world.open.id}"
        for method in ("PUT", "PATCH", "DELETE"):
            in_time = 204 if method == "DELETE" else 200
            assert world.status(method, opened) == {"zoe": in_time, "bob": 403, "nobody": 401}, method
            assert world.status(method, secret) == {"zoe": in_time, "bob": 404, "nobody": 401}, method


def title_of(id: uuid.UUID, post: Post) -> str:
    return post.title


def test_a_route_of_one_s_own_below_a_row_is_held_to_the_policy_too() -> None:
    """Whether it is there before `govern`, or comes afterwards; what it needs by itself it goes on needing."""
    world = World()
    api = crud(Post, "/deep", without=("owner_id", "editor_id"))

    def answered(id: uuid.UUID) -> str:
        return "in"

    api.patch("/{id}/before", needs=public)(answered)
    api.put("/{id}/staff", needs=staff)(answered)
    api.patch("/{id}/twice", needs=may_edit)(title_of)
    api.put("/all")(lambda: "in")
    govern(api, view=can_see, change=may_edit, delete=can_edit)
    api.put("/{id}/after")(answered)
    api.delete("/{id}/after")(answered)
    api.route("/{id}/several", ["PUT", "PATCH"])(answered)
    api.get("/{id}/seen")(answered)
    world.app.include(api)
    with world.running():
        world.fill()
        secret, opened = f"/deep/{world.secret.id}", f"/deep/{world.open.id}"
        ways = [("PATCH", "before"), ("PUT", "after"), ("DELETE", "after"), ("PUT", "several"), ("PATCH", "several")]
        for method, path in ways:
            assert world.status(method, f"{opened}/{path}") == {"zoe": 200, "bob": 403, "nobody": 401}, (method, path)
            assert world.status(method, f"{secret}/{path}") == {"zoe": 200, "bob": 404, "nobody": 401}, (method, path)
        assert world.status("PATCH", f"{opened}/twice") == {"zoe": 200, "bob": 403, "nobody": 401}, (
            "one row, judged twice"
        )
        assert world.status("PUT", f"{opened}/staff") == {"zoe": 403, "bob": 403, "nobody": 401}
        assert world.status("PUT", "/deep/all") == {"zoe": 200, "bob": 200, "nobody": 200}
        assert world.status("GET", f"{secret}/seen") == {"zoe": 200, "bob": 200, "nobody": 200}


def test_rows_that_are_said_twice() -> None:
    api = crud(Post, "/twice", without=("owner_id", "editor_id"))

    @api.rows
    def mine() -> Any:
        return select(Post).where(Post.title == "mine")

    with pytest.raises(SetupError, match="bad-crud") as caught:
        govern(api, view=can_see)
    assert f"{__file__}:" in str(caught.value), "where it is said first"
    governed = govern(crud(Post, "/twice", without=("owner_id", "editor_id")), view=can_see)
    with pytest.raises(SetupError, match="bad-crud"):
        governed.rows(mine)  # It would open what the policy hides.


# -- in code ---------------------------------------------------------------------------------------------------------


def test_tasks_ask_with_the_user_alone(world: World) -> None:
    with world.app.session() as db:
        zoe, bob = db.get(User, world.zoe.id), db.get(User, world.bob.id)
        post = db.get(Post, world.secret.id)
        assert may_edit(zoe, post) and not may_edit(bob, post) and not may_edit(None, post)
    world.grant(world.bob, "moderators", "posts.moderate")
    with world.app.session() as db:
        bob = db.get(User, world.bob.id)
        assert may_edit(bob, post)
        db.expunge(bob)
        with pytest.raises(LookupError, match="in none"):  # Nobody can tell his roles, nor then what he may not.
            may_edit(bob, post)


COMBINED: dict[str, Policy[Post]] = {
    "can_see": can_see,
    "can_edit": can_edit,
    "not": ~can_edit,
    "editor": is_editor,
    "not_editor": ~is_editor,
    "or": can_edit | is_editor,
    "and": can_see & is_editor,
    "both": ~(can_see & ~is_editor),
    "permission": can_edit | moderates,
    "turned": moderates | can_edit,
    "role": role("moderators") & can_see,
    "rules": can_see & (staff | moderates),
    "not_rule": can_see & ~moderates,
}


def test_combined_policies_say_the_same_in_both_forms(world: World) -> None:
    world.grant(world.bob, "moderators", "posts.moderate")
    with world.app.session() as db:
        zoe, bob = db.get(User, world.zoe.id), db.get(User, world.bob.id)
        for each in COMBINED.values():
            each.check_agreement(db, [zoe, bob, None], db.scalars(select(Post)).all())
        posts = [db.get(Post, world.secret.id), db.get(Post, world.open.id)]
        said = {
            name: [[each(user, post) for post in posts] for user in (zoe, bob, None)] for name, each in COMBINED.items()
        }
    yes, no, first, last = [True, True], [False, False], [True, False], [False, True]
    assert said == {
        "can_see": [yes, last, last],
        "can_edit": [yes, no, no],
        "not": [no, yes, yes],
        "editor": [no, first, no],
        "not_editor": [yes, last, yes],
        "or": [yes, first, no],
        "and": [no, no, no],
        "both": [no, first, first],
        "permission": [yes, yes, no],
        "turned": [yes, yes, no],
        "role": [no, last, no],
        "rules": [no, last, no],
        "not_rule": [yes, no, no],
    }
    assert (can_edit | moderates).name == "(can_edit | permission('posts.moderate'))"
    assert (moderates & can_edit).name == "(permission('posts.moderate') & can_edit)"
    assert repr(~can_edit) == "<Policy ~can_edit of Post>"


def test_forms_that_differ_are_told(world: World) -> None:
    @policy
    def wrong(user: User, post: Post) -> bool:
        return post.is_public

    @wrong.where
    def _(user: User) -> ColumnElement[bool]:
        return Post.owner_id == user.id

    with world.app.session() as db:
        zoe = db.get(User, world.zoe.id)
        with pytest.raises(AssertionError, match="False in Python, True in SQL"):
            wrong.check_agreement(db, [zoe], db.scalars(select(Post)).all())


def test_what_is_no_policy() -> None:
    @policy
    def without_sql(user: User, post: Post) -> bool:
        return True

    with pytest.raises(SetupError, match="has no form in SQL"):
        without_sql.sql(User(email="a@example.org"))
    with pytest.raises(SetupError, match="is combined"):
        (can_see | can_edit).where(lambda user: Post.is_public)
    with pytest.raises(SetupError, match="is about Post, and sits about Place"):
        can_see | sits  # type: ignore[operator]  # pyright: ignore[reportUnusedExpression]
    with pytest.raises(SetupError, match="has 2 keys"):
        sits.on("id")

    @rule
    def on_weekdays(request: Request, router: Router) -> bool:
        return True

    with pytest.raises(SetupError, match="asks for more than the identity"):
        can_see | on_weekdays  # pyright: ignore[reportUnusedExpression]

    def one(user: User) -> bool:
        return True

    def no_row(user: User, post: int) -> bool:
        return True

    async def later(user: User, post: Post) -> bool:
        return True

    def unknown(user: User, post: Missing) -> bool:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
        return True

    for function in (one, no_row, later, unknown):
        with pytest.raises(SetupError, match="bad-policy"):
            policy(function)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
