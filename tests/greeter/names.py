"""A name server for one name, whose addresses a test changes."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

A, IN = 1, 1


@dataclass
class Names:
    """Answers every A question with `addresses`, every other with nothing (RFC 1035, section 4)."""

    addresses: list[str]
    udp: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    asked: int = 0

    @property
    def port(self) -> int:
        return int(self.udp.getsockname()[1])

    def answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        kind = struct.unpack("!H", query[end - 4 : end - 2])[0]
        found = list(self.addresses) if kind == A else []
        self.asked += kind == A
        header = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        records = [struct.pack("!HHHIH", 0xC00C, A, IN, 0, 4) + socket.inet_aton(each) for each in found]
        return header + query[12:end] + b"".join(records)

    def serve(self) -> None:
        while True:
            try:
                query, sender = self.udp.recvfrom(2048)
            except OSError:
                return
            if query == b"stop":
                return
            self.udp.sendto(self.answer(query), sender)


@contextmanager
def name_server(*addresses: str) -> Iterator[Names]:
    """A name server on loopback."""
    names = Names(list(addresses))
    names.udp.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=names.serve)
    thread.start()
    try:
        yield names
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"stop", ("127.0.0.1", names.port))
        thread.join()
        names.udp.close()
