"""outbox.

Revision: 799f8d54d29f, after 0004_back_office (e39d573536ee)
Made: 2026-11-27 22:46 UTC
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wholestack import db

revision = "799f8d54d29f"
down_revision = "e39d573536ee"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "task",
            sa.String(length=255).with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=False,
        ),
        sa.Column(
            "key",
            sa.String(length=255).with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=True,
        ),
        sa.Column("payload", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mariadb", "mysql"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting", "running", "done", "dead", "cancelled", "parked", name="state", native_enum=False, length=64
            ),
            nullable=False,
        ),
        sa.Column("due", db.Moment(), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("failures", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("crashes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("note", sa.String(length=255), nullable=True),
        sa.Column("error", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mariadb", "mysql"), nullable=True),
        sa.Column("runner", sa.String(length=255), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.Column("started_at", db.Moment(), nullable=True),
        sa.Column("finished_at", db.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("task", "key", name=op.f("uq_outbox_task_key")),
    )
    op.create_index(op.f("ix_outbox_due_id"), "outbox", ["due", "id"], unique=False)
    op.create_index(op.f("ix_outbox_finished_at"), "outbox", ["finished_at"], unique=False)
    op.create_table(
        "outbox_mail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("letter", sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mariadb", "mysql"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["outbox.id"], name=op.f("fk_outbox_mail_id_outbox"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_mail")),
    )


def downgrade() -> None:
    op.drop_table("outbox_mail")
    op.drop_index(op.f("ix_outbox_finished_at"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_due_id"), table_name="outbox")
    op.drop_table("outbox")
