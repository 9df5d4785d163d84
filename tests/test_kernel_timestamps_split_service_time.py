"""--kernel-timestamps cuts service time where the kernel received the answer; the parts add up."""

from __future__ import annotations

import pytest
from conftest import RunLoad, StartServer

from c1m.documents import check

FLAGS = ("-c", "4", "-R", "400", "-d", "2s", "--warmup", "1s", "--shards", "2")


def test_the_parts_add_up(run_load: RunLoad, start_server: StartServer) -> None:
    run = run_load(start_server("floor").target, *FLAGS, "--kernel-timestamps")
    document = run.checked
    check("load", document)
    latency = document["latency_us"]
    # The kernel began to stamp in the warm-up.
    answered = document["counts"]["answered"]
    assert latency["network"]["count"] == latency["receive_delay"]["count"] == answered
    parts = latency["network"]["mean"] + latency["receive_delay"]["mean"]
    assert parts == pytest.approx(latency["service"]["mean"], rel=0.005)
    assert latency["receive_delay"]["min"] >= 0
    assert latency["network"]["p50"] > 0


def test_without_the_flag_nothing_is_cut(run_load: RunLoad, start_server: StartServer) -> None:
    latency = run_load(start_server("floor").target, *FLAGS).checked["latency_us"]
    assert latency["network"] is None
    assert latency["receive_delay"] is None
