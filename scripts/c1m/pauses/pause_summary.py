"""A session's pauses in few words: meters of one kind put together, each pause with its cause.

With a hundred shards the whole documents would be megabytes a session. Here all meters of a side
and a kind are a group, which keeps its longest stalls in the window, and its merged histograms.

Invariant: counts are of everything, lists of the longest. No pause is shorter than `shortest_us`:
two ticks, which every meter finds, or more where a meter had no room for all of its stalls.
Not here: causes (attribution.py), the whole meters (pause_block.py).
"""

import math
from collections import Counter
from collections.abc import Iterable

from hdrh.histogram import HdrHistogram

from c1m.documents import Document
from c1m.pauses.attribution import CAUSES, Pause, attribute
from c1m.pauses.meters import meters_of
from c1m.pauses.pause_record import PauseRecord

STALLS_A_GROUP_MAX = 150
EPISODES_MAX = 300
# The quantile of Gumbel's distribution that docs/methodology.md#pauses holds silences against.
_GUMBEL_99 = 4.600149
_HIGHEST_NS = 24 * 3600 * 10**9


def summarize_pauses(server: PauseRecord, generator: PauseRecord, load: Document) -> Document:
    """The block, from both sides' records and the generator's document."""
    window = load["window"]
    documents = (server.document, generator.document)
    tick_ns = 1000 * max(document["tick_us"] for document in documents)
    complete_ns = max(server.complete_from_ns, generator.complete_from_ns)
    shortest_ns = round(max(2 * tick_ns, complete_ns))
    meters = [meter for document in documents for meter in meters_of(document)]
    begin_ns, end_ns = window["start_monotonic_ns"], window["end_monotonic_ns"]
    pauses = attribute(meters, begin_ns, end_ns, shortest_ns)
    longest = sorted(pauses, key=lambda pause: -pause.event.length_ns)[:EPISODES_MAX]
    counts = Counter(pause.cause for pause in pauses)
    return {
        "tick_us": tick_ns / 1000,
        "shortest_us": shortest_ns / 1000,
        "service_silence": _service_silence(generator.document),
        "by_cause": {cause: counts[cause] for cause in CAUSES},
        "episodes": [
            _episode(pause) for pause in sorted(longest, key=lambda pause: pause.event.begin_ns)
        ],
        "groups": [_group(key, found) for key, found in _grouped(documents).items()],
        "response_p99_by_second": [
            {"t_s": row["t_s"], "response_p99_us": row.get("response_p99_us")}
            for row in load["timeline"]
        ],
    }


def _service_silence(generator: Document) -> Document | None:
    """The longest time without an answer from anywhere, beside what chance explains."""
    for meter in generator["meters"]:
        if meter["kind"] == "silence" and meter["target"] is None:
            answers, expected_us = meter["answers"], meter["expected_longest_us"]
            known = expected_us is not None and answers > 1
            seen = meter["histograms"]["silence_us"]
            return {
                "answers": answers,
                "longest_us": seen["max"] if seen else None,
                "expected_longest_us": expected_us,
                "unexpected_us": expected_us * (1 + _GUMBEL_99 / math.log(answers))
                if known
                else None,
            }
    return None


_Key = tuple[str, str, str | None]


def _grouped(documents: Iterable[Document]) -> dict[_Key, list[Document]]:
    found: dict[_Key, list[Document]] = {}
    for document in documents:
        for meter in document["meters"]:
            of = None
            if meter["kind"] == "silence":
                of = "service" if meter["target"] is None else "target"
            found.setdefault((document["side"], meter["kind"], of), []).append(meter)
    return found


def _group(key: _Key, meters: list[Document]) -> Document:
    side, kind, of = key
    stalls = sorted(
        (stall for meter in meters for stall in meter["stalls"]),
        key=lambda stall: -stall["amount_ns"],
    )
    kept = sorted(stalls[:STALLS_A_GROUP_MAX], key=lambda stall: stall["begin_ns"])
    names = dict.fromkeys(name for meter in meters for name in meter["histograms"])
    return {
        "side": side,
        "kind": kind,
        "of": of,
        "meters": len(meters),
        "stalls_in_window": len(stalls),
        "longest_us": stalls[0]["amount_ns"] / 1000 if stalls else 0.0,
        "stalls": [
            {name: stall[name] for name in ("begin_ns", "end_ns", "amount_ns")} for stall in kept
        ],
        "histograms": {
            name: _merged([meter["histograms"].get(name) for meter in meters]) for name in names
        },
        "unavailable": {
            name: reason for meter in meters for name, reason in meter["unavailable"].items()
        },
    }


def _merged(blocks: list[Document | None]) -> Document | None:
    """One distribution of all; None when no meter has one."""
    known = [block for block in blocks if block is not None]
    if not known:
        return None
    total = HdrHistogram(1, _HIGHEST_NS, 3)
    for block in known:
        if block["count"] > 0:
            total.add(HdrHistogram.decode(block["hdr_v2_b64"]))
    count = total.get_total_count()

    values_ns = total.get_percentile_to_value_dict([50, 99]) if count else {}
    encoded = total.encode()
    return {
        "count": count,
        "p50_us": values_ns[50] / 1000 if count else None,
        "p99_us": values_ns[99] / 1000 if count else None,
        "max_us": max((block["max"] for block in known if block["count"]), default=None),
        "hdr_unit": "ns",
        "hdr_v2_b64": encoded.decode("ascii"),
    }


def _episode(pause: Pause) -> Document:
    return {
        "begin_ns": pause.event.begin_ns,
        "end_ns": pause.event.end_ns,
        "seen_as": pause.seen_as,
        "cause": pause.cause,
        "detail": pause.detail,
        "workers": len(pause.workers),
    }
