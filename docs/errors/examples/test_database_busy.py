from pathlib import Path

from wholestack import App
from wholestack.db import Database, Session, text
from wholestack.testing import Client


def test_database_busy(tmp_path: Path) -> None:
    app = App()
    app.use(Database(f"sqlite:///{tmp_path}/app.db", migrations=None, pool=1, wait=0.1))

    @app.get("/")
    def home(db: Session) -> int:
        return db.scalar(text("SELECT 1")) or 0

    with Client(app) as client, app.session() as other:
        other.execute(text("SELECT 1"))  # It holds the one connection there is.
        assert client.get("/").expect(503).json()["code"] == "database-busy"
