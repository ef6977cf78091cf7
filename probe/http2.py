"""One HTTP/2 connection to a gRPC server, down to its frames: what libraries hide is what a diagnosis needs."""

import contextlib
import socket
import time
from collections.abc import Callable, Sequence

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from probe.model import Answer, Goaway

SETTINGS, GOAWAY = 0x4, 0x7
HEADER = 9
# We never announce a larger one, so a peer that speaks HTTP/2 sends none (RFC 9113, section 4.2).
FRAME_SIZE = 16_384
WINDOW = 2**20


class NotHttp2Error(Exception):
    """The peer speaks something else; the text is how its answer begins."""


class Connection:
    """A connection that makes one call at a time. Closing is the caller's."""

    def __init__(self, link: socket.socket, authority: str, *, tls: bool) -> None:
        self.authority = authority
        self.goaway: Goaway | None = None
        self.broken = ""
        self.settled = False
        self._link = link
        self._scheme = "https" if tls else "http"
        self._waiting = b""
        self._answers: dict[int, Answer] = {}
        # Headers of a peer that breaks rules are wanted as they are, not an exception.
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_inbound_headers=False)
        self._http = h2.connection.H2Connection(config)
        self._http.initiate_connection()
        self._http.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
        self._http.increment_flow_control_window(2**24)
        self._flush()

    @property
    def usable(self) -> bool:
        """Whether another call may start here."""
        return not self.broken and self.goaway is None

    @property
    def concurrent_streams(self) -> int:
        """How many calls the peer allows at a time."""
        return int(self._http.remote_settings.max_concurrent_streams)

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            self._http.close_connection()
            self._flush()
        self._link.close()

    def settle(self, timeout: float) -> None:
        """Wait for the peer's settings, the first thing an HTTP/2 server says.

        Raises NotHttp2Error: it says something else.
        """
        self._pump(lambda: self.settled, time.monotonic() + timeout)

    def call(
        self, path: str, messages: Sequence[bytes], *, timeout: float, metadata: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Send the messages, end the request, wait for the whole answer; `timeout` is the call's deadline, too.

        Raises NotHttp2Error: the peer answers in another protocol.
        """
        answer = self.start(path, messages, [("grpc-timeout", f"{max(1, round(timeout * 1000))}m"), *metadata])
        return self.finish(answer, timeout)

    def start(self, path: str, messages: Sequence[bytes], metadata: Sequence[tuple[str, str]] = ()) -> Answer:
        """Send a whole request; the answer fills while `finish` waits."""
        answer = Answer()
        answer.seconds = -time.monotonic()
        try:
            stream = self._http.get_next_available_stream_id()
            self._answers[stream] = answer
            self._http.send_headers(stream, self._request(path, metadata))
            body = b"".join(b"\0" + len(each).to_bytes(4, "big") + each for each in messages)
            for at in range(0, len(body), FRAME_SIZE):
                self._http.send_data(stream, body[at : at + FRAME_SIZE])
            self._http.end_stream(stream)
            self._flush()
        except (OSError, h2.exceptions.ProtocolError) as error:
            self.broken = self.broken or describe(error)
        return answer

    def finish(self, answer: Answer, timeout: float) -> Answer:
        """Wait at most `timeout` seconds for the end of an answer.

        Raises NotHttp2Error: the peer answers in another protocol.
        """
        end = time.monotonic() + timeout
        self._pump(lambda: answer.ended or answer.reset is not None or self._refused(answer), end)
        answer.seconds += time.monotonic()
        answer.goaway = self.goaway
        if not (answer.ended or answer.reset is not None):
            answer.broken = self.broken or ("refused by GOAWAY" if self._refused(answer) else "timed out")
        return answer

    def _request(self, path: str, metadata: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        return [
            (":method", "POST"),
            (":scheme", self._scheme),
            (":authority", self.authority),
            (":path", path),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "grpc-platform-probe"),
            ("grpc-accept-encoding", "identity"),
            *metadata,
        ]

    def _refused(self, answer: Answer) -> bool:
        """Whether the peer left before it saw the request: such a call may be made again safely."""
        if self.goaway is None:
            return False
        return any(found is answer and stream > self.goaway.last_stream for stream, found in self._answers.items())

    def _flush(self) -> None:
        self._link.sendall(self._http.data_to_send())

    def _pump(self, done: Callable[[], bool], end: float) -> None:
        while not done() and not self.broken and time.monotonic() < end:
            try:
                self._link.settimeout(max(0.001, end - time.monotonic()))
                received = self._link.recv(65_536)
                if not received:
                    self.broken = "closed"
                self._frames(received)
                self._flush()
            except TimeoutError:
                return
            except (OSError, h2.exceptions.ProtocolError) as error:
                self.broken = describe(error)

    def _frames(self, received: bytes) -> None:
        """Give whole frames to the HTTP/2 library, except GOAWAY: after one it would refuse what is still to come."""
        self._waiting += received
        kind = self._waiting[3:4]
        if kind and not self.settled and kind[0] not in {SETTINGS, GOAWAY}:
            raise NotHttp2Error(self._waiting[:200].decode("latin-1"))
        while len(self._waiting) >= HEADER:
            size = int.from_bytes(self._waiting[:3], "big")
            if size > FRAME_SIZE:
                raise NotHttp2Error(self._waiting[:200].decode("latin-1"))
            if len(self._waiting) < HEADER + size:
                return
            frame, self._waiting = self._waiting[: HEADER + size], self._waiting[HEADER + size :]
            if frame[3] == GOAWAY:
                self._leave(frame[HEADER:])
            else:
                for event in self._http.receive_data(frame):
                    self._notice(event)

    def _leave(self, payload: bytes) -> None:
        last, code = (int.from_bytes(payload[at : at + 4], "big") for at in (0, 4))
        found = Goaway(code, last & 0x7FFF_FFFF, payload[8:].decode("utf-8", "replace"))
        self.goaway = found if self.goaway is None else Goaway(found.code, found.last_stream, self.goaway.debug)

    def _notice(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settled = True
        answer = self._answers.get(getattr(event, "stream_id", None) or 0)
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = {str(key): str(value) for key, value in event.headers or ()}
            answer.status = int(answer.headers.get(":status", "0"))
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = {str(key): str(value) for key, value in event.headers or ()}
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data or b""
            self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = int(event.error_code or 0)


def describe(error: Exception) -> str:
    """How a connection broke, in a word or two."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset"
    if isinstance(error, h2.exceptions.ProtocolError):
        return f"broke the rules of HTTP/2: {error}"
    return str(error) or type(error).__name__
