"""Holds c1m's histograms against the published Python package, both ways, on random data.

The package is `hdrhistogram`; the C++ side is histogram_tool (measure/histogram_tool.cpp), found in
$C1M_BUILD_DIR/bin, and a missing program is a failure. C1M_TEST_SEED=N replays a failure, which
prints its N.

What the package does not do the same way, as version 0.10.8 showed (tests below hold it in place):
- its reader ignores the header's payload length and word size, and applies neither the normalizing
  index offset nor the conversion ratio; c1m's decoder refuses streams that have either;
- its percentile table writes the count as a decimal fraction, called TotalCount where the Java tool
  says "Total count", and does not divide the standard deviation by the ratio of units; c1m does
  both as Java does.
"""

import base64
import io
import os
import random
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

ROOT = Path(__file__).resolve().parent.parent
PERCENTILES = (0.0, 0.5, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999, 100.0)
HIGHEST_TRACKABLE = (1 << 42) - 1
HIGHEST_OF_ALL = (1 << 63) - 1

Counts = dict[int, int]


def tool(*arguments: str, text: str = "") -> str:
    """Run histogram_tool on `text` and return what it prints."""
    build = Path(os.environ.get("C1M_BUILD_DIR", ROOT / "build" / "dev"))
    done = subprocess.run(
        [build / "bin" / "histogram_tool", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def magnitude(draw: random.Random) -> int:
    """Draw from every power of two up to 2^63 alike."""
    return draw.getrandbits(63) >> draw.randrange(63)


DISTRIBUTIONS: dict[str, Callable[[random.Random], int]] = {
    "constant": lambda _: 123_456,
    "tiny": lambda draw: draw.randrange(4),
    "exact_range": lambda draw: draw.randrange(4097),
    "exponential": lambda draw: int(draw.expovariate(1 / 200_000)),
    "lognormal": lambda draw: min(int(draw.lognormvariate(12, 1.5)), HIGHEST_TRACKABLE),
    "stall": lambda draw: (
        draw.randrange(900_000_000, 1_000_000_000)
        if draw.random() < 0.02
        else draw.randrange(20_000, 60_000)
    ),
    "uniform": lambda draw: draw.randrange(HIGHEST_TRACKABLE + 1),
    "magnitudes": magnitude,
}


@pytest.fixture(params=[f"{name}-{size}" for name in DISTRIBUTIONS for size in (3, 20_000)])
def counts(request: pytest.FixtureRequest) -> Counts:
    """Random values and how often each occurs; the seed is printed with a failure."""
    seed = int(os.environ.get("C1M_TEST_SEED", random.SystemRandom().getrandbits(32)))
    print(f"replay with C1M_TEST_SEED={seed}")
    name, _, size = request.param.rpartition("-")
    draw = random.Random(seed)
    result: Counts = {}
    for _ in range(int(size)):
        value = DISTRIBUTIONS[name](draw)
        result[value] = result.get(value, 0) + draw.choice((1, 1, 1, 2, 70, 20_000))
    return result


def recorded(counts: Counts) -> Any:
    """Record `counts` with the package, in the range that c1m's encoder states."""
    top = HIGHEST_TRACKABLE if max(counts, default=0) <= HIGHEST_TRACKABLE else HIGHEST_OF_ALL
    histogram = HdrHistogram(1, top, 3)
    for value, count in counts.items():
        assert histogram.record_value(value, count)
    return histogram


def as_text(counts: Counts) -> str:
    return "".join(f"{value} {count}\n" for value, count in counts.items())


def buckets(histogram: Any) -> list[tuple[int, int, int]]:
    """All counters of the package that are not zero: lowest value, highest value, count."""
    return [
        (
            histogram.get_lowest_equivalent_value(item.value_iterated_to),
            item.value_iterated_to,
            item.count_at_value_iterated_to,
        )
        for item in histogram.get_recorded_iterator()
    ]


def described(encoded: str) -> tuple[dict[str, str], list[tuple[int, int, int]]]:
    """Let histogram_tool decode; return its figures by name, and its buckets."""
    figures: dict[str, str] = {}
    found: list[tuple[int, int, int]] = []
    for line in tool("describe", *map(str, PERCENTILES), text=encoded).splitlines():
        name, _, rest = line.partition(" ")
        if name == "bucket":
            lowest, highest, count = map(int, rest.split())
            found.append((lowest, highest, count))
        else:
            key, _, figure = line.rpartition(" ")
            figures[key] = figure
    return figures, found


def assert_same_figures(figures: dict[str, str], histogram: Any) -> None:
    assert int(figures["count"]) == histogram.get_total_count()
    assert int(figures["min"]) == histogram.get_min_value()
    assert int(figures["max"]) == histogram.get_max_value()
    # The package sums integers, c1m doubles: the last digits differ.
    assert float(figures["mean"]) == pytest.approx(histogram.get_mean_value(), rel=1e-10)
    assert float(figures["stddev"]) == pytest.approx(histogram.get_stddev(), rel=1e-9, abs=1e-6)
    found = {percentile: int(figures[f"percentile {percentile}"]) for percentile in PERCENTILES}
    assert found == histogram.get_percentile_to_value_dict(PERCENTILES)


def test_package_decodes_what_c1m_encodes(counts: Counts) -> None:
    expected = recorded(counts)
    decoded = HdrHistogram.decode(tool("encode", text=as_text(counts)).strip())
    assert buckets(decoded) == buckets(expected)
    assert decoded.get_total_count() == sum(counts.values())
    assert decoded.get_min_value() == expected.get_min_value()
    assert decoded.get_max_value() == expected.get_max_value()
    percentiles = decoded.get_percentile_to_value_dict(PERCENTILES)
    assert percentiles == expected.get_percentile_to_value_dict(PERCENTILES)


def test_c1m_decodes_what_the_package_encodes(counts: Counts) -> None:
    expected = recorded(counts)
    figures, found = described(expected.encode().decode())
    assert found == buckets(expected)
    assert_same_figures(figures, expected)


def test_uncompressed_bytes_are_the_same(counts: Counts) -> None:
    def plain(encoded: str) -> bytes:
        return zlib.decompress(base64.b64decode(encoded)[8:])

    expected = bytearray(plain(recorded(counts).encode().decode()))
    stream = plain(tool("encode", text=as_text(counts)))
    # c1m states the range that its counters have grown to, which is a choice of the writer.
    expected[24:32] = stream[24:32]
    assert stream == bytes(expected)


def test_merging_adds_what_the_package_adds(counts: Counts) -> None:
    parts: list[Counts] = [{}, {}, {}]
    for place, (value, count) in enumerate(counts.items()):
        parts[place % 3][value] = count
    encoded = [tool("encode", text=as_text(part)) for part in parts]
    figures, found = described(tool("merge", text="".join(encoded)))
    expected = recorded({max(counts): 0})
    for part in encoded:
        expected.decode_and_add(part)
    assert found == buckets(expected)
    assert found == buckets(recorded(counts))
    assert int(figures["count"]) == sum(counts.values())


@pytest.mark.parametrize(("ratio", "ticks"), [(1.0, 5), (1000.0, 1)])
def test_percentile_table_is_that_of_the_package(counts: Counts, ratio: float, ticks: int) -> None:
    out = io.BytesIO()
    # A decoded one, as min and max are known as buckets then, as c1m knows them.
    expected = HdrHistogram.decode(tool("encode", text=as_text(counts)))
    expected.output_percentile_distribution(out, ratio, ticks)
    lines = out.getvalue().decode().splitlines()
    table = tool("table", str(ratio), str(ticks), text=as_text(counts)).splitlines()
    assert table[:-3] == lines[:-3]
    assert table[-1] == lines[-1]
    # The differences that the head of this file names, and the last digit of sums.
    mean, deviation = (float(field.split("=")[1]) for field in table[-3].strip("]").split(","))
    assert mean == pytest.approx(expected.get_mean_value() / ratio, abs=0.0006, rel=1e-10)
    assert deviation == pytest.approx(expected.get_stddev() / ratio, abs=0.0006, rel=1e-9)
    largest = f"{expected.get_max_value() / ratio:12.3f}"
    assert table[-2] == f"#[Max     = {largest}, Total count    = {sum(counts.values()):12d}]"


def test_empty_histogram_both_ways() -> None:
    encoded = tool("encode").strip()
    assert HdrHistogram.decode(encoded).get_total_count() == 0
    figures, found = described(recorded({}).encode().decode())
    assert figures["count"] == "0"
    assert found == []


def test_counts_beyond_32_bits_both_ways() -> None:
    counts = {5: 2**31 - 1, 6: 2**31 + 3, 1_000_000: 2**50}
    expected = recorded(counts)
    decoded = HdrHistogram.decode(tool("encode", text=as_text(counts)).strip())
    assert buckets(decoded) == buckets(expected)
    assert decoded.get_total_count() == sum(counts.values())
    figures, found = described(expected.encode().decode())
    assert found == buckets(expected)
    assert figures["count"] == str(sum(counts.values()))


def test_package_reads_the_interval_log(tmp_path: Path) -> None:
    seed = int(os.environ.get("C1M_TEST_SEED", random.SystemRandom().getrandbits(32)))
    print(f"replay with C1M_TEST_SEED={seed}")
    draw = random.Random(seed)
    start_ns = 1_700_000_000_123_000_000
    rows = []
    for second in range(5):
        counts = {DISTRIBUTIONS["stall"](draw): 1 for _ in range(500)}
        rows.append((second, "-" if second % 2 == 0 else f"tag{second}", counts))
    text = "".join(
        f"{second * 10**9} {10**9} {tag} {tool('encode', text=as_text(counts))}"
        for second, tag, counts in rows
    )
    path = tmp_path / "latency.hlog"
    path.write_text(tool("log", str(start_ns), text=text), encoding="utf-8")

    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_TRACKABLE, 3))
    for second, tag, counts in rows:
        histogram = reader.get_next_interval_histogram()
        assert histogram is not None
        assert buckets(histogram) == buckets(recorded(counts))
        assert histogram.get_tag() == (None if tag == "-" else tag)
        start_ms = start_ns / 1e6 + second * 1000
        assert histogram.get_start_time_stamp() == pytest.approx(start_ms, abs=0.5)
        assert histogram.get_end_time_stamp() == pytest.approx(start_ms + 1000, abs=0.5)
    assert reader.get_next_interval_histogram() is None
    assert reader.get_start_time_sec() == pytest.approx(start_ns / 1e9, abs=1e-6)
    reader.close()

    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_TRACKABLE, 3))
    total = HdrHistogram(1, HIGHEST_TRACKABLE, 3)
    while reader.add_next_interval_histogram(total, 1.0, 3.5) is not None:
        pass
    reader.close()
    assert total.get_total_count() == sum(
        len(counts) for second, _, counts in rows if 1 <= second <= 3
    )


@pytest.mark.parametrize(
    ("offset", "ratio", "sentence"),
    [(7, 1.0, "index offset 7"), (0, 0.001, "conversion ratio 0.001")],
)
def test_c1m_refuses_what_the_package_ignores(offset: int, ratio: float, sentence: str) -> None:
    payload = b"\x09\x02\x04"  # five zeros, value 5 once, value 6 twice
    plain = struct.pack(">IIIIqqd", 0x1C849313, len(payload), offset, 3, 1, 10**9, ratio) + payload
    packed = zlib.compress(plain)
    encoded = base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()
    assert buckets(HdrHistogram.decode(encoded)) == [(5, 5, 1), (6, 6, 2)]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        tool("describe", text=encoded)
    assert refused.value.returncode == 1
    assert sentence in refused.value.stderr
