"""An app that uses its database while it is imported, as a careless one does; then its server forks."""

from __future__ import annotations

import os
from typing import Any

from backends.models import Base, Counter
from wholestack import App
from wholestack.db import Database, Session, text

NUMBER = {"sqlite": "SELECT 0", "postgresql": "SELECT pg_backend_pid()", "mariadb": "SELECT CONNECTION_ID()"}
database = Database(models=Base, migrations=None, pool=2)
app = App(docs=False)
app.use(database)
with app.session() as before:
    PARENT = (os.getpid(), before.scalar(text(NUMBER[database.kind])))


def inodes(pid: int) -> set[str]:
    """The connections of a process to others, by the numbers of their sockets."""
    peers = set()
    with open(f"/proc/{pid}/net/tcp") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            port = int(fields[2].rpartition(":")[2], 16)
            if port == (database.url.port or {"postgresql": 5432, "mariadb": 3306}.get(database.kind)):
                peers.add(fields[9])
    held = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in peers:
            held.add(target[8:-1])
    return held


@app.post("/")
def count(db: Session) -> dict[str, Any]:
    db.add(Counter(value=os.getpid()))
    db.flush()
    return {
        "process": os.getpid(),
        "connection": db.scalar(text(NUMBER[database.kind])),
        "parent": PARENT,
        "shared": sorted(inodes(os.getpid()) & inodes(PARENT[0])),
        "own": len(inodes(os.getpid())),
    }
