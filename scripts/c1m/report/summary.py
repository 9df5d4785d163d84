"""What a run says: medians, intervals, ratios and slopes over the valid repetitions of each group.

Invariant: a figure comes from valid cells; where a group has none it comes from the invalid ones
and is marked struck, so that it is shown struck out and never compared.
Not here: text and drawing (tables.py, charts.py); the formulas (estimates.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

from c1m.backends import FLOOR
from c1m.documents import Document
from c1m.estimates import Estimate, Line, line, median

PERCENTILES = ("p50", "p90", "p99", "p999", "max")


@dataclass(frozen=True)
class Sample:
    """One group and backend: `cells` give the figures, `everything` also holds invalid cells."""

    backend: str
    cells: list[Document]
    everything: list[Document]
    valid: int

    @property
    def struck(self) -> bool:
        """Whether no repetition is valid."""
        return self.valid == 0

    def median(self, value: Callable[[Document], float | None]) -> Estimate | None:
        """The median of a figure over the cells that have it."""
        return median([found for cell in self.cells if (found := value(cell)) is not None])


@dataclass(frozen=True)
class Group:
    """Repetitions of the same thing, by backend."""

    name: str
    experiment: str
    connections: int
    rate_rps: float | None
    samples: list[Sample]
    protocol: str = "echo"


def groups_of(
    run: Document, experiment: str, protocol: str = "echo", stacks: str | None = None
) -> list[Group]:
    """Groups of an experiment, in the order in which they were first run; of another choice of
    `stacks` than the backends' default where one is named.
    """
    cells = [
        cell
        for cell in run["cells"]
        if cell["experiment"] == experiment
        and cell["protocol"] == protocol
        and cell.get("stacks") == stacks
    ]
    names = dict.fromkeys(cell["group"] for cell in cells)
    found = []
    for name in names:
        mine = [cell for cell in cells if cell["group"] == name]
        settings = mine[0]["settings"]
        samples = [_sample(mine, backend) for backend in run["run"]["backends"]]
        found.append(
            Group(
                name,
                experiment,
                settings["connections"],
                settings["rate_rps"],
                samples,
                protocol,
            )
        )
    return found


def _sample(cells: list[Document], backend: str) -> Sample:
    mine = [cell for cell in cells if cell["backend"] == backend]
    valid = [cell for cell in mine if cell["validity"]["valid"]]
    return Sample(backend, valid or mine, mine, len(valid))


def response_us(percentile: str) -> Callable[[Document], float | None]:
    """Reads a percentile of the response time from a cell."""

    def value(cell: Document) -> float | None:
        block = (cell["latency_us"] or {}).get("response")
        return None if block is None else block[percentile]

    return value


def cpu_us_per_request(cell: Document) -> float | None:
    """Server CPU a request of a cell."""
    found: float | None = cell["server"]["cpu_us_per_request"]
    return found


def server_utilization(cell: Document) -> float | None:
    """How busy the server was; 1 is one core."""
    found: float | None = cell["server"]["cpu_utilization"]
    return found


def achieved_rps(cell: Document) -> float | None:
    """Answered requests a second."""
    return None if cell["rate_rps"] is None else cell["rate_rps"]["achieved"]


def connects_per_s(cell: Document) -> float | None:
    """Established connections a second."""
    return None if cell["connect"] is None else cell["connect"].get("rate_per_s")


def connect_p99_us(cell: Document) -> float | None:
    """99th percentile of the time from connect() to established."""
    block = (cell["connect"] or {}).get("latency_us")
    return None if block is None else block["p99"]


def ratio_to_floor(group: Group, sample: Sample) -> Estimate | None:
    """The median of CPU a request over that of the floor in the same repetition."""
    floor = {
        cell["repetition"]: cpu_us_per_request(cell)
        for other in group.samples
        if other.backend == FLOOR
        for cell in other.cells
    }
    ratios = []
    for cell in sample.cells:
        mine, limit = cpu_us_per_request(cell), floor.get(cell["repetition"])
        if mine is not None and limit:
            ratios.append(mine / limit)
    return median(ratios)


def handshake_p99_us(cell: Document) -> float | None:
    """99th percentile of WebSocket's opening handshake."""
    block = (cell.get("websocket") or {}).get("handshake_us")
    return None if block is None else block["p99"]


def longest_silence_us(cell: Document) -> float | None:
    """The longest time in which no answer came from anywhere, in a cell with meters of pauses."""
    return _of_service_silence(cell, lambda meter: meter["histograms"]["silence_us"]["max"])


def expected_silence_us(cell: Document) -> float | None:
    """The longest silence that a Poisson stream of that rate has as a rule."""
    return _of_service_silence(cell, lambda meter: meter["expected_longest_us"])


def _of_service_silence(cell: Document, value: Callable[[Document], float | None]) -> float | None:
    for each in (cell.get("pauses") or {"meters": []})["meters"]:
        meter = each["meter"]
        if meter["kind"] == "silence" and meter["target"] is None:
            return value(meter) if meter["histograms"]["silence_us"] else None
    return None


def longest_stall_us(side: str, kind: str) -> Callable[[Document], float | None]:
    """Reads the longest stall of the meters of one kind; 0 when none lasted a tick."""

    def value(cell: Document) -> float | None:
        if not cell.get("pauses"):
            return None
        meters = [
            each["meter"]
            for each in cell["pauses"]["meters"]
            if each["side"] == side and each["meter"]["kind"] == kind
        ]
        stalls = [stall["amount_ns"] / 1000 for meter in meters for stall in meter["stalls"]]
        return max(stalls, default=0.0) if meters else None

    return value


def pauses_put_down_to(cause: str) -> Callable[[Document], float | None]:
    """Counts a cell's pauses of one cause."""

    def value(cell: Document) -> float | None:
        if not cell.get("pauses"):
            return None
        return float(sum(each["cause"] == cause for each in cell["pauses"]["episodes"]))

    return value


@dataclass(frozen=True)
class Memory:
    """Memory a connection of one backend: slopes in bytes, with the points they were fitted to."""

    backend: str
    struck: bool
    user: Line | None
    kernel: Line | None
    points: list[Document]
    stacks: str | None = None  # another choice than the backend's default


def memory_of(run: Document, protocol: str = "echo", stacks: str | None = None) -> list[Memory]:
    """Slopes over the ladder, for every backend that has one."""
    found = []
    for backend in run["run"]["backends"]:
        rungs = groups_of(run, "memory", protocol, stacks)
        samples = [
            sample
            for group in rungs
            for sample in group.samples
            if sample.backend == backend and sample.cells
        ]
        points = [_memory_point(cell) for sample in samples for cell in sample.cells]
        if not points:
            continue
        struck = any(sample.struck for sample in samples)
        found.append(
            Memory(
                backend,
                struck,
                _slope(points, "user_bytes"),
                _slope(points, "kernel_bytes"),
                points,
                stacks,
            )
        )
    return found


def _memory_point(cell: Document) -> Document:
    kernel = cell["kernel_memory"]
    return {
        "backend": cell["backend"],
        "connections": cell["connections"]["at_end"]
        if cell["connections"]
        else cell["settings"]["connections"],
        "user_bytes": cell["server"]["pss_bytes"],
        "kernel_bytes": kernel["total_bytes"] if kernel else None,
        "valid": cell["validity"]["valid"],
    }


def _slope(points: list[Document], name: str) -> Line | None:
    usable = [point for point in points if point[name] is not None]
    return line([point["connections"] for point in usable], [point[name] for point in usable])


@dataclass(frozen=True)
class Capacity:
    """The highest rate that a backend held, with its bracket."""

    backend: str
    connections: int
    held: Estimate | None
    searches: list[Document]

    @property
    def limited_by_server(self) -> bool:
        """Whether the bracket's upper end says something about the server."""
        return all(search["bound_by"] in ("response_p99", "server") for search in self.searches)


def capacities_of(run: Document) -> list[Capacity]:
    """Results of the searches by backend."""
    found = []
    for backend in run["run"]["backends"]:
        searches = [search for search in run["searches"] if search["backend"] == backend]
        if searches:
            held = [search["held_rps"] for search in searches if search["held_rps"] is not None]
            found.append(Capacity(backend, searches[0]["connections"], median(held), searches))
    return found
