"""The steps on gRPC: health, reflection, one call without stubs."""

import contextlib
import json
from collections.abc import Iterator

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from probe import codes, diagnosis
from probe.diagnosis import Finding
from probe.edge import problem
from probe.http2 import Connection, NotHttp2Error, describe
from probe.model import Answer, Outcome, Step
from probe.reflection import VERSIONS, Method, Reflection, ReflectionError, described_method
from probe.session import Session

CHECK = "/grpc.health.v1.Health/Check"
# These say that the server has read the request and does not like it: the way to it is fine.
OF_THE_SERVER = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"}

NOT_SERVING = Finding(
    "the server says NOT_SERVING, with gRPC status OK",
    (
        "It is draining, or something it needs is missing: look at its log.",
        "A load balancer sees only the status and keeps it; a gRPC readiness probe reads the body and takes it out.",
    ),
)
NO_NAME = Finding(
    "the server's health service does not know this name",
    (
        'A load balancer asks for the name "" (overall): the server must set it.',
        "A readiness probe asks for health.service, which must be a name that the server sets.",
    ),
)
NO_HEALTH = Finding(
    "no grpc.health.v1.Health here",
    (
        "Pods need it for gRPC probes, a load balancer's check with success code 0 as well.",
        "An edge often routes only the workload's own services: that is fine, ask a pod directly.",
    ),
)


def ask(session: Session, path: str, request: bytes) -> Answer:
    """One call on a connection of its own; what prevents the connection is in the answer."""
    options = session.options
    try:
        with contextlib.closing(session.open()) as connection:
            return connection.call(path, [request], timeout=options.timeout, metadata=session.metadata)
    except (OSError, NotHttp2Error) as error:
        return Answer(broken=describe(error))


def outcome_text(answer: Answer) -> str:
    """Status and message of an answer as a client would show them."""
    said = answer.trailers.get("grpc-message") or answer.headers.get("grpc-message", "")
    return codes.status(answer) + (f" ({said})" if said else "")


def health(session: Session) -> Iterator[Step]:
    """What the health service says of one name, in the body as well."""
    name = session.options.health_service
    answer = ask(session, CHECK, health_pb2.HealthCheckRequest(service=name).SerializeToString())
    status = codes.status(answer)
    asked = f'health of "{name}"'
    if status == "OK" and answer.is_grpc:
        yield _serving(asked, answer)
    elif status == "NOT_FOUND" and answer.is_grpc:
        yield problem("health", NO_NAME, asked, status=status)
    elif status == "UNIMPLEMENTED" and session.options.method:
        yield Step("health", Outcome.NOTE, f"{asked}: {NO_HEALTH.meaning}", NO_HEALTH.advice, _facts(answer))
    elif status == "UNIMPLEMENTED" and answer.is_grpc:
        yield problem("health", NO_HEALTH, asked, **_facts(answer))
    else:
        finding = diagnosis.explain(answer) or Finding(outcome_text(answer), ("Look at the server's log.",))
        yield problem("health", finding, f"{asked}, answered by {diagnosis.speaker(answer)}", **_facts(answer))


def _facts(answer: Answer) -> dict[str, object]:
    facts: dict[str, object] = {"status": codes.status(answer), "http_status": answer.status}
    if answer.goaway is not None:
        facts["goaway"] = codes.name_of(codes.HTTP2, answer.goaway.code)
    return facts


def _serving(asked: str, answer: Answer) -> Step:
    try:
        found = health_pb2.HealthCheckResponse.FromString(answer.messages[0]).status
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(found)
    except (IndexError, DecodeError, ValueError):
        return problem("health", Finding("the answer is no HealthCheckResponse", ("Is this a gRPC server?",)), asked)
    facts = {"serving": name, "milliseconds": round(answer.seconds * 1000, 3)}
    if name == "SERVING":
        return Step("health", Outcome.OK, f"{asked}: SERVING", facts=facts)
    if name == "NOT_SERVING":
        return problem("health", NOT_SERVING, asked, **facts)
    return problem("health", Finding(f"the server says {name}", NOT_SERVING.advice), asked, **facts)


def reflection(session: Session) -> Iterator[Step]:
    """The services the server tells of, by the newest version of reflection it has."""
    failures = {}
    for version in VERSIONS:
        connection = None
        try:
            connection = session.open()
            found = Reflection(connection, version, session.options.timeout)
            services = found.services()
        except (ReflectionError, OSError, NotHttp2Error) as error:
            close(connection)
            failures[version] = str(error) or type(error).__name__
            continue
        session.reflection = found
        text = f"{version}: {', '.join(services)}"
        yield Step("reflection", Outcome.OK, text, facts={"version": version, "services": services})
        return
    text = "none: " + ", ".join(f"{version} {error}" for version, error in failures.items())
    advice = ("Usual at an edge and in production. Tools then need the proto files.",)
    yield Step("reflection", Outcome.NOTE, text, advice, {"failed": failures})


def call(session: Session) -> Iterator[Step]:
    """One call: the method asked for, by reflection or with an empty message; else the health check."""
    options = session.options
    if not options.method:
        request = health_pb2.HealthCheckRequest(service=options.health_service).SerializeToString()
        method, how = Method(CHECK, request), "no --method, so the health check"
    else:
        try:
            method, how = _method(session)
        except (ReflectionError, ValueError) as error:
            advice = ("Name it as package.Service/Method; the reflection step lists the services.",)
            yield Step("call", Outcome.PROBLEM, f"{options.method}: {error}", advice)
            return
    answer = ask(session, method.path, method.request)
    yield _called(session, method, how, answer)


def _method(session: Session) -> tuple[Method, str]:
    options = session.options
    if session.reflection is not None and session.reflection.connection.usable:
        return described_method(session.reflection, options.method, options.data), "by reflection"
    if json.loads(options.data):
        return Method(f"/{options.method}", b""), "no reflection, so an empty message instead of --data"
    return Method(f"/{options.method}", b""), "no reflection, so an empty message"


def _called(session: Session, method: Method, how: str, answer: Answer) -> Step:
    status = codes.status(answer)
    detail = f"{method.path} ({how})"
    facts = {**_facts(answer), "pod": answer.headers.get(session.options.pod_header)}
    if status == "OK" and answer.is_grpc:
        session.method = method
        replies = [json_format.MessageToJson(each, indent=None, ensure_ascii=False) for each in method.read(answer)]
        said = replies[0] if replies else f"{sum(len(each) for each in answer.messages)} bytes"
        more = f", {len(answer.messages)} messages" if len(answer.messages) > 1 else ""
        return Step("call", Outcome.OK, f"{detail}: OK{more}, {said[:200]}", facts=facts)
    if status in OF_THE_SERVER and answer.is_grpc:
        session.method = method
        text = f"{detail}: the server answers {outcome_text(answer)}; the way to it is fine"
        return Step("call", Outcome.NOTE, text, ("Send what it wants with --data and --metadata.",), facts)
    finding = diagnosis.explain(answer) or Finding("the server failed", ("Look at the server's log.",))
    return problem("call", finding, f"{detail}: {outcome_text(answer)}, {diagnosis.speaker(answer)}", **facts)


def close(connection: Connection | None) -> None:
    """End a connection that may not be there."""
    if connection is not None:
        connection.close()
