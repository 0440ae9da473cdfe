"""When a run of another process counts as left behind: by this process's own clock, which nobody can set.

The end of a lease stands in the table as a moment of the wall clock, and that of the machine may jump: an hour forward,
and everything that runs is over its time. So the moment is looked at as a mark that changes each time the other process
says that its run goes on; how long it has not changed is counted here.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import NamedTuple


class Held(NamedTuple):
    """A run as its row says: which one, and the end of its lease."""

    id: int
    token: int
    due: datetime.datetime


class Leases:
    """For how long the runs of other processes have said nothing.

    Arguments:
        lease: seconds after which such a run is left behind.
        gap: the most seconds between two looks. After a longer pause nobody knows who was silent: this process was
            frozen, perhaps with the others, or the database was away from all of them; counting begins anew.

    Example:
        >>> run = Held(7, 1, datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC))
        >>> leases = Leases(lease=30.0, gap=15.0)
        >>> [len(leases.over([run], at)) for at in (0.0, 10.0, 20.0, 30.0)]
        [0, 0, 0, 1]
    """

    def __init__(self, lease: float, gap: float) -> None:
        self._lease = lease
        self._gap = gap
        self._since: dict[Held, float] = {}
        self._looked = float("-inf")

    def over(self, seen: Collection[Held], at: float) -> list[Held]:
        """Those of the runs that have said nothing for a whole lease.

        Arguments:
            seen: what runs now.
            at: when it was asked for, by a clock that only goes forward.
        """
        before = self._since if at - self._looked <= self._gap else {}
        self._since = {each: before.get(each, at) for each in seen}
        self._looked = at
        return [each for each, since in self._since.items() if at - since >= self._lease]
