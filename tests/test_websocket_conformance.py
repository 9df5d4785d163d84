"""The conformance tables of protocol/conformance/ against the servers, over sockets.

In memory the same tables run whole, byte by byte and cut at every place (conformance_test.cpp);
here they prove that each backend carries bytes, ends and closes as the session wants. Cases with
the same flags share a server, and each has a connection of its own.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from conftest import SERVERS, StartServer
from websocket_peer import Peer, bytes_of, case_id, frame, payload_of, table

Json = dict[str, Any]
Groups = dict[tuple[str, ...], list[Json]]


def _grouped(cases: list[Json]) -> Groups:
    groups: Groups = defaultdict(list)
    for case in cases:
        flags: list[str] = []
        if case.get("deflate"):
            flags += ["--deflate"]
        if "max_message" in case:
            flags += ["--max-message", str(case["max_message"])]
        if "max_fragments" in case:
            flags += ["--max-fragments", str(case["max_fragments"])]
        if "origins" in case:
            flags += ["--allowed-origin", ",".join(case["origins"])]
        groups[tuple(flags)].append(case)
    return groups


def _expected(case: Json) -> list[Json]:
    answers: list[Json] = []
    for row in case["expect"]:
        answer = (
            {"close": row["close"]}
            if "close" in row
            else {
                "op": row["op"],
                "payload": payload_of(row),
                "compressed": row.get("compressed", False),
            }
        )
        answers += [answer] * int(row.get("times", 1))
    return answers


def _check_frames(peer: Peer, case: Json) -> None:
    data = b"".join(bytes_of(step) for step in case["send"])
    peer.send(data)
    expected = _expected(case)
    for answer in expected:
        assert peer.take_frame() == answer
    if expected and "close" in expected[-1]:
        peer.take_end()
    elif "announce" not in case["send"][-1]:
        # Nothing else was said, and the session goes on.
        peer.send(frame("ping", b"probe"))
        assert peer.take_frame()["payload"] == b"probe"


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_frames(flags: tuple[str, ...], start_server: StartServer) -> None:
    for group, cases in _grouped(table("frames.json")).items():
        server = start_server(*flags, "--protocol", "ws", *group)
        for case in cases:
            with Peer.open(server, deflate="--deflate" in group) as peer:
                try:
                    _check_frames(peer, case)
                except (AssertionError, OSError) as error:
                    pytest.fail(f"{case_id(case)}: {error}")
        assert server.stop() == 143


def _check_handshake(peer: Peer, case: Json) -> None:
    peer.send(case["head"].replace("*", "p" * case.get("pad", 1)).encode())
    head = peer.take_head().decode()
    assert head.startswith(f"HTTP/1.1 {case['status']} ")
    for text in case.get("contains", []):
        assert text in head
    for text in case.get("absent", []):
        assert text not in head
    if case["status"] == 101:
        peer.echo()
        return
    length = next(line for line in head.split("\r\n") if line.startswith("Content-Length: "))
    peer.take(int(length.split()[1]))
    peer.take_end()


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_handshakes(flags: tuple[str, ...], start_server: StartServer) -> None:
    for group, cases in _grouped(table("handshakes.json")).items():
        server = start_server(*flags, "--protocol", "ws", *group)
        for case in cases:
            with Peer.connect(server) as peer:
                try:
                    _check_handshake(peer, case)
                except (AssertionError, OSError) as error:
                    pytest.fail(f"{case_id(case)}: {error}")
        assert server.stop() == 143


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_the_first_frame_may_come_with_the_handshake(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, "--protocol", "ws")
    request = table("handshakes.json")[0]["head"].encode()
    with Peer.connect(server) as peer:
        peer.send(request + frame("text", b"early") + frame("text", b"bird")[:3])
        assert peer.take_head().startswith(b"HTTP/1.1 101 ")
        assert peer.take_frame()["payload"] == b"early"
