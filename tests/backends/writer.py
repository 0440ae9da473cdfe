"""A process that counts up through the ORM, again and again: `python writer.py URL TIMES`; it prints each time, in s."""

from __future__ import annotations

import sys
import time

from backends.models import Base, Counter
from wholestack.db import Database


def main(url: str, times: int) -> None:
    database = Database(url, models=Base, migrations=None)
    with database.session() as db:
        db.get(Counter, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(times):
        begun = time.perf_counter()
        with database.session() as db:
            counter = db.get_one(Counter, 1)
            counter.value += 1
        print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
