"""members with two names.

Revision: c1ub00000002, after 0001_first (c1ub00000001)
Made: 2026-11-26 17:59 UTC
"""

import sqlalchemy as sa
from alembic import op

from wholestack.migrations import backfill, end_mirror, mirror

revision = "c1ub00000002"
down_revision = "c1ub00000001"
branch_labels = None
depends_on = None
phase = "expand"

# [alike]
FORWARD = {"first_name": "split_part(name, ' ', 1)", "last_name": "substr(name, length(split_part(name, ' ', 1)) + 2)"}
BACKWARD = {"name": "concat_ws(' ', first_name, last_name)"}
# [/alike]


# [expand]
def upgrade() -> None:
    op.rename_table("person", "member")
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE VIEW person AS SELECT id, name, visits FROM member")

    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("first_name", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("last_name", sa.String(), nullable=True))

    mirror(op, "member", forward=FORWARD, backward=BACKWARD)
    backfill(op, "member", set=FORWARD, where="first_name IS NULL")


# [/expand]


def downgrade() -> None:
    end_mirror(op, "member", forward=FORWARD, backward=BACKWARD)

    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_column("last_name")
        batch_op.drop_column("first_name")

    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP VIEW person")

    op.rename_table("member", "person")
