"""What the steps share: the addresses that answer, how far the certificate is trusted, the method to call."""

from dataclasses import dataclass, field

from probe import sockets
from probe.http2 import Connection
from probe.model import Options
from probe.reflection import Method, Reflection


@dataclass
class Session:
    """One run of the probe. `stopped`: nothing more can be learnt. `unreachable`: nothing was learnt at all."""

    options: Options
    addresses: list[sockets.Address] = field(default_factory=list)
    trusted: bool = True
    stopped: bool = False
    unreachable: bool = False
    reflection: Reflection | None = None
    method: Method | None = None
    opened: int = 0

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Metadata for calls: none once a certificate was not trusted, because it may hold credentials."""
        return self.options.metadata if self.trusted else ()

    def open(self) -> Connection:
        """A connection to the next address, without a word of the peer yet.

        Raises OSError: it cannot be made.
        """
        address = self.addresses[self.opened % len(self.addresses)]
        self.opened += 1
        link = sockets.connect(address, self.options)
        if not self.options.plaintext:
            link = sockets.secure(link, self.options, verify=self.trusted and not self.options.insecure)
        return Connection(link, self.options.sent_authority, tls=not self.options.plaintext)
