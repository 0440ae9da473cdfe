"""Which core does what: the servers have one to themselves, the load generator and the harness have another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
LOAD_CORE = CORES[0] if len(CORES) > 1 else None
SERVER_CORE = CORES[1] if len(CORES) > 1 else None


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Processes started in this block stay on `core` (nothing happens on a machine with one core, or without Linux)."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
