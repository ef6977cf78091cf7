"""A server that fails on purpose, one way at a time: the HTTP/2 half of what load balancers and broken servers do."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

GRPC_OK = [("grpc-status", "0")]
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"


class Peer:
    """The server's end of one connection."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.http = h2.connection.H2Connection(config)
        self.requests = 0
        self.over = threading.Event()

    def run(self, behave: "Behaviour") -> None:
        self.http.initiate_connection()
        self.flush()
        while not self.over.is_set():
            received = self.link.recv(65_536)
            if not received:
                return
            for event in self.http.receive_data(received):
                if isinstance(event, h2.events.RequestReceived):
                    self.requests += 1
                    headers = {str(key): str(value) for key, value in event.headers or ()}
                    behave(self, event.stream_id or 0, headers[":path"])
            self.flush()

    def flush(self) -> None:
        self.link.sendall(self.http.data_to_send())

    def http_only(self, stream: int, status: int, **headers: str) -> None:
        """An answer of something that is no gRPC server."""
        pairs = [(key.replace("_", "-"), value) for key, value in headers.items()]
        self.http.send_headers(stream, [(":status", str(status)), *pairs], end_stream=True)
        self.flush()

    def grpc(self, stream: int, *messages: bytes, status: int | None = 0, pod: str = "") -> None:
        """A gRPC answer; status None leaves the stream open."""
        headers = [(":status", "200"), ("content-type", "application/grpc"), *([("x-pod", pod)] if pod else [])]
        self.http.send_headers(stream, headers)
        for each in messages:
            self.http.send_data(stream, b"\0" + len(each).to_bytes(4, "big") + each)
        if status is not None:
            self.http.send_headers(stream, [("grpc-status", str(status))], end_stream=True)
        self.flush()

    def goaway(self, code: int, last: int, debug: str = "") -> None:
        """GOAWAY as bytes: the library would close the connection after its own."""
        payload = struct.pack("!II", last, code) + debug.encode()
        self.link.sendall(len(payload).to_bytes(3, "big") + b"\x07\0" + b"\0\0\0\0" + payload)

    def reset_stream(self, stream: int, code: h2.errors.ErrorCodes) -> None:
        self.http.reset_stream(stream, code)
        self.flush()

    def reset_connection(self) -> None:
        """A TCP reset."""
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.link.close()
        self.over.set()

    def close(self) -> None:
        """No more from this side; what the other says is still read, else the kernel would send a reset."""
        self.link.shutdown(socket.SHUT_WR)
        while self.link.recv(65_536):
            pass
        self.over.set()


Behaviour = Callable[[Peer, int, str], None]


def sound(peer: Peer, stream: int, path: str) -> None:
    """What a server without reflection does: health, and nothing else."""
    if path == CHECK:
        peer.grpc(stream, SERVING)
    elif path == WATCH:
        peer.grpc(stream, SERVING, status=None)
    else:
        peer.grpc(stream, status=12)


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A listener on loopback that gives each connection to `serve`; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    links: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def one(link: socket.socket) -> None:
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            serve(link)
        link.close()

    def accept() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            links.append(link)
            threads.append(threading.Thread(target=one, args=(link,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@contextmanager
def faulty(behave: Behaviour) -> Iterator[int]:
    """A server that behaves like that, without TLS; its port."""
    with serving(lambda link: Peer(link).run(behave)) as port:
        yield port


@contextmanager
def http1() -> Iterator[int]:
    """A server that knows HTTP/1.1 only."""

    def serve(link: socket.socket) -> None:
        while link.recv(65_536):
            link.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

    with serving(serve) as port:
        yield port


@contextmanager
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""

    def serve(link: socket.socket) -> None:
        while link.recv(65_536):
            pass

    with serving(serve) as port:
        yield port


@contextmanager
def secured(certificate: tuple[Path, Path], protocols: list[str]) -> Iterator[int]:
    """A sound server with TLS that offers these protocols; none: no ALPN at all."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    if protocols:
        context.set_alpn_protocols(protocols)

    def serve(link: socket.socket) -> None:
        with context.wrap_socket(link, server_side=True) as wrapped:
            Peer(wrapped).run(sound)

    with serving(serve) as port:
        yield port
