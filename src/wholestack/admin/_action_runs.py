"""Running an action: batch by batch, each row judged, and what has become of each in the history."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select
from sqlalchemy import inspect as look_at

from wholestack import Conflict, Forbidden, NotFound
from wholestack.languages import gettext

from ._access import Access
from ._actions import DELETE, Action, Selection, actions_of, batches
from ._deletion import Deletion
from ._history import Author, Change, differences
from ._matching import Matching
from ._paths import among
from ._record import Called, fields_of, files_in, is_secret, snapshot, table_of, tenant_in

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._plugin import Admin
    from ._resource import Resource

_MOST_NAMED = 5


class ActionRun:
    """An action that is done to the rows that were chosen for it.

    Arguments:
        admin: the plugin.
        db: the session, in a transaction of the caller's.
        access: what the person may.
        settings: the job's: the action, the rows, the form.
        author: who it is.

    Attributes:
        told: what the action has said last.
    """

    def __init__(self, admin: Admin, db: Session, access: Access, settings: Mapping[str, Any], author: Author) -> None:
        self._admin = admin
        self._db = db
        self._access = access
        self._author = author
        self._seen = chosen(access, db, settings)
        self._keys: Sequence[str] | None = settings.get("keys")
        self.resource = access.resource
        self.action: Action = action_called(access, settings["action"])
        form = self.action.form
        self._form: Any = (
            None if form is None else form.model_validate(settings.get("form") or {}, by_alias=False, by_name=True)
        )
        self.told: str | None = None

    def check(self, total: int) -> int:
        """Refuse all of it where one of the rows is not for this person.

        Arguments:
            total: how many rows they have confirmed.

        Returns:
            how many rows there are.

        Raises:
            Forbidden: they may not do this, or not with a row, which it names; or a row is not there.
        """
        self._access.require(self.action.permission)
        selection: Selection[Any] = Selection(self._access, self.action.permission, self._db, self._seen)
        refused = selection.refused()
        if refused:
            raise Forbidden(self._not_with(refused))
        if self._keys is not None and selection.count != len(set(self._keys)):
            raise Forbidden(gettext("Some of these rows are not there any more. Nothing was changed."))
        if self._keys is None and selection.count != total:
            raise Forbidden(gettext("Other rows match by now than when you were asked. Nothing was changed."))
        return selection.count

    def _not_with(self, rows: Sequence[Any]) -> str:
        names = ", ".join(self.resource.view.label(each) for each in rows[:_MOST_NAMED])
        more = "…" if len(rows) > _MOST_NAMED else ""
        return gettext("You may not do this with: %(rows)s. Nothing was changed.") % {"rows": f"{names}{more}"}

    def batch(self, after: tuple[Any, ...] | None) -> tuple[tuple[Any, ...], int] | None:
        """Do it to the next rows.

        Arguments:
            after: the key of the last row before them; None at the beginning.

        Returns:
            the key of the last row, and how many they were; None where there were none.

        Raises:
            Forbidden: a row is not for this person.
        """
        rows = next(batches(self._db, self._seen, self.resource, after), None)
        if rows is None:
            return None
        refused = [row for row in rows if not self._access.may_row(self.action.permission, row)]
        if refused:
            raise Forbidden(self._not_with(refused))
        keys = [tuple(getattr(row, name) for name in self.resource.keys.names) for row in rows]
        if self.action is DELETE:
            self._delete(rows)
            return keys[-1], len(keys)
        before = [snapshot(self.resource, row) for row in rows]
        labels = [self.resource.view.label(row) for row in rows]
        owns = [self.resource.own(row) for row in rows]
        self._call(keys)
        self._db.flush()
        self._write(keys, owns, labels, before)
        return keys[-1], len(keys)

    def _delete(self, rows: Sequence[Any]) -> None:
        for row in rows:
            if not look_at(row).was_deleted and not look_at(row).detached:  # It may have gone with another.
                label = self.resource.view.label(row)
                try:
                    Deletion(self._db, self._access, row).do(self._admin, self._author)
                except Conflict as error:
                    told = gettext("%(label)s cannot be deleted. %(why)s") % {"label": label, "why": error.detail}
                    raise Conflict(told) from error

    def _call(self, keys: list[tuple[Any, ...]]) -> None:
        seen = self._access.rows().where(among(self.resource, keys))
        selection: Selection[Any] = Selection(self._access, self.action.permission, self._db, seen)
        method = getattr(self.resource.view, self.action.name)
        takes = inspect.signature(method).parameters
        given = {"db": self._db, "form": self._form, "identity": self._access.identity}
        told = method(selection, **{name: value for name, value in given.items() if name in takes})
        self.told = str(told) if told is not None else self.told

    def _write(
        self, keys: list[tuple[Any, ...]], owns: list[Resource], labels: list[str], before: list[dict[str, Any]]
    ) -> None:
        """The history of what has become of each row, whatever way the action has changed it."""
        resource = self.resource
        for row in list(self._db.identity_map.values()):
            if isinstance(row, resource.model) and not look_at(row).deleted:
                self._db.expire(row)
        there: dict[tuple[Any, ...], Any] = {
            tuple(getattr(row, name) for name in resource.keys.names): row
            for row in self._db.scalars(select(resource.model).where(among(resource, keys))).unique()
        }
        found: dict[Resource, dict[tuple[Any, ...], dict[str, Any]]] = {}
        for key, old, own in zip(keys, before, owns, strict=True):
            new = snapshot(resource, there[key]) if key in there else dict.fromkeys(old)
            values = {name: pair for name, pair in differences(old, new).items() if not is_secret(own, name)}
            found.setdefault(own, {})[key] = values
        called = {own: Called(self._db, own, some.values()) for own, some in found.items()}
        changes = []
        for key, label, old, own in zip(keys, labels, before, owns, strict=True):
            if values := found[own][key]:
                name = self.action.name if key in there else "delete"
                text, tenant, names = resource.keys.text_of(key), tenant_in(resource, old), called[own].of(values)
                files, table = files_in(own, values), table_of(own)
                changes.append(Change(name, own.table, text, label, values, names, tenant, files, table))
        self._admin.history.write(self._db, self._author, changes)


def action_called(access: Access, name: str) -> Action:
    """The action of a name.

    Raises:
        NotFound: there is none any more.
    """
    found = actions_of(type(access.resource.view)).get(name)
    if found is None:
        raise NotFound(gettext("There is no such action any more."))
    return found


def chosen(access: Access, db: Session, settings: Mapping[str, Any]) -> Select[Any]:
    """The rows that somebody has chosen, among those that they see."""
    keys = settings.get("keys")
    if keys is None:
        return Matching(access, db, settings.get("query", "")).statement
    resource = access.resource
    values = [found for each in keys if (found := resource.keys.values(each)) is not None]
    return access.rows().where(among(resource, values))


def fields_shown(access: Access) -> list[str]:
    """The fields of a row that the person sees, without secrets."""
    resource = access.resource
    return access.visible(name for name in fields_of(resource) if not is_secret(resource, name))
