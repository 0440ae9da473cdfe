"""The parent of the workers: it starts them, replaces those that end or hang, and takes them down in order.

It never imports the app, so that a restart takes in new code, and a fault of the app cannot take it down.
"""

from __future__ import annotations

import dataclasses
import logging
import resource
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from typing import Literal

import click

from ._order import FAILED, READY, Order, Process
from ._signals import STOPS, caught

_log = logging.getLogger("wholestack.serve")
_HOOKS = 11.0
"""Seconds beyond the drain that a worker may take for its clean-ups before it is killed."""
_AT_ONCE = 0.8
_STEADY = 5.0
"""A worker that lived shorter than this counts as a failed start."""
_MOST_FAILURES = 6
_ASLEEP = 5.0
"""A gap in the parent's own time after which silent workers are given another chance: the machine was asleep."""


@dataclasses.dataclass(eq=False)
class Worker:
    """One worker process, and what its parent knows about it."""

    process: Process
    born: float
    beat: float
    state: Literal["starting", "serving", "leaving"] = "starting"
    replaces: Worker | None = None
    kill_at: float = float("inf")
    failure: str = ""


class Supervisor:
    """Keeps `count` workers serving until it is told to stop.

    Arguments:
        order: what each worker is told.
        sockets: listening sockets, shared by all workers.
        count: how many workers.
        watchdog: seconds without a heartbeat after which a worker is killed.
        patience: seconds a worker may take to start.
        memory: bytes of memory beyond which a worker is replaced; None for no limit.
        address: what is logged when all serve.
    """

    def __init__(
        self,
        order: Order,
        sockets: Sequence[socket.socket],
        count: int,
        *,
        watchdog: float = 30.0,
        patience: float = 60.0,
        memory: int | None = None,
        address: str = "",
    ) -> None:
        self.order, self.sockets, self.count = order, sockets, count
        self.watchdog, self.patience, self.memory, self.address = watchdog, patience, memory, address
        self.workers: list[Worker] = []
        self.outdated: list[Worker] = []
        self.signals: list[int] = []
        self.stopping = False
        self.proven = False  # One worker has shown that the app can be served; the others follow then.
        self.booted = False
        self.failures = 0
        self.next_start = 0.0
        self.last_look = time.monotonic()
        self.code = 0
        self.selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Supervise until every worker has ended after a stop; the exit code."""
        with caught(self.selector) as self.signals:
            while not (self.stopping and not self.workers):
                self._fill()
                for key, _ in self.selector.select(self._pause()):
                    self._hear(key.data) if isinstance(key.data, Worker) else key.data()
                self._obey()
                self._reap()
                self._look()
        self.selector.close()
        return self.code

    # -- signals -------------------------------------------------------------------------------------------------

    def _obey(self) -> None:
        while self.signals:
            number = self.signals.pop(0)
            if number in STOPS:
                self.stop()
            elif number == signal.SIGHUP and not self.stopping:
                self.renew()

    def stop(self) -> None:
        """Take every worker down in order; asked again, at once."""
        now = time.monotonic()
        for worker in self.workers:
            if not self.stopping:
                worker.process.tell_last()
                self._retire(worker)
            else:
                worker.process.popen.terminate()
                worker.kill_at = now + _AT_ONCE
        if not self.stopping:
            _log.info("stopping", extra={"workers": len(self.workers)})
        self.stopping = True

    def renew(self) -> None:
        """Replace every worker, one after the other; each goes on until the next one serves."""
        self.outdated = [worker for worker in self.workers if worker.state != "leaving"]
        _log.info("restarting", extra={"workers": len(self.outdated)})

    # -- starting ------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        now = time.monotonic()
        if self.stopping or now < self.next_start:
            return
        standing = [worker for worker in self.workers if worker.state != "leaving" and worker.replaces is None]
        wanted = self.count if self.proven else 1
        for _ in range(wanted - len(standing)):
            self._start(None)
        self.outdated = [worker for worker in self.outdated if worker in self.workers and worker.state != "leaving"]
        if self.outdated and all(worker.state != "starting" for worker in self.workers):
            self._start(self.outdated[0])

    def _start(self, replaces: Worker | None) -> None:
        now = time.monotonic()
        worker = Worker(Process(self.order, self.sockets), now, now, replaces=replaces)
        self.workers.append(worker)
        self.selector.register(worker.process.channel, selectors.EVENT_READ, worker)

    def _hear(self, worker: Worker) -> None:
        for kind, text in worker.process.lines():
            worker.beat = time.monotonic()
            if kind == READY:
                self._ready(worker)
            elif kind == FAILED:
                worker.failure = text

    def _ready(self, worker: Worker) -> None:
        self.proven = True
        if worker.state == "starting":
            worker.state = "serving"
        if worker.replaces is not None:
            old, worker.replaces = worker.replaces, None
            if old in self.workers:
                self._retire(old)
        if not self.booted and sum(each.state == "serving" for each in self.workers) == self.count:
            self.booted = True
            _log.info("serving %s", self.address, extra={"address": self.address, "workers": self.count})

    # -- ending --------------------------------------------------------------------------------------------------

    def _retire(self, worker: Worker) -> None:
        worker.state = "leaving"
        worker.kill_at = time.monotonic() + self.order.grace + self.order.timeout + _HOOKS
        worker.process.popen.terminate()

    def _reap(self) -> None:
        for worker in [each for each in self.workers if each.process.ended() is not None]:
            self._hear(worker)
            self.selector.unregister(worker.process.channel)
            worker.process.close()
            self.workers.remove(worker)
            if worker.state != "leaving":
                self._lost(worker)

    def _lost(self, worker: Worker) -> None:
        """A worker ended that was not asked to."""
        why = worker.failure or f"A worker ended {_ending(worker.process.ended())} {_WHEN[worker.state]}."
        if not self.booted:
            if not self.stopping:
                click.echo(why, err=True)
                self.code = 1
                self.stop()
            return
        _log.error("worker lost: %s", why, extra={"worker": worker.process.pid})
        if worker.replaces is not None:
            self.outdated.clear()
            _log.error("the restart is given up; the workers that were serving go on")
            return
        now = time.monotonic()
        short = worker.state == "starting" or now - worker.born < _STEADY
        self.failures = self.failures + 1 if short else 0
        self.next_start = now + min(2.0 ** (self.failures - 2), 30.0) if self.failures > 1 else now
        if self.failures >= _MOST_FAILURES and not self.workers:
            click.echo(f"Error: no worker can be started any more; the last one said: {why}", err=True)
            self.code = 1
            self.stop()

    # -- watching ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        now = time.monotonic()
        asleep = now - self.last_look > _ASLEEP
        self.last_look = now
        for worker in self.workers:
            if asleep:
                worker.beat = now
            elif now > worker.kill_at:
                self._kill(worker, "did not stop in time")
            elif worker.state == "serving" and now - worker.beat > self.watchdog:
                self._kill(worker, f"showed no heartbeat for {self.watchdog:g} s")
            elif worker.state == "starting" and now - worker.born > self.patience:
                self._kill(worker, f"did not start within {self.patience:g} s")
            elif self.memory is not None and worker.state == "serving" and used(worker.process.pid) > self.memory:
                self._replace_fat(worker)

    def _replace_fat(self, worker: Worker) -> None:
        if worker not in self.outdated:
            _log.warning("a worker uses too much memory and is replaced", extra={"worker": worker.process.pid})
            self.outdated.append(worker)

    def _kill(self, worker: Worker, why: str) -> None:
        worker.failure = worker.failure or f"A worker {why} and was killed."
        worker.kill_at = float("inf")
        worker.beat = worker.born = time.monotonic()
        worker.process.popen.kill()

    def _pause(self) -> float:
        """Seconds until something may be due."""
        return 0.1 if self.stopping or self.next_start > time.monotonic() else 1.0


def used(pid: int) -> int:
    """The resident memory of a process in bytes; 0 where that cannot be known."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


_WHEN = {"starting": "before it served", "serving": "while it served", "leaving": "at the stop"}


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"by {signal.Signals(-code).name}"
    return f"with exit code {code}"
