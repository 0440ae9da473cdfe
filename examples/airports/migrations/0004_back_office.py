"""back office.

Revision: e39d573536ee, after 0003_members (25380869299e)
Made: 2026-11-27 09:25 UTC
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wholestack import db

revision = "e39d573536ee"
down_revision = "25380869299e"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "admin_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", db.Moment(), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("impersonator", sa.String(length=255), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("tenant", sa.String(length=255), nullable=True),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("batch", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_change")),
    )
    op.create_index(op.f("ix_admin_change_at"), "admin_change", ["at"], unique=False)
    op.create_index(op.f("ix_admin_change_batch"), "admin_change", ["batch"], unique=False)
    op.create_index(op.f("ix_admin_change_model_key"), "admin_change", ["model", "key"], unique=False)
    op.create_index(op.f("ix_admin_change_user"), "admin_change", ["user"], unique=False)
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
    op.create_table(
        "admin_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("tenant", sa.JSON(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("after", sa.String(length=1000), nullable=True),
        sa.Column("entry", sa.BigInteger(), nullable=True),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("source", sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mariadb", "mysql"), nullable=True),
        sa.Column("outcome", sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mariadb", "mysql"), nullable=True),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.Column("finished_at", db.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_job")),
    )
    op.create_index(op.f("ix_admin_job_created_at"), "admin_job", ["created_at"], unique=False)
    op.create_index(op.f("ix_admin_job_user"), "admin_job", ["user"], unique=False)
    op.create_table(
        "admin_saved_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.Column("usual", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_saved_view")),
    )
    op.create_index(op.f("ix_admin_saved_view_user_model"), "admin_saved_view", ["user", "model"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_admin_file_model_key"), table_name="admin_file")
    op.drop_index(op.f("ix_admin_file_at"), table_name="admin_file")
    op.drop_table("admin_file")
    op.drop_index(op.f("ix_admin_saved_view_user_model"), table_name="admin_saved_view")
    op.drop_table("admin_saved_view")
    op.drop_index(op.f("ix_admin_job_user"), table_name="admin_job")
    op.drop_index(op.f("ix_admin_job_created_at"), table_name="admin_job")
    op.drop_table("admin_job")
    op.drop_index(op.f("ix_admin_change_user"), table_name="admin_change")
    op.drop_index(op.f("ix_admin_change_model_key"), table_name="admin_change")
    op.drop_index(op.f("ix_admin_change_batch"), table_name="admin_change")
    op.drop_index(op.f("ix_admin_change_at"), table_name="admin_change")
    op.drop_table("admin_change")
