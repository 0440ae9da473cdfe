"""A process that asks within a rate: `python rates_process.py URL QUOTA TRIES`, begun by a line on its input.

It prints a line when it is ready, and then how many of its tries were let pass.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from wholestack.cache import RedisStore
from wholestack.middleware import Rate, RedisRateStore

url, quota, tries = sys.argv[1:]
store, rate = RedisRateStore(RedisStore(url, timeout=20)), Rate(int(quota), 3600)
store.take("nobody", rate)  # It is connected by now.
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(8) as threads:
    print(sum(threads.map(lambda _: store.take("ann", rate).allowed, range(int(tries)))))
