"""Several calls: do they succeed, which pods answer, does a connection stick to one, how long do they take."""

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe import codes, diagnosis
from probe.diagnosis import Finding
from probe.edge import problem
from probe.http2 import Connection, NotHttp2Error, describe
from probe.model import Answer, Outcome, Step
from probe.reflection import Method
from probe.services import OF_THE_SERVER
from probe.session import Session


@dataclass(frozen=True)
class Sample:
    """One call: who answered and how."""

    answer: Answer
    status: str
    pod: str | None
    first: bool  # of its connection


def load(session: Session) -> Iterator[Step]:
    """The calls on one connection, then spread over several."""
    if session.method is None or session.options.calls == 0:
        why = "the call failed" if session.method is None else "--calls 0"
        yield Step("calls", Outcome.SKIPPED, why)
        return
    one = calls(session, session.method, session.options.calls, connections=1)
    several = calls(session, session.method, session.options.calls, connections=session.options.connections)
    yield _failures([*one, *several])
    yield distribution(pods(one), pods(several), session.options.connections, session.options.pod_header)
    yield latency([each.answer.seconds for each in one if not each.first and each.status == "OK"])


def calls(session: Session, method: Method, number: int, *, connections: int) -> list[Sample]:
    """`number` calls, in turns over so many connections; one that ends is opened again."""
    found: list[Sample] = []
    open_ones: list[Connection | None] = [None] * connections
    try:
        for turn in range(number):
            place = turn % connections
            current = open_ones[place]
            fresh = current is None or not current.usable
            if fresh and current is not None:
                current.close()
                open_ones[place] = None
            try:
                connection = open_ones[place] = session.open() if fresh else current
                assert connection is not None  # noqa: S101 - for the type checker
                found.append(_sample(session, method, connection, first=fresh))
            except (OSError, NotHttp2Error) as error:
                answer = Answer(broken=describe(error))
                found.append(Sample(answer, codes.status(answer), None, first=True))
    finally:
        for connection in open_ones:
            if connection is not None:
                connection.close()
    return found


def _sample(session: Session, method: Method, connection: Connection, *, first: bool) -> Sample:
    options = session.options
    answer = connection.call(method.path, [method.request], timeout=options.timeout, metadata=session.metadata)
    pod = answer.headers.get(options.pod_header)
    if pod is None:
        for message in method.read(answer)[:1]:
            with contextlib.suppress(AttributeError):
                pod = str(getattr(message, options.pod_field)) or None
    return Sample(answer, codes.status(answer), pod, first)


def pods(samples: Sequence[Sample]) -> Counter[str]:
    """How often each pod answered."""
    return Counter(each.pod for each in samples if each.pod is not None)


def _failures(samples: Sequence[Sample]) -> Step:
    failed = [each for each in samples if each.status != "OK" and each.status not in OF_THE_SERVER]
    goaways = sum(each.answer.goaway is not None for each in samples)
    facts = {"calls": len(samples), "failed": dict(Counter(each.status for each in failed)), "goaways": goaways}
    if failed:
        finding = diagnosis.explain(failed[0].answer) or Finding("calls failed", ("Look at the server's log.",))
        return problem("calls", finding, f"{len(failed)} of {len(samples)} calls failed", **facts)
    if goaways:
        advice = diagnosis.GOAWAY["NO_ERROR"].advice
        text = f"{len(samples)} calls succeeded; {goaways} came with a GOAWAY, after which a new connection was made"
        return Step("calls", Outcome.NOTE, text, advice, facts)
    return Step("calls", Outcome.OK, f"all {len(samples)} calls were answered", facts=facts)


def distribution(one: Counter[str], several: Counter[str], connections: int, header: str) -> Step:
    """Which pods answered, and whether one connection reaches only one of them."""
    facts = {"one_connection": dict(one), "several_connections": dict(several), "connections": connections}
    if not several:
        text = f"answers name no pod, neither in the header {header} nor in a field"
        advice = ("Let the server send its pod's name, and say where with --pod-header or --pod-field.",)
        return Step("distribution", Outcome.SKIPPED, text, advice, facts)
    text = f"{_shares(several)} over {connections} connections; {_shares(one)} on one"
    if len(several) == 1 and len(one) == 1:
        alone = (
            "Fine with one pod. With more: are the others ready and registered?",
            "Clients inside the cluster: a Service with a cluster IP pins a connection to one pod.",
        )
        return Step("distribution", Outcome.NOTE, f"only one pod answers: {text}", alone, facts)
    if len(one) == 1:
        pinned = (
            "Connections are balanced, not calls: a busy client loads one pod.",
            "Use an HTTP/2 load balancer, or a headless Service with round_robin and MAX_CONNECTION_AGE.",
        )
        return Step("distribution", Outcome.NOTE, f"a connection sticks to one pod: {text}", pinned, facts)
    return Step("distribution", Outcome.OK, f"calls are balanced: {text}", facts=facts)


def _shares(found: Counter[str]) -> str:
    return ", ".join(f"{pod} {count}" for pod, count in sorted(found.items()))


def latency(seconds: Sequence[float]) -> Step:
    """Percentiles of the calls on one connection, the first left out."""
    if not seconds:
        return Step("latency", Outcome.SKIPPED, "too few calls succeeded")
    facts = {f"p{share}": round(percentile(seconds, share) * 1000, 3) for share in (50, 90, 99)}
    facts["max"] = round(max(seconds) * 1000, 3)
    text = ", ".join(f"{name} {value:.1f} ms" for name, value in facts.items())
    return Step("latency", Outcome.OK, f"{text} ({len(seconds)} calls)", facts={**facts, "calls": len(seconds)})


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
