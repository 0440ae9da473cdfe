"""The outbox: tasks that are put in the transaction of what they are for, and run when, and only if, it commits.

Here belong a task (`_task`), its call on the one calling convention (`_bound`), the queue that handlers put into
(`_queue`), the one table (`_entry`) and all that is asked of it (`_store`), and the runner of a process (`_runner`,
`_carried`, `_run`). Never here: SQL of one database only where there is a common one, a broker, a schedule, a mail. A
call flows so: `queue.put` writes a row in the request's transaction; after its commit the runner takes the row, for
as long as its lease, and lets a plan call the task with what the app provides; the session of the task marks the row
done in the transaction of the task itself, if the row is still its own. What fails is tried again later, what ends its
process is rescued by another, what no release can run is parked. Nothing is lost, and what a task writes with its
session happens once.
"""

from ._entry import Entry, State
from ._errors import NotGiven, PayloadRefused, RunEnded, TaskUnknown
from ._outbox import SWITCH, Outbox, OutboxOptions, settle, settled
from ._queue import Queue
from ._run import Progress
from ._task import TaskOptions, given, task

__all__ = [
    "SWITCH",
    "Entry",
    "NotGiven",
    "Outbox",
    "OutboxOptions",
    "PayloadRefused",
    "Progress",
    "Queue",
    "RunEnded",
    "State",
    "TaskOptions",
    "TaskUnknown",
    "given",
    "settle",
    "settled",
    "task",
]
