"""What a program says of a model in the admin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar, get_args, get_origin

from sqlalchemy import ColumnElement

from wholestack.auth import Identity, Policy

if TYPE_CHECKING:
    from ._access import Access
    from ._filters import Filter

from ._actions import Action, actions_of
from ._cells import label_of
from ._inline import Inline

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])
_COLUMN = "_wholestack_admin_column"


@dataclasses.dataclass(frozen=True)
class ComputedColumn:
    """A column of a list that a method of the view computes.

    Attributes:
        title: its heading.
        order: the attribute by which the list is ordered where somebody orders by it; None where it cannot be.
    """

    title: str
    order: str | None = None


Judge: TypeAlias = str | Callable[[Identity[Any], Any], bool]
"""Who may do something with a field: the name of a permission, a policy, or a function of the identity and the row."""


@dataclasses.dataclass(frozen=True)
class FieldRule:
    """Who sees a field of a model in the admin, and who changes it: ``field_rules = {"price": FieldRule(…)}``.

    A function is asked with the row, and with None where it is about no row in particular: a column of lists, filters,
    searches and exports, and the form of a new row. A policy over rows says no to None.

    Attributes:
        view: who sees it; everybody who sees the row where None.
        change: who changes it, beside who sees it; everybody who changes the row where None.

    Example:
        >>> FieldRule(change="invoice.set_price").change
        'invoice.set_price'
    """

    view: Judge | None = None
    change: Judge | None = None


def column(title: str, *, order: str | None = None) -> Callable[[F], F]:
    """Make a method of a view a column of its list: ``columns = ("title", "words")``.

    Arguments:
        title: its heading.
        order: an attribute by which the list can be ordered in its place.

    Example:
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, mapped_column
        >>> class Essay(Model):
        ...     text = mapped_column(String(80))
        >>> class Essays(AdminView[Essay]):
        ...     columns = ("text", "words")
        ...     @column("Words")
        ...     def words(self, essay: Essay) -> int:
        ...         return len(essay.text.split())
        >>> Essays().words(Essay(text="one two"))
        2
    """

    def marked(function: F) -> F:
        vars(function)[_COLUMN] = ComputedColumn(title, order)
        return function

    return marked


class AdminView(Generic[M]):
    """How the admin shows a model; a subclass says what differs from what the model itself tells.

    Attributes:
        model: the database model, as the type argument has it.
        title: what several of its rows are called; by the model's name where empty.
        singular: what one of them is called; by the model's name where empty.
        labels: what attributes and relations are called, in lists, forms, filters, histories and files, by the names of
            the attributes; by those where nothing is said: ``{"born": lazy("Birthday")}``.
        icon: one character beside it in the navigation.
        group: the heading under which it stands there.
        columns: attributes of the list's columns, relations, paths (``"author.email"``) and methods with `column`.
        more_columns: columns that a person may add to those.
        cells: by column, what makes its cell of a value: ``{"homepage": link, "email": mail, "state": badge}``.
        editable: attributes that are edited in the list; the first column, which leads to the row, is not.
        filters: attributes and relations by which the list may be filtered, ``"summary__empty"``, and filters of the
            program's own (`Filter`).
        facets: whether each choice of a filter has its number of rows beside it; None where a person may ask for them.
        date_drill: a date by which the list is gone down to years, months and days.
        search: what is searched, also of relations: ``"title"``, ``"author.name"``, ``"isbn__is"``,
            ``"name__begins"``.
        search_text: texts of which PostgreSQL searches the full text; elsewhere they are searched as any.
        search_language: in which language it does.
        orders: attributes by which the list may be ordered, the first is the usual one; ``-`` lets it descend.
        fields: attributes of the form, or field sets by their headings.
        read_only: attributes that the form shows and does not take; also properties of the model, and methods with
            `column`.
        inlines: rows of other models in the form; see `Inline`.
        autocomplete: relations, or attributes of foreign keys, that are searched whatever their number.
        most_choices: rows up to which a relation is chosen from a list; where there are more it is searched.
        depends: what the choices of an attribute depend on: ``{"city_id": ("country_id",)}``; see `choices_of`.
        file_types: media types that an attribute of a stored file takes, by its bytes: ``{"contract":
            ("application/pdf",)}``.
        images: attributes of stored files that hold pictures, written anew with a small one beside (the extra
            `images`).
        size: rows of a page.
        rows: who may see a row, beside the permission over the model; every row where None.
        change: who may change it; who may see it where None.
        delete: who may delete it; who may change it where None.
        field_rules: who sees and who changes a field: a `FieldRule`, or one permission or function for both.
        deleted_at: the attribute that marks a row as deleted, a moment or None, where the model has it (`SoftDeletes`);
            empty, and its rows are deleted for good.
        import_rows: rows that a file may have which is imported.
        import_size: bytes that it may have, or text such as ``"10 MB"``.
        most_deleted: rows that may go with one that is deleted; where there are more they must be deleted first.

    Example:
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, mapped_column
        >>> class Story(Model):
        ...     title = mapped_column(String(80))
        >>> class Stories(AdminView[Story]):
        ...     columns = ("title",)
        ...     search = ("title",)
        >>> Stories.model.__name__
        'Story'
    """

    model: ClassVar[type[Any]]
    title: ClassVar[str] = ""
    singular: ClassVar[str] = ""
    labels: ClassVar[Mapping[str, str]] = {}
    icon: ClassVar[str] = ""
    group: ClassVar[str] = ""
    columns: ClassVar[Sequence[str]] = ()
    more_columns: ClassVar[Sequence[str]] = ()
    cells: ClassVar[Mapping[str, Callable[[Any], object]]] = {}
    editable: ClassVar[Sequence[str]] = ()
    filters: ClassVar[Sequence[str | Filter]] = ()
    facets: ClassVar[bool | None] = None
    date_drill: ClassVar[str] = ""
    search: ClassVar[Sequence[str]] = ()
    search_text: ClassVar[Sequence[str]] = ()
    search_language: ClassVar[str] = "simple"
    orders: ClassVar[Sequence[str]] = ()
    fields: ClassVar[Sequence[str] | Mapping[str, Sequence[str]]] = ()
    read_only: ClassVar[Sequence[str]] = ()
    inlines: ClassVar[Sequence[Inline]] = ()
    autocomplete: ClassVar[Sequence[str]] = ()
    most_choices: ClassVar[int] = 100
    depends: ClassVar[Mapping[str, Sequence[str]]] = {}
    file_types: ClassVar[Mapping[str, Sequence[str]]] = {}
    images: ClassVar[Sequence[str]] = ()
    size: ClassVar[int] = 50
    rows: ClassVar[Policy[Any] | None] = None
    change: ClassVar[Policy[Any] | None] = None
    delete: ClassVar[Policy[Any] | None] = None
    field_rules: ClassVar[Mapping[str, FieldRule | Judge]] = {}
    deleted_at: ClassVar[str] = "deleted_at"
    most_deleted: ClassVar[int] = 1_000
    import_rows: ClassVar[int] = 100_000
    import_size: ClassVar[int | str] = "10 MB"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            given = get_origin(base) is AdminView and "model" not in vars(cls)
            if given and isinstance(get_args(base)[0], type):
                cls.model = get_args(base)[0]

    def computed(self, name: str) -> ComputedColumn | None:
        """What `column` says of a method; None where there is none."""
        found: ComputedColumn | None = getattr(getattr(type(self), name, None), _COLUMN, None)
        return found

    def offered(self, access: Access) -> list[Action]:
        """The actions of its list that a person may do; see `action`. One that an override leaves out is refused as
        well. Rows that are marked as deleted have none: they are to be had back first.
        """
        if access.deleted:
            return []
        return [each for each in actions_of(type(self)).values() if access.may(each.permission)]

    def choices_of(self, name: str, values: Mapping[str, Any]) -> ColumnElement[bool] | None:
        """What rows must fulfil that may be chosen for a reference, beside that the person sees them; None: nothing.

        It is asked when the choices are shown and again when the form is saved.

        Arguments:
            name: the attribute of the foreign key, or the relation to many.
            values: the form so far, as texts by attribute (lists where several are chosen): what was typed, not
                checked.

        Example:
            ``return City.country_id == as_int(values["country_id"]) if name == "city_id" else None``
        """
        return None

    def before_save(self, row: M, identity: Identity[Any], *, new: bool) -> None:
        """Called with a row that has its values and is about to be written, by its page or in an inline: for what no
        form asks, such as who has made it.

        Raises:
            FormError: it must not be written so.
        """

    def label(self, row: M) -> str:
        """What a row is called: its own ``__str__``, else its name or title, else its key. A field that `field_rules`
        keep from somebody is nobody's name for a row.
        """
        rules = self.field_rules.items()
        return label_of(row, {name for name, each in rules if not isinstance(each, FieldRule) or each.view is not None})


def view_of(model: type[M]) -> AdminView[M]:
    """The view of a model of which a program says nothing."""
    made: type[AdminView[M]] = type(f"{model.__name__}View", (AdminView,), {"model": model})
    return made()


def view_below(view: AdminView[Any], model: type[M], **said: Any) -> AdminView[M]:
    """The view of a subclass of which a program says nothing: what it says of the class above holds for it, too."""
    made: type[AdminView[M]] = type(f"{model.__name__}View", (type(view),), {"model": model, **said})
    return made()
