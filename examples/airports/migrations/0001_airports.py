"""airports.

Revision: 93854574e7ff
Made: 2026-11-26 17:19 UTC
"""

import sqlalchemy as sa
from alembic import op

revision = "93854574e7ff"
down_revision = None
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "airport",
        sa.Column("code", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("city", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("state", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_airport")),
    )
    op.create_index(op.f("ix_airport_state"), "airport", ["state"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_airport_state"), table_name="airport")
    op.drop_table("airport")
