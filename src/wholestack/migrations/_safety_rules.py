"""Every finding by its code: what happens, and what to do instead. The guide's table is this one."""

from __future__ import annotations

import dataclasses
from typing import Literal

Level = Literal["block", "warn"]


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a finding says.

    Attributes:
        level: ``block`` keeps a migration from being applied until it is acknowledged; ``warn`` is only told.
        message: what happens.
        rewrite: what to do instead.
    """

    level: Level
    message: str
    rewrite: str


def _blocks(message: str, rewrite: str) -> Rule:
    return Rule("block", message, rewrite)


def _warns(message: str, rewrite: str) -> Rule:
    return Rule("warn", message, rewrite)


_CONTRACT = 'a migration with phase = "contract"'

RULES: dict[str, Rule] = {
    # What a running old version does not survive.
    "drop-column": _blocks(
        "Code that still runs names the column in its statements: they fail from then on.",
        f"Let a release be without it in its models, and drop it in {_CONTRACT}.",
    ),
    "drop-table": _blocks(
        "Code that still runs asks the table: it fails from then on.",
        f"Let a release be without its model, and drop it in {_CONTRACT}.",
    ),
    "drop-view": _blocks(
        "Code that still runs asks the view: it fails from then on.",
        f"Drop it in {_CONTRACT}, when no release that asks it runs any more.",
    ),
    "rename-column": _blocks(
        "Code that still runs knows the old name, and the new code only the new one: one of them fails.",
        "Keep both names for a while: `db make` writes a view with both over the renamed table; or add a column, keep "
        "both alike with `mirror`, fill it with `backfill`, and drop the old one in the contract phase.",
    ),
    "rename-table": _blocks(
        "Code that still runs knows the old name, and the new code only the new one: one of them fails.",
        "Rename it and make a view of the old name in the same transaction, as `db make` writes it; drop the view in "
        "the contract phase.",
    ),
    "rename-constraint": _blocks(
        "Code that still runs may know the constraint by name (ON CONFLICT ON CONSTRAINT, its errors).",
        f"Rename it in {_CONTRACT}.",
    ),
    "add-not-null": _blocks(
        "A table with rows refuses the column, and code that still runs does not write it: its inserts fail.",
        "Give it a server_default; or add it nullable, fill it with `backfill`, and set NOT NULL when contracting.",
    ),
    "drop-default": _blocks(
        "Code that still runs may leave the column to its default: its inserts fail, or leave NULL.",
        f"Drop the default in {_CONTRACT}.",
    ),
    "new-restriction": _blocks(
        "Code that still runs does not know the rule and may break it: its writes fail.",
        f"Let the new code keep to the rule first, and add it in {_CONTRACT}.",
    ),
    "narrower-type": _blocks(
        "Code that still runs may write, or hold in its rows, what the new type cannot keep.",
        "Let the new code keep to it first, and change the type when contracting.",
    ),
    "enum-changed": _blocks(
        "Code that still runs writes or reads the value that is renamed or removed.",
        "Add the new value, move the rows with `backfill`, and remove the old one in the contract phase.",
    ),
    # What holds a lock while a table is read or written through.
    "change-type": _blocks(
        "The table is written anew, or read through, under a lock that stops reads and writes.",
        "Add a column of the new type, keep both alike with `mirror`, fill it with `backfill`, let the code change "
        "over, and drop the old one in the contract phase.",
    ),
    "volatile-default": _blocks(
        "The default differs from row to row, so the table is written anew under a lock that stops reads and writes.",
        "Add the column without it, set the default in a second step, and fill the rows with `backfill`.",
    ),
    "stored-generated": _blocks(
        "The column is computed for each row, so the table is written anew under a lock that stops reads and writes.",
        "Add a plain column, write it by a trigger or in the code, and fill it with `backfill`.",
    ),
    "numbered-column": _blocks(
        "Each row gets its number at once, so the table is written anew under a lock that stops reads and writes.",
        "Add a plain column and a sequence, set its nextval as the default, and fill it with `backfill`.",
    ),
    "set-not-null": _blocks(
        "Each row is read under a lock that stops reads and writes.",
        "ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT in a transaction of its own, then SET "
        "NOT NULL, which then reads nothing, and drop the check.",
    ),
    "foreign-key-validates": _blocks(
        "Each row is looked up while both tables take no writes.",
        "Add it NOT VALID (postgresql_not_valid=True), and VALIDATE CONSTRAINT in a transaction of its own.",
    ),
    "check-validates": _blocks(
        "Each row is read under a lock that stops reads and writes.",
        "Add it NOT VALID (postgresql_not_valid=True), and VALIDATE CONSTRAINT in a transaction of its own.",
    ),
    "validates-at-once": _blocks(
        "The constraint is validated in the transaction that adds it, whose lock lasts until its end.",
        "VALIDATE CONSTRAINT in a migration of its own.",
    ),
    "unique-constraint": _blocks(
        "Its index is built under a lock that stops reads and writes.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX.",
    ),
    "exclusion-constraint": _blocks(
        "Its index is built under a lock that stops reads and writes, and PostgreSQL has no way round it.",
        "Add it to a new table that takes over from this one, or in a pause for maintenance.",
    ),
    "primary-key": _blocks(
        "The key of a live table changes: its index is built under a lock that stops reads and writes, and code that "
        "still runs finds rows by the old key.",
        "CREATE UNIQUE INDEX CONCURRENTLY, set NOT NULL by a validated check, then ADD PRIMARY KEY USING INDEX.",
    ),
    "index-not-concurrent": _blocks(
        "The index is built while the table takes no writes.",
        "postgresql_concurrently=True, in `with op.get_context().autocommit_block():`.",
    ),
    "drop-index-not-concurrent": _blocks(
        "Dropping it waits for every statement on the table, and all others wait behind it.",
        "postgresql_concurrently=True, in `with op.get_context().autocommit_block():`.",
    ),
    "reindex": _blocks("The table takes no writes while the index is built.", "REINDEX … CONCURRENTLY."),
    "detach-partition": _blocks(
        "The whole partitioned table is locked against reads and writes.", "DETACH PARTITION … CONCURRENTLY."
    ),
    "concurrently-in-transaction": _blocks(
        "PostgreSQL refuses it within a transaction, and a migration is one.",
        "Put it into `with op.get_context().autocommit_block():`, in a migration of its own.",
    ),
    "refresh-view": _blocks("Nobody can read the view meanwhile.", "REFRESH MATERIALIZED VIEW CONCURRENTLY."),
    "lock-table": _blocks("All who use the table wait until the transaction ends.", "Do without, or lock rows."),
    "rewrite-table": _blocks(
        "The table is written anew under a lock that stops reads and writes.",
        "Make a new table that takes over from this one, or take a pause for maintenance.",
    ),
    "truncate-cascade": _blocks(
        "Rows of every table that refers to this one go, too, and all of them are locked.",
        "DELETE in batches, table by table.",
    ),
    "truncate": _blocks("All rows go, and the table is locked against reads and writes.", "DELETE in batches."),
    "vacuum-full": _blocks(
        "The table is written anew under a lock that stops reads and writes.", "VACUUM, or pg_repack."
    ),
    "cluster": _blocks("The table is written anew under a lock that stops reads and writes.", "pg_repack."),
    "disable-trigger": _blocks(
        "What the trigger holds true is not held meanwhile, foreign keys included, and writes wait.",
        "Leave it on, or let it ask a setting of the session.",
    ),
    # How a migration is made up.
    "no-lock-timeout": _blocks(
        "Without a limit the statement waits for its lock, and every other statement on the table waits behind it.",
        "Leave lock_timeout as `db migrate` sets it; it tries again by itself.",
    ),
    "no-statement-timeout": _blocks(
        "`db migrate` sets no limit for a statement itself, since an index may take hours, so the line does nothing "
        "there; elsewhere a statement may then hold its locks for hours.",
        "Leave the line out, or set a limit that you can live with.",
    ),
    "data-with-ddl": _blocks(
        "Rows are written in the transaction that has locked a table: the lock lasts as long as the writing.",
        "Write the rows with `backfill`, in a migration of its own.",
    ),
    "unbatched-update": _blocks(
        "One statement writes every row: it locks them all until its end, and leaves as many dead ones.",
        "`backfill(op, table, set={…}, where=…)` writes in batches.",
    ),
    "several-tables-locked": _blocks(
        "One transaction locks several live tables: it waits for one while the other is locked already.",
        "One migration for each table, as `db make` writes it.",
    ),
    "enum-used": _blocks(
        "A new value of an enum cannot be used in the transaction that adds it.", "Use it in the next migration."
    ),
    "raw-sql": _blocks(
        "What the statement does cannot be told for certain.",
        "Take an operation of Alembic's; or say in `acknowledged` why it is safe.",
    ),
    "opaque": _blocks(
        "What the migration does depends on what it finds in the database; it cannot be examined.",
        "Let it only say what is to be done; or say in `acknowledged` why it is safe.",
    ),
    "irreversible": _blocks(
        "`downgrade` takes nothing back, so the release cannot be undone.",
        "Write it; or say in `acknowledged` what to do instead.",
    ),
    # Worth a thought.
    "drop-not-null": _warns(
        "Code that still runs may read NULL where it expects none.", "Let the code know of None one release before."
    ),
    "drop-unique": _warns(
        "Statements with ON CONFLICT on these columns fail from then on.", "Look for them in the release that runs."
    ),
    "json-type": _warns("json keeps text: no index, no equality.", "postgresql.JSONB, or a JSON variant of it."),
    "small-key": _warns(
        "A key of 32 bits ends at 2,147,483,647, and to widen it later rewrites the table.", "BigInteger."
    ),
    "char-limit": _warns(
        "To narrow or change the limit later locks the table; char(n) pads with blanks.", "Text, and a check if needed."
    ),
    "naive-timestamp": _warns("A time without a zone means something else to each who reads it.", "`Moment`."),
    "serial": _warns("serial leaves the sequence's owner and rights apart from the column.", "Identity()."),
    "foreign-key-without-index": _warns(
        "Each delete in the other table reads this one through.", "An index on the referring columns."
    ),
    "wide-index": _warns("An index of more than three columns is seldom used in full, and slows each write.", "Fewer."),
    "long-identifier": _warns("PostgreSQL cuts names at 63 bytes: two of them may become one.", "A shorter name."),
    "not-repeatable": _warns(
        "Outside of a transaction a step that is stopped half-way is not undone, and cannot be run again as it is.",
        "if_exists=True, if_not_exists=True, or a statement that finds it done.",
    ),
    "batch-rebuild": _warns(
        "SQLite cannot alter this: the table is copied, and nobody can write meanwhile.",
        "Nothing, where the table is small; otherwise add columns instead.",
    ),
    "copies-table": _warns(
        "MariaDB copies the table for this (ALGORITHM=COPY); nobody can write meanwhile.",
        "A time of little traffic, or pt-online-schema-change.",
    ),
}
