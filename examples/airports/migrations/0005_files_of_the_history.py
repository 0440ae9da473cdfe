"""files of the history.

Revision: a575a6ed478b, after 0004_back_office (e39d573536ee)
Made: 2026-11-27 15:56 UTC
"""

import sqlalchemy as sa
from alembic import op

from wholestack import db

revision = "a575a6ed478b"
down_revision = "e39d573536ee"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "admin_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", db.Moment(), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("field", sa.String(length=255), nullable=False),
        sa.Column("file", sa.String().with_variant(sa.String(length=1500), "mariadb", "mysql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_file")),
    )
    op.create_index(op.f("ix_admin_file_at"), "admin_file", ["at"], unique=False)
    op.create_index(op.f("ix_admin_file_model_key"), "admin_file", ["model", "key"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_admin_file_model_key"), table_name="admin_file")
    op.drop_index(op.f("ix_admin_file_at"), table_name="admin_file")
    op.drop_table("admin_file")
