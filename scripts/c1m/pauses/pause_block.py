"""What run.json holds of a cell's pauses: the meters of both sides, and each pause with its cause.

Invariant: stalls that do not reach into the window are left out; everything else stays as the
programs wrote it.
Not here: causes (attribution.py).
"""

from c1m.documents import Document
from c1m.pauses.attribution import Pause, attribute
from c1m.pauses.meters import meters_of


def pause_block(server: Document, generator: Document, window: Document) -> Document:
    """The block, from the documents of --pauses of both sides and the generator's window."""
    begin_ns, end_ns = window["start_monotonic_ns"], window["end_monotonic_ns"]
    pauses = attribute([*meters_of(server), *meters_of(generator)], begin_ns, end_ns)
    return {
        "tick_us": max(server["tick_us"], generator["tick_us"]),
        "meters": [
            {"side": document["side"], "meter": _inside(meter, begin_ns, end_ns)}
            for document in (server, generator)
            for meter in document["meters"]
        ],
        "episodes": [_episode(pause) for pause in pauses],
    }


def _inside(meter: Document, begin_ns: int, end_ns: int) -> Document:
    stalls = [
        stall
        for stall in meter["stalls"]
        if stall["end_ns"] > begin_ns and stall["begin_ns"] < end_ns
    ]
    return {**meter, "stalls": stalls}


def _episode(pause: Pause) -> Document:
    return {
        "begin_ns": pause.event.begin_ns,
        "end_ns": pause.event.end_ns,
        "seen_as": pause.seen_as,
        "cause": pause.cause,
        "detail": pause.detail,
        "workers": [f"{shard}.{worker}" for shard, worker in pause.workers],
    }
