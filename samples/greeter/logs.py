"""Structured logs: one JSON object a line. Metadata, names and payloads of calls are never logged."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LOG = logging.getLogger("greeter")


class JsonFormatter(logging.Formatter):
    """A record as JSON; what `event` was given stands beside the message."""

    def __init__(self, pod: str) -> None:
        super().__init__()
        self.pod = pod

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "pod": self.pod,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(pod: str, level: str) -> None:
    """Send the logs to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(pod))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def event(message: str, level: int = logging.INFO, **fields: object) -> None:
    """Log `message` with fields of its own."""
    LOG.log(level, message, extra={"fields": fields})
