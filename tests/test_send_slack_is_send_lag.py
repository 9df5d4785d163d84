"""--send-slack lets requests leave later, in groups; how much later stands in the send lag."""

from __future__ import annotations

from conftest import RunLoad, StartServer

FLAGS = ("-c", "4", "-R", "100", "-d", "2s", "--warmup", "200ms", "--shards", "1")
SLACK_MS = 20


def test_the_slack_is_counted_as_lag(run_load: RunLoad, start_server: StartServer) -> None:
    slack = ("--send-slack", f"{SLACK_MS}ms", "--max-send-lag-p99", "10s")
    document = run_load(start_server("floor").target, *FLAGS, *slack).checked
    assert document["settings"]["send_slack_us"] == SLACK_MS * 1e3
    # The first of a group waits for all of it, those that fall due meanwhile for half on average;
    # an answer that comes late lets the next ones leave earlier.
    lag = document["latency_us"]["send_lag"]
    assert lag["max"] >= SLACK_MS * 1e3
    assert lag["p50"] >= SLACK_MS * 1e3 / 3
    assert document["latency_us"]["response"]["p50"] >= lag["p50"], "it is what a user waits"
    counts = document["counts"]
    assert counts["answered"] == counts["planned"], "all were sent, as planned"
