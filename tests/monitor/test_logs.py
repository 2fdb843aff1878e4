"""Logs: one event, one line, whatever a device writes into it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from monitor import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_event_with_line_breaks_in_it_is_one_json_object() -> None:
    stream = io.StringIO()
    logs.configure(stream)
    logging.getLogger("monitor").info("device says %s", "a\r\nb", extra={"device": "42/x\n{}"})
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event["message"] == "device says a\r\nb"
    assert event["device"] == "42/x\n{}"
    assert event["level"] == "info"


def test_on_a_terminal_control_characters_of_a_device_are_not_printed() -> None:
    stream = Terminal()
    logs.configure(stream)
    logging.getLogger("monitor").warning("name is %s", "\x1b]0;owned\x07", extra={"device": "a\nb"})
    text = stream.getvalue()
    assert "\x1b" not in text
    assert text.count("\n") == 1


def test_a_traceback_stays_inside_its_event() -> None:
    stream = io.StringIO()
    logs.configure(stream)
    try:
        raise ValueError("surprise")
    except ValueError:
        logging.getLogger("monitor").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: surprise" in json.loads(line)["traceback"]
