"""Both ends of a connection over `wsproto` of PyPI, which has no I/O of its own: an echo server in
threads, and a client.

Invariant: what it says and hears goes through wsproto alone; every wait has a bound.
Not here: what must hold (test_websocket_interoperates_with_wsproto.py).
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate

TIMEOUT_S = 20


def message_of(data: str | bytes, *, last: bool = True) -> Event:
    """The event that sends a message, or a fragment of one."""
    if isinstance(data, str):
        return TextMessage(data=data, message_finished=last)
    return BytesMessage(data=data, message_finished=last)


@dataclass
class End:
    """One end: a socket, and wsproto's view of what goes over it."""

    connection: socket.socket
    protocol: WSConnection
    events: deque[Event] = field(default_factory=deque)
    parts: list[str | bytes] = field(default_factory=list)

    def send(self, event: Event) -> None:
        """Sends what the event stands for."""
        self.connection.sendall(self.protocol.send(event))

    def take(self) -> Event | str | bytes | None:
        """The next whole message, or an event of another kind; None at the end of the stream."""
        while True:
            while self.events:
                event = self.events.popleft()
                if not isinstance(event, Message):
                    return event
                self.parts.append(event.data)
                if event.message_finished:
                    parts, self.parts = self.parts, []
                    empty = "" if isinstance(event, TextMessage) else b""
                    return empty.join(parts)  # type: ignore[arg-type]
            data = self.connection.recv(1 << 16)
            if not data:
                return None
            self.protocol.receive_data(data)
            self.events.extend(self.protocol.events())


@dataclass
class EchoServer:
    """What an echo server has met; `port` is where it listens."""

    port: int
    deflate: bool
    paths: set[str] = field(default_factory=set)
    kinds: set[type] = field(default_factory=set)
    compressed: set[bool] = field(default_factory=set)
    close_codes: list[int] = field(default_factory=list)

    def talk(self, connection: socket.socket) -> None:
        """Serves one connection to its end."""
        with connection:
            end = End(connection, WSConnection(ConnectionType.SERVER))
            while (said := end.take()) is not None:
                if isinstance(said, str | bytes):
                    self.kinds.add(type(said))
                    end.send(message_of(said))
                elif isinstance(said, Request):
                    self.paths.add(said.target)
                    extension = PerMessageDeflate()
                    end.send(AcceptConnection(extensions=[extension] if self.deflate else []))
                    self.compressed.add(extension.enabled())
                elif isinstance(said, Ping):
                    end.send(said.response())
                elif isinstance(said, CloseConnection):
                    self.close_codes.append(said.code)
                    end.send(said.response())
                    return


@contextmanager
def serving(*, deflate: bool) -> Iterator[EchoServer]:
    """A running echo server, one thread a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = EchoServer(int(listener.getsockname()[1]), deflate)
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                if ended.is_set():
                    connection.close()
                    return
                connection.settimeout(TIMEOUT_S)
                threads.append(threading.Thread(target=server.talk, args=(connection,)))
                threads[-1].start()

        ended = threading.Event()
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", server.port)).close()
            accepting.join()
            for thread in threads:
                thread.join()


@contextmanager
def client(port: int, *, deflate: bool) -> Iterator[tuple[End, PerMessageDeflate]]:
    """An established client, and the extension that it has offered."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        end = End(connection, WSConnection(ConnectionType.CLIENT))
        extension = PerMessageDeflate()
        offered = [extension] if deflate else []
        end.send(Request(host=f"127.0.0.1:{port}", target="/", extensions=offered))
        accepted = end.take()
        assert isinstance(accepted, AcceptConnection), accepted
        yield end, extension
