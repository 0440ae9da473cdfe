"""first.

Revision: c1ub00000001
Made: 2026-11-26 17:59 UTC
"""

import sqlalchemy as sa
from alembic import op

revision = "c1ub00000001"
down_revision = None
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(length=255), "mariadb", "mysql"), nullable=False),
        sa.Column("visits", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )


def downgrade() -> None:
    op.drop_table("person")
