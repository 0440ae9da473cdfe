"""A process that tries to log in: `python throttle_process.py URL ACCOUNT ADDRESS TRIES`, begun by a line on its input.

URL is a database's or Redis'. It prints a line when it is ready, and then how long each of its tries has to wait.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from wholestack import App, TooManyRequests
from wholestack.auth import Throttle
from wholestack.cache import RedisStore
from wholestack.db import Database
from wholestack.settings import SigningKeys

url, account, address, tries = sys.argv[1:]
app = App(docs=False)
if url.startswith("redis:"):
    throttle = Throttle(store=RedisStore(url, timeout=20), clock=lambda: 1_700_000_000.0)
else:
    app.plugins.append(Database(url, migrations=None))
    throttle = Throttle(clock=lambda: 1_700_000_000.0)
throttle.setup(app, SigningKeys("s" * 32))


def wait(_: int) -> int:
    try:
        throttle.take(account, address)
    except TooManyRequests as error:
        return int(error.headers["retry-after"])
    return 0


throttle.passed("nobody@example.org", "203.0.113.1")  # It is connected by now.
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(int(tries)) as threads:
    print(json.dumps(list(threads.map(wait, range(int(tries))))))
