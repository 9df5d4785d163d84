"""The summary of profile million: a row a variant, what it reached and its figures there.

Invariant: latency and connects a second are of valid sessions, memory and pauses of sessions whose
connections all stood and were proven alive: pauses say why the traffic's checks failed, if they
did. All of them at the most connections that the variant held.
Not here: single sessions (session.py), slopes (slopes.py), how it looks (million_tables.py).
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict

from c1m.documents import Document
from c1m.estimates import median
from c1m.million.session import PARTS
from c1m.million.slopes import established, slopes
from c1m.million.variants import FLOOR, Variant
from c1m.pauses.attribution import CAUSES


def variant_rows(variants: list[Variant], sessions: list[Document]) -> list[Document]:
    """A row a variant, in their order."""
    rows = []
    for variant in variants:
        mine = [each for each in sessions if each["variant"] == variant.name]
        valid = [each for each in mine if each["validity"]["valid"]]
        held = [each for each in mine if each["validity"]["memory_valid"]]
        top = max((established(each) for each in held), default=0)
        rows.append(
            {
                "variant": variant.name,
                "title": variant.title,
                "connections": top,
                "valid_sessions": len(valid),
                "sessions": len(mine),
                "connects_per_s": _median_of(valid, top, connects_per_s),
                "connects_over_floor": _over_floor(variant, sessions, top),
                "response_p99_us": _median_of(valid, top, response_p99_us),
                "subset": _subset(valid),
                "service_p99_us": _median_of(valid, top, _service),
                "send_lag_p99_us": _median_of(valid, top, _lag),
                "used_bytes": _median_of(held, top, used_bytes),
                "bytes_per_connection": slopes(mine),
                "pauses": _pauses([each for each in held if established(each) == top]),
                "parts_s": parts_s(mine),
            }
        )
    return rows


def parts_s(sessions: list[Document]) -> Document:
    """How long each part took, added up; `rest` is what is in none, as reading what was left."""
    parts = {
        name: round(sum(each["parts_s"][name] or 0.0 for each in sessions), 3) for name in PARTS
    }
    whole = sum(each["duration_s"] for each in sessions)
    return {**parts, "rest": round(max(0.0, whole - sum(parts.values())), 3)}


def connects_per_s(session: Document) -> float | None:
    """As the server accepted them; where its descriptors cannot be counted, as the generator did.

    Its handshakes say little of a server: the kernel completes them.
    """
    if session["accepts_per_s"] is not None:
        return float(session["accepts_per_s"])
    return session["connect"]["rate_per_s"] if session["connect"] else None


def response_p99_us(session: Document) -> float | None:
    """99th percentile of the response time."""
    return _p99_of(session, "response")


def used_bytes(session: Document) -> float | None:
    """The machine's memory in use while the connections rest."""
    return session["memory"]["used_bytes"] if session["memory"] else None


def _subset(sessions: list[Document]) -> Document | None:
    """Where only some of the connections carried traffic: how many stood, and the response time."""
    mine = [each for each in sessions if each["choice"] != "uniform"]
    if not mine:
        return None
    most = max(established(each) for each in mine)
    return {
        "connections": most,
        "response_p99_us": _median_of(mine, most, response_p99_us, "active:"),
    }


def _service(session: Document) -> float | None:
    return _p99_of(session, "service")


def _lag(session: Document) -> float | None:
    return _p99_of(session, "send_lag")


def _p99_of(session: Document, name: str) -> float | None:
    block = (session["latency_us"] or {}).get(name)
    return block["p99"] if block else None


def _over_floor(variant: Variant, sessions: list[Document], top: int) -> Document | None:
    """Connects a second over the floor's in the same round, median over the rounds."""

    def rounds(name: str) -> dict[tuple[str, int, int], float]:
        return {
            (each["choice"], each["repetition"], established(each)): rate
            for each in sessions
            if each["variant"] == name and each["validity"]["valid"]
            if (rate := connects_per_s(each)) is not None and established(each) == top
        }

    mine, floors = rounds(variant.name), rounds(FLOOR)
    return _estimate([mine[key] / floors[key] for key in mine if floors.get(key)])


def _pauses(sessions: list[Document]) -> Document | None:
    """What the meters of the sessions with traffic over all connections saw, together."""
    metered = [
        each for each in sessions if each["pauses"] is not None and each["choice"] == "uniform"
    ]
    if not metered:
        return None
    blocks = [each["pauses"] for each in metered]
    silences = [block["service_silence"] for block in blocks if block["service_silence"]]
    return {
        "sessions": len(metered),
        "window_s": round(sum(each["window"]["duration_s"] for each in metered), 3),
        "tick_us": max(block["tick_us"] for block in blocks),
        "shortest_us": max(block["shortest_us"] for block in blocks),
        "longest_silence_us": _most(each["longest_us"] for each in silences),
        "unexpected_silence_us": _most(each["unexpected_us"] for each in silences),
        "longest_stall_us": {
            name: _most(
                group["longest_us"]
                for block in blocks
                for group in block["groups"]
                if (group["side"], group["kind"]) == place
            )
            for name, place in STALLS.items()
        },
        "by_cause": {cause: sum(block["by_cause"][cause] for block in blocks) for cause in CAUSES},
    }


# Of which meters the longest stall stands in the table.
STALLS = {
    "workers": ("server", "loop"),
    "server_cpus": ("server", "hiccup"),
    "generator_loops": ("generator", "loop"),
}


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _median_of(
    sessions: list[Document],
    top: int,
    value: Callable[[Document], float | None],
    choice: str = "uniform",
) -> Document | None:
    found = [
        figure
        for each in sessions
        if established(each) == top and each["choice"].startswith(choice)
        if (figure := value(each)) is not None
    ]
    return _estimate(found)


def _estimate(values: list[float]) -> Document | None:
    found = median(values)
    return None if found is None else asdict(found)
