"""The code of docs/guides/admin.md, run."""

from __future__ import annotations

# [imports]
from pydantic import BaseModel

from wholestack import App, Form, Redirect
from wholestack.admin import Admin, AdminView, Bars, Donut, Line, Number, TableOf
from wholestack.auth import Auth, UserMixin, permission
from wholestack.db import Database, Mapped, Model, Session, UUIDModel, func, select
from wholestack.templates import Page

# [/imports]
from wholestack.testing import AsUser, Client


# [admin]
class Florist(UserMixin, UUIDModel): ...


class Flower(Model):
    name: Mapped[str]
    colour: Mapped[str]
    stems: Mapped[int]


class Flowers(AdminView[Flower]):
    group = "Shop"
    icon = "✿"
    search = ("name",)


admin = Admin(Flowers, Florist, title="Flower shop", accent="#7a1f5c")
app = App(title="Flowers")
app.use(Database("sqlite://", migrations=None), Auth(Florist), admin)
# [/admin]


# [cards]
@admin.card("Stems", needs=permission("flower.view"))
def stems(db: Session) -> Number:
    return Number(db.scalar(select(func.sum(Flower.stems))) or 0, note="in the cold room", url="/admin/flower")


@admin.card("Stems by colour", needs=permission("flower.view"))
def colours(db: Session) -> Donut:
    counted = db.execute(select(Flower.colour, func.sum(Flower.stems)).group_by(Flower.colour))
    return Donut([(colour, number) for colour, number in counted])


@admin.card("What runs out", wide=True, needs=permission("flower.view"))
def least(db: Session, most: int = 5) -> TableOf | None:
    rows = db.scalars(select(Flower).where(Flower.stems < 10).order_by(Flower.stems).limit(most)).all()
    return TableOf(["Flower", "Stems"], [[row.name, row.stems] for row in rows]) if rows else None


# [/cards]
# [pages]
class Order(BaseModel):
    supplier: str


@admin.page("/orders", title="Orders", group="Shop", icon="+", needs=permission("flower.change"))
def show_orders() -> Page:
    return Page("orders.html")


@admin.router.post("/orders", needs=permission("flower.change"), hidden=True)
def order(new: Form[Order]) -> Redirect:
    return Redirect("/admin/orders")


admin.link("The shop's pages", "/", group="Shop")
# [/pages]


# [plugin]
class Weather:
    """A plugin of somebody else."""

    def setup(self, app: App) -> None:
        @app.plugin(Admin).card("Frost")
        def frost() -> Line:
            return Line([("Mon", 2), ("Tue", 0), ("Wed", 4)])


# [/plugin]
app.use(Weather())


def test_the_dashboard_of_the_guide() -> None:
    with Client(app, headers={"accept": "text/html", "sec-fetch-site": "same-origin"}) as client:
        app.plugin(Database).create_tables()
        with app.session() as db:
            db.add_all([Flower(name="Rose", colour="red", stems=40), Flower(name="Iris", colour="blue", stems=4)])
        AsUser(lambda: client)(is_staff=True, is_superuser=True)
        page = client.get("/admin/").text
        assert '<a href="/admin/flower">44</a>' in page and "What runs out" in page and "91%" in page
        assert 'href="/admin/orders"' in page and Bars([("a", 1)]).__html__()
        assert client.post("/admin/orders", data={"supplier": "Ann"}, follow=False).status == 303
        assert "<h1>Orders</h1>" in client.get("/admin/orders").text
        AsUser(lambda: client)(permissions=["florist.view"], is_staff=True)
        page = client.get("/admin/").text
        assert "Stems" not in page and "/admin/orders" not in page
        assert client.get("/admin/orders").status == 403
