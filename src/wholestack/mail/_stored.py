"""Letters that wait in the database, and the task that sends them; loaded where an app uses an `Outbox`.

A letter lies in a table of its own, and no longer than until it is sent: the outbox keeps its rows for a week, and what
was written to somebody has no business there.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, delete, insert
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from wholestack import App
from wholestack.db import Database, Session, Table
from wholestack.outbox import Progress, Queue, given, task

from ._errors import RecipientsRefused
from ._letter import Letter
from ._sending import Sending

_log = logging.getLogger("wholestack.mail")


class Waiting(Table):
    """A letter that waits. It goes with its entry in the outbox, whose number it has."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  (SQLAlchemy's way: a class is asked)
        return "outbox_mail"

    id: Mapped[int] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    letter: Mapped[bytes] = mapped_column(LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb"))


_TABLE: Any = Waiting.__table__


@task(name="wholestack.mail", retries=12, wait=30.0, longest=3600.0)
def deliver(*, db: Session = given, sending: Sending = given, progress: Progress = given) -> None:
    """Send the letter of this entry; what a server refuses is tried again for some hours, and then kept as dead."""
    row = db.get(Waiting, progress.id)
    if row is None:
        _log.warning("the letter of this entry was sent before, and taken away", extra={"entry": progress.id})
        return
    letter = Letter.from_json(row.letter)
    db.commit()  # Nothing is locked, and no snapshot held, while the server takes its time.
    try:
        sending.deliver(letter)
    except RecipientsRefused as refused:
        if refused.sent:  # They must not get it again.
            row.letter = letter.only(refused.left).to_json()
            db.commit()
        raise
    db.execute(delete(_TABLE).where(_TABLE.c.id == progress.id))


def keep_letters(app: App) -> None:
    """Let the database of an app know the table."""
    for each in app.plugins:
        if isinstance(each, Database) and each.is_default and not each.read_only:
            if Waiting.__tablename__ not in each.metadata.tables:
                _TABLE.to_metadata(each.metadata)


def put(queue: Queue, db: Session, sending: Sending, letter: Letter) -> None:
    """Put a letter into the outbox, in the session's transaction; those who listen are told after its commit."""
    number = queue.put(deliver)
    db.execute(insert(_TABLE), {"id": number, "letter": letter.to_json()})
    db.after(commit=lambda: sending.tell(letter))
