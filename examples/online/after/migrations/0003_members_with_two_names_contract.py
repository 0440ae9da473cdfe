"""members with two names (contract).

Revision: c1ub00000003, after 0002_members_with_two_names (c1ub00000002)
Made: 2026-11-26 17:59 UTC
"""

import sqlalchemy as sa
from alembic import op

from wholestack.migrations import backfill, end_mirror, mirror

revision = "c1ub00000003"
down_revision = "c1ub00000002"
branch_labels = None
depends_on = None
phase = "contract"

FORWARD = {"first_name": "split_part(name, ' ', 1)", "last_name": "substr(name, length(split_part(name, ' ', 1)) + 2)"}
BACKWARD = {"name": "concat_ws(' ', first_name, last_name)"}


# [contract]
def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP VIEW person")

    end_mirror(op, "member", forward=FORWARD, backward=BACKWARD)
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_column("name")


# [/contract]


def downgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", sa.String(), server_default="", nullable=False))

    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.alter_column("name", existing_type=sa.String(), server_default=None, existing_nullable=False)

    backfill(op, "member", set=BACKWARD, where="name = ''")
    mirror(op, "member", forward=FORWARD, backward=BACKWARD)
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE VIEW person AS SELECT id, name, visits FROM member")
