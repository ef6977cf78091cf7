"""What the API does, apart from how a call arrives: gRPC and REST both call this."""

from collections.abc import Iterable

from samples.greeter import greeter_pb2

NAME_LENGTH = 256
SERIES_LENGTH = 100_000
INTERVAL_MS = 3_600_000
ECHOED = "x-"


class BadRequestError(ValueError):
    """A request that no server would take; the text is for the caller."""


def echoed(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """What is echoed of a call's metadata: text under names that start with x-; never credentials."""
    return {key: value for key, value in pairs if key.startswith(ECHOED) and isinstance(value, str)}


def checked_name(name: str) -> str:
    """The name, if it can be greeted.

    Raises BadRequestError: empty or longer than 256 characters.
    """
    if not 1 <= len(name) <= NAME_LENGTH:
        raise BadRequestError(f"name: must have 1 to {NAME_LENGTH} characters; received {len(name)}")
    return name


def checked_series(request: greeter_pb2.GreetSeriesRequest) -> greeter_pb2.GreetSeriesRequest:
    """The request, if it is within the API's limits.

    Raises BadRequestError: name, count or interval_ms out of range.
    """
    checked_name(request.name)
    if not 1 <= request.count <= SERIES_LENGTH:
        raise BadRequestError(f"count: must be 1 to {SERIES_LENGTH}; received {request.count}")
    if request.interval_ms > INTERVAL_MS:
        raise BadRequestError(f"interval_ms: must be at most {INTERVAL_MS}; received {request.interval_ms}")
    return request


def greet(name: str, pod: str, metadata: dict[str, str], sequence: int = 1) -> greeter_pb2.GreetResponse:
    """One greeting."""
    return greeter_pb2.GreetResponse(
        message=f"Hello, {checked_name(name)}!", sequence=sequence, pod=pod, metadata=metadata
    )


def greet_all(names: list[str], pod: str, metadata: dict[str, str]) -> greeter_pb2.GreetAllResponse:
    """One greeting for everybody.

    Raises BadRequestError: nobody, or a name out of range.
    """
    if not names:
        raise BadRequestError("name: nobody to greet; send at least one")
    message = f"Hello, {', '.join(checked_name(name) for name in names)}!"
    return greeter_pb2.GreetAllResponse(message=message, count=len(names), pod=pod, metadata=metadata)
