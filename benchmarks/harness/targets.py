"""What Wholestack is to reach, and whether it does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.growth import SIZES, Growth
from harness.peers import PEERS
from harness.rounds import Results

SMALL = ("plaintext", "json", "params")
FLAT = 0.9


@dataclass(frozen=True)
class Target:
    """One aim: the figure that was found (None: not measured) and the one it must reach."""

    what: str
    found: float | None
    wanted: float
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """In one word."""
        if self.found is None:
            return "not measured"
        return "met" if (self.found <= self.wanted if self.at_most else self.found >= self.wanted) else "**missed**"


def of_bare(results: Results) -> Iterable[Target]:
    """The ratios to the bare callable of the same server."""
    for server, small in (("uvicorn", 0.85), ("granian-rsgi", 0.75), ("granian-wsgi", 0.75)):
        for workload in (*SMALL, "post"):
            wanted = 0.80 if workload == "post" else small
            found = results.ratio(workload, f"wholestack-{server}", f"bare-{server}")
            yield Target(f"{workload} on {server}: of the bare callable", found, wanted)


def best(figures: Iterable[tuple[str, float | None]], choose: Callable[..., str] = max) -> tuple[str, float] | None:
    """The best named figure there is."""
    known = {name: figure for name, figure in figures if figure}
    if not known:
        return None
    name = choose(known, key=known.__getitem__)
    return name, known[name]


def ahead(results: Results, workload: str) -> Target:
    """Wholestack on its best server against the best peer on its best."""
    rates = [(peer, results.rate(workload, peer.name)) for peer in PEERS if peer.framework != "bare"]
    ours = best((peer.name, rate) for peer, rate in rates if peer.framework == "wholestack")
    theirs = best((peer.name, rate) for peer, rate in rates if peer.framework != "wholestack")
    if ours is None or theirs is None:
        return Target(f"{workload}: of the best peer", None, 1.0)
    return Target(f"{workload}: {ours[0]} of {theirs[0]}, the best peer", ours[1] / theirs[1], 1.0)


def against_fastapi(growth: Growth) -> Iterable[Target]:
    """Start-up and memory, on the same server."""
    ours, theirs = growth.start_up_seconds("wholestack-uvicorn"), growth.start_up_seconds("fastapi-uvicorn")
    yield Target("start-up on uvicorn: of FastAPI's", ours / theirs if ours and theirs else None, 0.6, at_most=True)
    mine, other = growth.memory_of("wholestack-uvicorn"), growth.memory_of("fastapi-uvicorn")
    memory = mine.worker / other.worker if mine and other else None
    yield Target("memory of a worker on uvicorn: of FastAPI's", memory, 1.0, at_most=True)


def flat(growth: Growth) -> Iterable[Target]:
    """What is left of the speed with 10,000 routes, of that with 10."""
    few, many = (growth.rates("wholestack-uvicorn", size) for size in (SIZES[0], SIZES[-1]))
    for name in ("last", "middle"):
        found = getattr(many, name) / getattr(few, name) if few and many else None
        yield Target(f"{SIZES[-1]:,} routes, the {name} one: of the speed with {SIZES[0]}", found, FLAT)


def targets(results: Results, growth: Growth, workloads: Iterable[str]) -> list[Target]:
    """All of them."""
    return [
        *of_bare(results),
        *(ahead(results, workload) for workload in workloads),
        *against_fastapi(growth),
        *flat(growth),
    ]
