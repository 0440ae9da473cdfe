from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.testing import SchemaDiffers, migrations_there_and_back

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table("word", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("note")
"""


def test_schema_differs(tmp_path: Path) -> None:
    (tmp_path / "0001_first.py").write_text(MIGRATION)
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path))
    with pytest.raises(SchemaDiffers, match="word is there"):
        migrations_there_and_back(database)
