"""c1m-load --protocol ws with a server that others wrote: `websockets` of PyPI.

Its checks on a client are the outside oracle for our masking, fragments, compression and closing
handshake.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from conftest import RunLoad
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

CONNECTIONS = 4
OF_THE_MACHINE = {"generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law"}


@dataclass
class Seen:
    """What the server has met."""

    port: int = 0
    deflate: bool = False
    kinds: set[type] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    extensions: set[str] = field(default_factory=set)
    close_codes: list[int] = field(default_factory=list)


@pytest.fixture(params=[None, "deflate"], ids=["plain", "deflate"])
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    """A running echo server that pings its clients often, and agrees to compression or does not."""
    seen = Seen()

    def echo(connection: ServerConnection) -> None:
        asked = connection.request
        assert asked is not None
        seen.paths.add(asked.path)
        seen.hosts.add(asked.headers["Host"])
        seen.extensions |= {extension.name for extension in connection.protocol.extensions}
        try:
            for message in connection:
                seen.kinds.add(type(message))
                connection.send(message)
        except ConnectionClosed:
            pass
        received = connection.protocol.close_rcvd
        seen.close_codes.append(received.code if received else 0)

    with serve(
        echo,
        "127.0.0.1",
        0,
        compression=request.param,
        max_size=None,
        ping_interval=0.2,
        ping_timeout=20,
    ) as server:
        seen.deflate = request.param is not None
        seen.port = int(server.socket.getsockname()[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("opcode", "size", "fragment"),
    [
        ("text", "64", ()),
        ("binary", "1-70000", ()),
        ("text", "1-3000", ("--ws-fragment", "125")),
        ("binary", "200KiB", ("--ws-fragment", "65536")),
    ],
)
def test_every_message_is_echoed_and_the_close_is_clean(
    opcode: str, size: str, fragment: tuple[str, ...], seen: Seen, run_load: RunLoad
) -> None:
    run = run_load(
        f"127.0.0.1:{seen.port}", "--protocol", "ws", "-c", str(CONNECTIONS), "-R", "80",
        "-d", "1s", "--warmup", "0s", "--ws-opcode", opcode, "-s", size, *fragment,
        "--ws-path", "/a?b=c", "--ws-ping-interval", "200ms",
        *(("--ws-deflate", "--ws-payload", "words") if seen.deflate else ()),
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert run.failed_checks() <= OF_THE_MACHINE, run.stderr
    websocket = run.checked["websocket"]
    assert websocket["pongs_received"] == websocket["pings_sent"] > 0
    assert websocket["pings_received"] > 0
    assert websocket["closes_answered"] == CONNECTIONS
    sent = run.checked["counts"]["sent"] if seen.deflate else 0
    assert websocket["compressed_sent"] == websocket["compressed_received"] == sent
    assert websocket["deflate_agreed"] == (CONNECTIONS if seen.deflate else 0)
    assert seen.extensions == ({"permessage-deflate"} if seen.deflate else set())
    assert seen.kinds == {str if opcode == "text" else bytes}
    assert seen.paths == {"/a?b=c"}
    assert seen.hosts == {f"127.0.0.1:{seen.port}"}
    assert seen.close_codes == [1000] * CONNECTIONS


@pytest.mark.parametrize("seen", [None], indirect=True)
def test_without_compression_the_offer_is_declined(seen: Seen, run_load: RunLoad) -> None:
    run = run_load(
        f"127.0.0.1:{seen.port}", "--protocol", "ws", "-c", "2", "-R", "20", "-d", "500ms",
        "--warmup", "0s", "--ws-deflate",
    )  # fmt: skip
    assert run.failed_checks() - OF_THE_MACHINE == {"compression_agreed"}
    assert run.checked["websocket"]["deflate_declined"] == 2
    assert run.checked["counts"]["corrupt"] == 0
