"""Messages of channels that wait in the database for their transaction to commit."""

from __future__ import annotations

from wholestack.realtime import Backend

from ._task import given, task


@task(name="wholestack.broadcast", retries=6, wait=1.0, longest=60.0)
async def broadcast(topic: str, message: str, *, backend: Backend = given) -> None:
    """Send a message to all who subscribe to its room."""
    await backend.publish(topic, message.encode())
