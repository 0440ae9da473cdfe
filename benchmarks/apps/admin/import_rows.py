"""An import of 100,000 rows into the items, with all checks and the history: `python -m apps.admin.import_rows URL`.

Prints as JSON how long it took to check the file (the dry run, with what becomes of each row) and to write it, in seconds, and how
much of it was the processor's time of this process; then the rows are taken away again.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.admin.wholestack_app import Brand, Category, Clerk, Country, Item, Owner, Supplier
from wholestack import App
from wholestack.admin import Admin, AdminView
from wholestack.auth import Auth
from wholestack.db import Database, delete, func, select
from wholestack.outbox import Outbox, settle
from wholestack.testing import AsUser, Client

ROWS = 100_000
STATES = ("new", "open", "held", "done")
HEAD = ("title", "sku", "state", "cents", "added", "category_id", "brand_id", "supplier_id", "country_id", "owner_id")
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}


class Imported(AdminView[Item]):
    import_rows = ROWS
    import_size = "50 MB"


def file() -> bytes:
    """The rows, each of which is right and new."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    for number in range(ROWS):
        own = (f"item {number}", f"IMPORT-{number}", STATES[number % 4], number, f"2026-01-{number % 28 + 1:02}")
        writer.writerow([*own, *(number % 50 + 1 for _ in range(5))])
    return text.getvalue().encode()


@contextmanager
def timed(told: dict[str, float], name: str) -> Iterator[None]:
    """Note how long something takes."""
    begun, cpu = time.perf_counter(), time.process_time()
    yield
    told[name], told[f"{name}, CPU"] = time.perf_counter() - begun, time.process_time() - cpu


def main(url: str) -> None:
    """Import, and say how long it took."""
    app = App(title="Items", docs=False)
    admin = Admin(Imported, Category, Brand, Supplier, Country, Owner, Clerk)
    database = Database(url, migrations=None)
    app.use(database, Auth(Clerk), Outbox(), admin)
    with Client(app) as client:
        database.create_tables()
        names = [f"item.{action}" for action in ("view", "add", "change", "import")]
        names += [f"{model}.view" for model in ("category", "brand", "supplier", "country", "owner")]
        AsUser(lambda: client)(permissions=names, is_staff=True, email=f"{uuid.uuid4().hex}@example.org")

        def sent(path: str, **words: Any) -> str:
            answer = client.post(path, headers=BROWSER, follow=False, **words)
            if answer.status != 303:
                raise RuntimeError(f"{path}: {answer.status} {answer.text[:2000]}")
            return answer.headers["location"]

        where = sent("/admin/item/-/import", files={"file": ("items.csv", file(), "text/csv")})
        told: dict[str, float] = {"rows": ROWS}
        with timed(told, "checked"):
            sent(where, data={"columns": list(HEAD), "keys": []})
            settle(app)
            page = client.get(f"{where}/preview", headers=BROWSER)
        if not re.search(rf"<dd>{ROWS}</dd>", page.text.replace(",", "")):
            raise RuntimeError(re.sub(r"<[^>]+>|\n\s*", " ", page.text)[-1500:])
        with timed(told, "written"):
            sent(f"{where}/run")
            settle(app)
        mine = Item.sku.like("IMPORT-%")
        with app.session() as db:
            there = db.scalar(select(func.count()).select_from(Item).where(mine))
            db.execute(delete(Item).where(mine))
        if there != ROWS:
            raise RuntimeError(f"{there} rows are there")
        print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
