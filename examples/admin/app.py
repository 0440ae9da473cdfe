"""A library and its back office. The chapter docs/learn/admin.md builds it."""

# [models]
import datetime

from wholestack import App
from wholestack.admin import Admin, AdminView, Inline, Line, Number, column
from wholestack.auth import Auth, UserMixin, permission
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Timestamps,
    UUIDModel,
    func,
    mapped_column,
    relationship,
    select,
)


class Librarian(UserMixin, UUIDModel):
    __tablename__ = "library_librarian"


class Title(Model):
    __tablename__ = "library_title"

    name: Mapped[str]
    author: Mapped[str]
    bought: Mapped[datetime.date | None] = mapped_column(default=None)
    loans: Mapped[list["Loan"]] = relationship(back_populates="title", cascade="all, delete-orphan")


class Loan(Timestamps, Model):
    __tablename__ = "library_loan"

    title_id: Mapped[int] = mapped_column(ForeignKey("library_title.id"), index=True)
    title: Mapped[Title] = relationship(back_populates="loans")
    reader: Mapped[str]
    back: Mapped[bool] = mapped_column(default=False)


# [/models]
# [views]
class Titles(AdminView[Title]):
    columns = ("name", "author", "bought", "out")
    search = ("name", "author")
    filters = ("bought",)
    orders = ("name",)
    fields = {"": ("name", "author"), "Purchase": ("bought",)}
    inlines = (Inline(Loan, fields=("reader", "back"), extra=1),)

    @column("Out")
    def out(self, title: Title) -> int:
        return sum(not loan.back for loan in title.loans)


class Loans(AdminView[Loan]):
    columns = ("title", "reader", "created_at", "back")
    filters = ("back",)
    search = ("reader", "title.name")


# [/views]
# [admin]
app = App(title="Library")
admin = Admin(Titles, Loans, Librarian, title="Library, inside", accent="#7a1f5c")
app.use(Database("sqlite:///library.db"), Auth(Librarian), admin)


# [/admin]
# [cards]
@admin.card("Books that are out", needs=permission("library_loan.view"))
def out(db: Session) -> Number:
    number = db.scalar(select(func.count()).select_from(Loan).where(Loan.back.is_(False))) or 0
    return Number(number, url="/admin/library-loan?back=false")


@admin.card("Loans by day", wide=True, needs=permission("library_loan.view"))
def by_day(db: Session) -> Line:
    today = datetime.datetime.now(datetime.UTC).date()
    days = [today - datetime.timedelta(days=back) for back in reversed(range(7))]
    made = [at.date() for at in db.scalars(select(Loan.created_at).order_by(Loan.id.desc()).limit(1000))]
    return Line([(f"{day:%d %b}", made.count(day)) for day in days])


# [/cards]
