"""A silent stream: how long does what stands in between let it live?"""

import contextlib
from collections.abc import Iterator

from grpc_health.v1 import health_pb2

from probe import codes, diagnosis
from probe.edge import problem
from probe.http2 import NotHttp2Error, describe
from probe.model import Answer, Outcome, Step
from probe.session import Session

WATCH = "/grpc.health.v1.Health/Watch"


def stream(session: Session) -> Iterator[Step]:
    """Watch the health of a name, which is silent while nothing changes, for as long as asked."""
    options = session.options
    if not options.stream:
        yield Step("stream", Outcome.SKIPPED, "not asked for (--stream SECONDS)")
        return
    request = health_pb2.HealthCheckRequest(service=options.health_service).SerializeToString()
    try:
        with contextlib.closing(session.open()) as connection:
            answer = connection.finish(connection.start(WATCH, [request], session.metadata), options.stream)
    except (OSError, NotHttp2Error) as error:
        answer = Answer(broken=describe(error))
    yield outcome(answer, options.stream)


def outcome(answer: Answer, wanted: float) -> Step:
    """What became of the stream."""
    status = codes.status(answer)
    facts = {"seconds": round(answer.seconds, 1), "messages": len(answer.messages)}
    if answer.broken == "timed out" and answer.is_grpc:
        text = f"a silent stream lived for the {wanted:g} s asked for"
        if answer.goaway is not None:
            text += ", although the peer has announced the end of the connection (GOAWAY)"
        return Step("stream", Outcome.OK, text, facts=facts)
    if status == "UNIMPLEMENTED":
        text = "no Health/Watch here, so no stream to try"
        return Step("stream", Outcome.SKIPPED, text, ("Ask a pod directly, or route the health service.",), facts)
    lived = f"after {answer.seconds:.1f} s: {status}"
    if not answer.messages:
        finding = diagnosis.explain(answer) or diagnosis.IDLE
        return problem("stream", finding, lived, **facts, status=status)
    return problem("stream", diagnosis.IDLE, lived, **facts, status=status)
