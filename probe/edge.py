"""The steps below gRPC: name, TCP, TLS, HTTP/2."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

from probe import diagnosis, sockets
from probe.diagnosis import Finding
from probe.http2 import NotHttp2Error, describe
from probe.model import Outcome, Step
from probe.session import Session

# ACM renews 60 days before the end; a certificate with less than two weeks left is not being renewed.
EXPIRY_DAYS = 14
BY_CERTIFICATE = {
    "hostname mismatch": "Call it by a name that the certificate has, or name that with --authority.",
    "ip address mismatch": "Call it by a name that the certificate has, or name that with --authority.",
    "self-signed": "Name the authority's file with --ca.",
    "self signed": "Name the authority's file with --ca.",
    "unable to get local issuer": "Name the authority's file with --ca; a server must send the intermediate ones.",
    "expired": "Renew it: ACM does so by itself only while its DNS validation record exists.",
}


def problem(name: str, finding: Finding, detail: str = "", **facts: Any) -> Step:
    """A step that found something wrong."""
    text = f"{detail}: {finding.meaning}" if detail else finding.meaning
    return Step(name, Outcome.PROBLEM, text, finding.advice, facts)


def stop(session: Session, step: Step) -> Step:
    """The step, and nothing after it."""
    session.stopped = True
    return step


def reach(session: Session) -> Iterator[Step]:
    """Every address of the name, and whether each takes a connection."""
    options = session.options
    try:
        found = sockets.addresses(options)
    except OSError as error:
        session.unreachable = True
        advice = ("Does the record exist? dig " + options.host, "A private zone answers only inside its VPC.")
        yield stop(session, Step("name", Outcome.PROBLEM, f"{options.host} has no address: {error}", advice))
        return
    texts = [str(address[0]) for _, address in found]
    yield Step("name", Outcome.OK, f"{options.host} is {', '.join(texts)}", facts={"addresses": texts})
    failed: dict[str, str] = {}
    slowest = 0.0
    for address in found:
        started = time.monotonic()
        try:
            sockets.connect(address, options).close()
            session.addresses.append(address)
            slowest = max(slowest, time.monotonic() - started)
        except OSError as error:
            failed[str(address[1][0])] = "timed out" if isinstance(error, TimeoutError) else str(error)
    yield _tcp(session, failed, slowest)


def _tcp(session: Session, failed: dict[str, str], slowest: float) -> Step:
    advice = (
        "Refused: nothing listens on that port; timed out: a security group, a route or a network ACL drops it.",
        "A load balancer needs a listener on the port, and a group that admits this address.",
    )
    failures = "; ".join(f"{address}: {error}" for address, error in failed.items())
    if not session.addresses:
        session.unreachable = True
        return stop(session, Step("tcp", Outcome.PROBLEM, f"no connection ({failures})", advice, {"failed": failed}))
    count, total = len(session.addresses), len(session.addresses) + len(failed)
    text = f"port {session.options.port} answers on {count} of {total} addresses within {slowest * 1000:.1f} ms"
    outcome = Outcome.NOTE if failed else Outcome.OK
    if failed:
        text += f" ({failures})"
    return Step("tcp", outcome, text, advice if failed else (), {"connected": count, "failed": failed})


def secured(session: Session) -> Iterator[Step]:
    """TLS, the certificate, and what ALPN chooses."""
    options = session.options
    if options.plaintext:
        yield Step("tls", Outcome.SKIPPED, "not asked for (--plaintext)")
        return
    try:
        link = _handshake(session, verify=not options.insecure)
    except ssl.SSLCertVerificationError as error:
        session.trusted = False
        yield _distrusted(session, error)
        link = _handshake(session, verify=False)
    except OSError as error:
        yield stop(session, _no_handshake(session, error))
        return
    with link:
        if session.trusted:
            yield _certificate(session, link)
        yield _alpn(session, link)


def _handshake(session: Session, *, verify: bool) -> ssl.SSLSocket:
    return sockets.secure(sockets.connect(session.addresses[0], session.options), session.options, verify=verify)


def _distrusted(session: Session, error: ssl.SSLCertVerificationError) -> Step:
    said = error.verify_message
    advice = [text for key, text in BY_CERTIFICATE.items() if key in said.lower()]
    advice.append("--insecure takes any certificate, to look further; the steps below do so already.")
    text = f"the certificate is not trusted for {session.options.name}: {said}"
    return Step("tls", Outcome.PROBLEM, text, tuple(dict.fromkeys(advice)), {"verify_message": said})


def _no_handshake(session: Session, error: OSError) -> Step:
    reason = getattr(error, "reason", None) or describe(error)
    if "WRONG_VERSION" in str(reason) or "RECORD_LAYER" in str(reason).upper() or speaks_plain(session):
        return problem("tls", diagnosis.NO_TLS, reason=str(reason))
    finding = Finding(f"no TLS: {reason}", ("Is the port right?", "A TLS policy may allow no version this side has."))
    return problem("tls", finding, reason=str(reason))


def speaks_plain(session: Session) -> bool:
    """Whether the port takes HTTP without TLS."""
    with contextlib.suppress(OSError), sockets.connect(session.addresses[0], session.options) as link:
        link.settimeout(min(2, session.options.timeout))
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        said = link.recv(64)
        return said.startswith(b"HTTP/") or said[3:4] == b"\x04"
    return False


def _certificate(session: Session, link: ssl.SSLSocket) -> Step:
    found: Any = link.getpeercert() or {}
    version = link.version() or "TLS"
    if "notAfter" not in found:
        return Step("tls", Outcome.NOTE, f"{version}; the certificate was not checked (--insecure)")
    days = int((ssl.cert_time_to_seconds(found["notAfter"]) - time.time()) // 86_400)
    names = [value for _, value in found.get("subjectAltName", ())]
    text = f"{version}; certificate for {', '.join(names)}, {days} days left"
    facts = {"version": version, "names": names, "days_left": days}
    if days < EXPIRY_DAYS:
        return Step("tls", Outcome.NOTE, text, (BY_CERTIFICATE["expired"],), facts)
    return Step("tls", Outcome.OK, text, facts=facts)


def _alpn(session: Session, link: ssl.SSLSocket) -> Step:
    chosen = link.selected_alpn_protocol()
    if chosen == "h2":
        return Step("alpn", Outcome.OK, "h2", facts={"alpn": chosen})
    return stop(session, problem("alpn", diagnosis.NO_ALPN, f"ALPN: {chosen or 'nothing chosen'}", alpn=chosen))


def http2(session: Session) -> Iterator[Step]:
    """Whether the peer speaks HTTP/2: its first frame is its settings."""
    try:
        with contextlib.closing(session.open()) as connection:
            connection.settle(session.options.timeout)
            if connection.settled:
                streams = connection.concurrent_streams
                allowed = f"{streams} calls at a time" if streams < 2**31 - 1 else "calls without limit"
                yield Step("http2", Outcome.OK, f"{allowed} on a connection", facts={"concurrent_streams": streams})
                return
            broken = connection.broken or "timed out"
    except NotHttp2Error as error:
        yield stop(session, problem("http2", _other_protocol(str(error)), said=str(error)[:100]))
        return
    except OSError as error:
        broken = describe(error)
    yield stop(session, problem("http2", _silent(session, broken), broken=broken))


def _other_protocol(said: str) -> Finding:
    if said.startswith("HTTP/"):
        return diagnosis.HTTP1_ONLY
    # A TLS alert: content type 21, then the version (RFC 8446, section 5.1).
    if said.startswith("\x15\x03"):
        return diagnosis.TLS_WANTED
    return Finding("the port speaks neither HTTP nor TLS", ("Is the port right?",))


def _silent(session: Session, broken: str) -> Finding:
    if session.options.plaintext:
        with contextlib.suppress(OSError):
            _handshake(session, verify=False).close()
            return diagnosis.TLS_WANTED
    if _speaks_http1(session):
        return diagnosis.HTTP1_ONLY
    return diagnosis.BROKEN.get(broken) or Finding(f"no HTTP/2: {broken}", diagnosis.BROKEN["reset"].advice)


def _speaks_http1(session: Session) -> bool:
    with contextlib.suppress(OSError):
        link: socket.socket = sockets.connect(session.addresses[0], session.options)
        if not session.options.plaintext:
            link = sockets.secure(link, session.options, verify=False)
        with link:
            link.settimeout(min(2, session.options.timeout))
            link.sendall(f"HEAD / HTTP/1.1\r\nhost: {session.options.sent_authority}\r\n\r\n".encode())
            return link.recv(64).startswith(b"HTTP/1")
    return False
