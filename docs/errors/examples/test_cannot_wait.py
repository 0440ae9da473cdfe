import asyncio

import pytest

from wholestack import wait
from wholestack.errors import CannotWait


async def on_the_loop() -> None:
    wait(asyncio.sleep(0))


def test_waiting_where_nothing_can_wait() -> None:
    with pytest.raises(CannotWait, match="waits=True"):
        asyncio.run(on_the_loop())
