"""Writers that are killed: `python outbox_forks.py ROUNDS` forks one after the other and kills each at some moment.

Each writes notes with their tasks, one transaction after the other; now and then it takes one back.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import outbox_app as shop

from wholestack.outbox import Queue


class TakenBack(Exception):
    """This transaction is to be rolled back."""


def write(number: int, begun: int) -> None:
    for index in itertools.count():
        with contextlib.suppress(TakenBack), shop.app.session() as db:
            text = f"{number}-{index}"
            db.add(shop.Note(text=text))
            db.flush()
            Queue(shop.app, db).put(shop.plain, text)
            if index % 5 == 4:
                raise TakenBack
        if index == 0:
            os.write(begun, b".")


def main(rounds: int) -> None:
    shop.app.seal()
    for number in range(rounds):
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            write(number, theirs)
        os.read(ours, 1)
        time.sleep(random.uniform(0.0, 0.05))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ours)
        os.close(theirs)
    print("killed", rounds)


main(int(sys.argv[1]))
