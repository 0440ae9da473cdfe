"""What one person may do in the admin: with a model, with a row, with a field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, false, or_, select

from wholestack import Forbidden, NotFound
from wholestack.auth import Identity, Policy, UserMixin, permission_name
from wholestack.languages import gettext

from ._soft import is_deleted, mark_of
from ._view import FieldRule, Judge

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from wholestack.db import Session

    from ._resource import Resource

ACTIONS = ("view", "add", "change", "delete")
UNKNOWN: Any = object()
"""In the place of a row that was there once: who is to be asked with the row says no."""
DELETED = "deleted"
"""In the query of a list: ``?deleted=1`` shows the rows that are marked as deleted."""


class Access:
    """What the person of a request may do with the rows of one model.

    A permission over the model (`permission_name`) opens it; the view's policies say for which rows, its field rules
    for which fields. Who may change may see. Who acts for somebody else may see, and nothing more.

    Arguments:
        resource: the model.
        identity: the person.
        deleted: whether `rows` are those that are marked as deleted, and not those that are not.
        tenant: the key of the tenant whom the request is for, where the rows themselves belong to none and a deletion
            may reach rows that do.
    """

    def __init__(
        self, resource: Resource, identity: Identity[Any], *, deleted: bool = False, tenant: object = None
    ) -> None:
        self.resource = resource
        self.identity = identity
        self.deleted: bool = deleted and mark_of(resource) is not None
        self.tenant = tenant

    # -- the model and its rows --------------------------------------------------------------------------------------

    def may(self, action: str) -> bool:
        """Whether they may do something with some row at least: ``"view"``, ``"add"``, ``"change"``, ``"delete"`` or a
        name of the view's own.
        """
        if action == "view":
            return self._has("view") or self._has("change")
        return self.identity.impersonator is None and self._has(action)

    def _has(self, action: str) -> bool:
        return self.identity.can(permission_name((self.resource.above or self.resource).model, action))

    def require(self, action: str) -> None:
        """Refuse who may not.

        Raises:
            Forbidden: they may not.
        """
        if not self.may(action):
            raise Forbidden(gettext("You may not do this."))

    def policy(self, action: str) -> Policy[Any] | None:
        """The rule over rows that an action has beside the permission."""
        view = type(self.resource.view)
        if action == "view":
            return view.rows
        change = view.change or view.rows
        return (view.delete or change) if action == "delete" else change

    def policies(self, action: str) -> list[Policy[Any]]:
        """All rules over rows that an action has: what one may not see one may not touch."""
        first, second = self.policy("view"), self.policy(action)
        return [each for each in (first, None if second is first else second) if each is not None]

    def may_row(self, action: str, row: Any) -> bool:
        """Whether they may do it with this row; what they may not see they may not touch, and what is marked as deleted
        they may have back first.
        """
        if action == "change" and is_deleted(self.resource, row):
            return False
        return self.may_any_row(action, row)

    def may_any_row(self, action: str, row: Any) -> bool:
        """The same, whether the row is marked as deleted or not."""
        if not self.may(action) or (self._is_guarded(action) and self._is_above(row)):
            return False
        return all(policy(self.identity, row) for policy in self.policies(action))

    def _is_guarded(self, action: str) -> bool:
        """Whether users who may do more are not for this person to touch: who sets somebody's address gets the mail
        that lets them in.
        """
        user = self.identity.user
        return action not in {"view", "add"} and is_of_users(self.resource) and not (user and user.is_superuser)

    def _is_above(self, row: Any) -> bool:
        user: Any = self.identity.user
        return bool(row.is_superuser) or (row.key != user.key and self.identity.is_outranked_by(row))

    def _below(self, statement: Select[Any]) -> Select[Any]:
        """Those of some users who are not above this person."""
        model: Any = self.resource.model
        user: Any = self.identity.user
        above = self.identity.outranking
        statement = statement.where(model.is_superuser.is_(False))
        (key,) = self.resource.mapper.primary_key
        return statement if above is None or user is None else statement.where(or_(~above, key == user.id))

    def may_own(self, row: Any) -> bool:
        """Whether a row that was made or changed is still one that they may see: nobody writes rows past their policy,
        as PostgreSQL's row security has it (``WITH CHECK``).
        """
        policy = self.policy("view")
        return policy is None or policy(self.identity, row)

    def rows(self, action: str = "view") -> Select[Any]:
        """A select of the rows with which they may do it, and that are not marked as deleted; every query of the admin
        begins here.
        """
        mark = mark_of(self.resource)
        statement = self.all_rows(action)
        if mark is None:
            return statement
        column = getattr(self.resource.model, mark)
        return statement.where(column.is_not(None) if self.deleted else column.is_(None))

    def all_rows(self, action: str = "view") -> Select[Any]:
        """The same with those that are marked as deleted."""
        statement = select(self.resource.model)
        if not self.may(action):
            return statement.where(false())
        for policy in self.policies(action):
            # A rule over the columns of the class above knows nothing of rows that are not in its table.
            statement = statement.where(false() if self.resource.apart else policy.sql(self.identity))
        return self._below(statement) if self._is_guarded(action) else statement

    def row(self, db: Session, key: str, action: str = "view", *, options: Sequence[ORMOption] = ()) -> Any:
        """The row of a key in a path, loaded with `options`.

        Raises:
            NotFound: there is none that they may see.
            Forbidden: they may see it, and no more.
        """
        values = self.resource.keys.values(key)
        if values is None or not self.may("view"):
            raise NotFound(gettext("There is no such row, or it is not yours to see."))
        names = self.resource.keys.names
        same = [getattr(self.resource.model, name) == value for name, value in zip(names, values, strict=True)]
        row = db.scalars(self.all_rows().where(*same).options(*options)).unique().first()
        if row is None:
            raise NotFound(gettext("There is no such row, or it is not yours to see."))
        if action != "view" and not self.may_row(action, row):
            raise Forbidden(gettext("You may not do this."))
        return row

    # -- fields ------------------------------------------------------------------------------------------------------

    def visible(self, names: Iterable[str], row: Any = None) -> list[str]:
        """Those of some fields that they may see, in the same order.

        A path (``"author.email"``) is visible where they may see each model and each field on it.

        Arguments:
            names: attributes, relations, paths and methods of the view.
            row: of which row; None for lists, filters, searches, exports and new rows; `UNKNOWN` for one that is gone.
        """
        return [name for name in names if self._sees(name, row)]

    def editable(self, names: Iterable[str], row: Any = None) -> list[str]:
        """Those of some fields that they may change, in the same order; as `visible`, which they are all.

        It says nothing of whether they may change the row.
        """
        return [
            name
            for name in self.visible(names, row)
            if all(self._passes(rule.change, row) for rule in self._rules(name))
        ]

    def _sees(self, path: str, row: Any) -> bool:
        first, _, rest = path.partition(".")
        if not all(self._passes(rule.view, row) for rule in self._rules(first)):
            return False
        if not rest:
            return True
        other = self.to(first)
        return other is None or (other.may("view") and other._sees(rest, None))

    @property
    def asks_rows(self) -> bool:
        """Whether a field is seen by who may see it in a certain row."""
        views = [each.view if isinstance(each, FieldRule) else each for each in rules_of(self.resource).values()]
        return any(each is not None and not isinstance(each, str) for each in views)

    def _rules(self, name: str) -> list[FieldRule]:
        """The rules of a field: its own, else all of what is the same field, as a foreign key and its relations are."""
        given = rules_of(self.resource)
        if not given:
            return []
        names = [name] if name in given else [each for each in self.resource.same_fields.get(name, ()) if each in given]
        return [rule if isinstance(rule := given[each], FieldRule) else FieldRule(rule, rule) for each in names]

    def _passes(self, judge: Judge | None, row: Any) -> bool:
        if judge is None:
            return True
        if isinstance(judge, str):
            return self.identity.can(judge)
        if row is UNKNOWN or (row is None and isinstance(judge, Policy)):
            return False
        return bool(judge(self.identity, row))

    # -- other models ------------------------------------------------------------------------------------------------

    def to(self, relation: str) -> Access | None:
        """What they may do with the rows at the end of a relation; None where the admin does not show that model."""
        found = self.resource.relations.get(relation)
        return None if found is None else self.of(found.mapper.class_)

    def of(self, model: type[Any]) -> Access | None:
        """What they may do with the rows of another model; None where the admin does not show it. A subclass that it
        does not show is guarded as the nearest class above it that it shows.
        """
        if not any(each in self.resource.others for each in model.__mro__):
            return None
        return Access(self.resource.to(model), self.identity)

    def choices(self, relation: str) -> Select[Any]:
        """A select of the rows that they may choose for a relation: those that they may see, of a model that the admin
        shows, else all.
        """
        other = self.to(relation)
        return select(self.resource.relations[relation].mapper.class_) if other is None else other.rows()

    def label(self, row: Any) -> str:
        """What a row of any model is called; not by its name where they may not see it."""
        other = self.of(type(row))
        if other is None:
            from ._cells import label_of

            return label_of(row)
        if other.may_row("view", row):
            return other.resource.view.label(row)
        return gettext("%(kind)s, not yours to see") % {"kind": other.resource.singular}


def is_of_users(resource: Resource) -> bool:
    """Whether the rows of a model are users."""
    return issubclass(resource.model, UserMixin)


def _is_superuser(identity: Identity[Any], row: Any) -> bool:
    user = identity.user
    return user is not None and bool(user.is_superuser)


def _is_nobody(identity: Identity[Any], row: Any) -> bool:
    return False


_OF_USERS: Mapping[str, FieldRule] = {
    **dict.fromkeys(("is_staff", "is_superuser"), FieldRule(change=_is_superuser)),
    **dict.fromkeys(
        ("email_confirmed_at", "login_version", "created_at", "last_login_at"), FieldRule(change=_is_nobody)
    ),
}
"""What nobody gives themselves who may change users; a view says otherwise by rules of its own."""


def rules_of(resource: Resource) -> Mapping[str, FieldRule | Judge]:
    """Who sees and changes the fields of a model."""
    given = type(resource.view).field_rules
    return {**_OF_USERS, **given} if is_of_users(resource) else given


def check_rules(resource: Resource) -> None:
    """Look whether each field with a rule is there.

    Raises:
        SetupError: one is not (``bad-admin``): a rule with a slip in its name would guard nothing.
    """
    known = {*resource.attributes, *resource.relations}
    for name in type(resource.view).field_rules:
        if name not in known and resource.view.computed(name) is None:
            raise resource.fault(f"{resource.model.__name__} has no {name!r} to have a rule.", known)
