"""Names, TCP and TLS: everything below HTTP/2."""

import socket
import ssl
from typing import Any

from probe.model import Options

Address = tuple[socket.AddressFamily, Any]


def addresses(options: Options) -> list[Address]:
    """Every address of the host, in the resolver's order.

    Raises OSError: the name cannot be resolved.
    """
    found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def connect(address: Address, options: Options) -> socket.socket:
    """A TCP connection.

    Raises OSError: refused, unreachable or not answered within the time limit.
    """
    family, where = address
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(options.timeout)
        made.connect(where)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        made.close()
        raise
    return made


def secure(plain: socket.socket, options: Options, *, verify: bool) -> ssl.SSLSocket:
    """TLS on a connection, offering h2 and HTTP/1.1, so that the choice shows what the server prefers.

    Raises ssl.SSLError: no TLS, or with `verify` a certificate that is not trusted for the name.
    Raises OSError: cut off.
    """
    context = ssl.create_default_context(cafile=str(options.ca) if options.ca else None)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain, server_hostname=options.name)
    except OSError:
        plain.close()
        raise
