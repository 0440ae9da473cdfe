"""reports and sessions.

Revision: 9a860139d5b8, after 0001_airports (93854574e7ff)
Made: 2026-11-27 01:07 UTC
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wholestack import db

revision = "9a860139d5b8"
down_revision = "93854574e7ff"
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "browser_session",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column(
            "user",
            sa.String(length=255).with_variant(
                mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), "mariadb", "mysql"
            ),
            nullable=True,
        ),
        sa.Column("created_at", db.Moment(), nullable=False),
        sa.Column("seen_at", db.Moment(), nullable=False),
        sa.Column("expires_at", db.Moment(), nullable=False),
        sa.Column("agent", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mariadb", "mysql"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_browser_session")),
    )
    op.create_index(op.f("ix_browser_session_expires_at"), "browser_session", ["expires_at"], unique=False)
    op.create_index(op.f("ix_browser_session_user"), "browser_session", ["user"], unique=False)
    op.create_table(
        "airport_report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("airport_code", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("stars", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("visited", sa.Date(), nullable=True),
        sa.Column("photo", sa.String(length=1500), nullable=True),
        sa.Column("created_at", db.Moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("updated_at", db.Moment(), server_default=sa.func.current_timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["airport_code"], ["airport.code"], name=op.f("fk_airport_report_airport_code_airport"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airport_report")),
    )
    op.create_index(op.f("ix_airport_report_airport_code"), "airport_report", ["airport_code"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_airport_report_airport_code"), table_name="airport_report")
    op.drop_table("airport_report")
    op.drop_index(op.f("ix_browser_session_user"), table_name="browser_session")
    op.drop_index(op.f("ix_browser_session_expires_at"), table_name="browser_session")
    op.drop_table("browser_session")
