"""Is a peer's answer right? Asked before anything is timed: a fast wrong answer is worth nothing."""

from http.client import HTTPException

from harness.wire import Request, fetch, fetch_twice
from harness.workloads import Workload, WrongAnswer


def check(port: int, workload: Workload) -> None:
    """Complain with `WrongAnswer` unless the peer answers as the workload says, twice over one connection."""
    try:
        for answer in fetch_twice(port, workload.request):
            workload.check(answer)
        for request in workload.refused:
            check_refused(port, request)
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise WrongAnswer(f"{type(error).__name__}: {error}") from error


def check_refused(port: int, request: Request) -> None:
    """Complain unless bad input gets a 4xx."""
    status = fetch(port, request).status
    if not 400 <= status < 500:
        sent = request.body[-60:].decode() or request.path
        raise WrongAnswer(f"bad input ({sent}) is answered with {status}, not a 4xx")
