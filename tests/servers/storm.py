"""A storm of logins, from a process of its own: `python -m servers.storm PORT COUNT ACCOUNTS`.

All connections are opened first, and then each sends its form. What came is printed as JSON: how many answers of each
status, and how many of those that were not worked on said when to come back.
"""

from __future__ import annotations

import asyncio
import collections
import json
import sys
from urllib.parse import urlencode

AT_ONCE = 200
"""Connections that are opened at the same time: a queue of a listening socket is no longer than that of a system."""


async def opened(port: int, gate: asyncio.Semaphore) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with gate:
        return await asyncio.open_connection("127.0.0.1", port)


async def login(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], number: int, accounts: int
) -> tuple[int, bool]:
    """The status of a try, and whether it says when to come back."""
    reader, writer = connection
    body = urlencode({"email": f"user{number % accounts}@example.org", "password": "not the password"}).encode()
    fields = (
        "host: 127.0.0.1",
        "accept: text/html",
        "sec-fetch-site: same-origin",
        "content-type: application/x-www-form-urlencoded",
        f"content-length: {len(body)}",
        f"x-forwarded-for: 198.51.{number // 250 % 250}.{number % 250}",
        "connection: close",
    )
    try:
        writer.write("\r\n".join(("POST /account/login HTTP/1.1", *fields, "", "")).encode() + body)
        answer = await reader.read()
    except ConnectionError:
        return 0, False
    finally:
        writer.close()
    head = answer.partition(b"\r\n\r\n")[0].lower()
    return int(head.split(b" ", 2)[1]) if head else 0, b"\r\nretry-after:" in head


async def storm(port: int, count: int, accounts: int) -> dict[str, int]:
    gate = asyncio.Semaphore(AT_ONCE)
    connections = await asyncio.gather(*(opened(port, gate) for _ in range(count)))
    print("open", flush=True)
    answers = await asyncio.gather(
        *(login(connection, number, accounts) for number, connection in enumerate(connections))
    )
    told = collections.Counter(str(status) for status, _ in answers)
    told["told when"] = sum(says for status, says in answers if status in {429, 503})
    return dict(told)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(storm(*map(int, sys.argv[1:])))))
