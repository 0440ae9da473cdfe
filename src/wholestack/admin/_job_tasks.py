"""The task that runs jobs in the outbox; it is made where an app has one, so that others get no table of it."""

from __future__ import annotations

import functools
import sys
from typing import Any

from wholestack import App


def uses_outbox(app: App) -> bool:
    """Whether an app has an outbox; to find out loads none."""
    if "wholestack.outbox" not in sys.modules:
        return False
    from wholestack.outbox import Outbox

    return any(isinstance(each, Outbox) for each in app.plugins)


@functools.cache
def run_job() -> Any:
    """The task."""
    from wholestack.outbox import Progress, given, task

    from ._job_runs import JobRuns

    def run(job: int, progress: Progress = given, runs: JobRuns = given) -> None:
        runs.carry_out(job, progress)

    run.__annotations__ |= {"job": int, "progress": Progress, "runs": JobRuns, "return": None}
    return task(name="wholestack.admin.job", retries=3)(run)
