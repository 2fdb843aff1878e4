"""Log lines: one JSON object per event for machines, one plain line per event for a person at a terminal.

Whatever a message carries, an event stays one line (abuse case A42).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from probes.core.text import clean

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object per event: time (UTC), level, logger, message, the event's own fields, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as one line of JSON."""
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        event |= _fields(record)
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)


class LineFormatter(logging.Formatter):
    """One line for people: time of day, level, message, fields; a traceback follows indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as a line of text."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = "".join(f" {name}={clean(str(value))}" for name, value in _fields(record).items())
        line = f"{time} {record.levelname.lower():7} {clean(record.getMessage(), 1000)}{fields}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).replace("\n", "\n    ")
            return f"{line}\n    {trace}"
        return line


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every log of the process to `stream` (stderr), as JSON unless it is a terminal."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter() if stream.isatty() else JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("asyncssh", "apscheduler", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
