"""Settings of channels: what is refused when they are read, what a channel wants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from alerts.incident import Kind, Severity
from alerts.telling.notifier import settings_type
from tests.alerts.notifiers.cases import (
    PLAIN_MAIL,
    build,
)

ZNS = {
    "app_id": "123",
    "secret_key": {"file": "k"},
    "refresh_token": {"file": "r"},
    "template_id": "7",
    "to": ["0912345678"],
}


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "webhook", "url": "ftp://x"},
        {"kind": "webhook", "url": "http://user:pw@host/"},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "../x"},
        {"kind": "telegram", "token": "123:abc", "chat_id": "1"},
        {"kind": "email", **PLAIN_MAIL, "user": "u", "password": {"file": "p"}},
        {"kind": "email", **PLAIN_MAIL, "to": ["no address"]},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "@a_channel", "replies": True},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "1", "limit": {"messages": 0, "per": "1m"}},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "1", "limit": {"messages": 9, "per": "1d"}},
        {"kind": "zalo_bot", "token": {"file": "t"}, "chat_id": "a b"},
        {
            "kind": "esms",
            "api_key": {"file": "k"},
            "secret_key": {"file": "k"},
            "brandname": "B",
            "to": ["113"],
        },
        {"kind": "speedsms", "token": {"file": "k"}, "to": []},
        {"kind": "zns", **ZNS, "template_data": {"a": "${plaice}"}},
        {"kind": "http", "url": "http://${to}.example.vn/", "to": ["0912345678"]},
        {"kind": "http", "url": "http://x/", "body": '{"a": ${sms}}'},
        {"kind": "http", "url": "http://x/", "content": "xml", "body": "<a>${sms}"},
        {"kind": "http", "url": "http://x/", "body": '{"a": "${password}"}'},
        {"kind": "http", "url": "http://x/", "body": '{"a": "${to}"}'},
        {"kind": "http", "url": "http://x/", "headers": {"X": "a\r\nB: c"}, "body": "{}"},
        {"kind": "http", "url": "http://x/", "body": "{}", "success": {"path": "code"}},
        {"kind": "http", "url": "http://x/", "body": "{}", "secrets": {"sms": {"file": "x"}}},
        {"kind": "pigeon"},
    ],
    ids=str,
)
def test_wrong_settings_are_refused_when_they_are_read(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(settings_type()).validate_json(json.dumps(settings), strict=True)


def test_a_channel_is_told_what_it_wants(secrets: Path) -> None:
    settings = build("webhook", secrets, url="http://x", kinds=["finding"], min_severity="high").settings
    assert settings.wants(Kind.FINDING, Severity.HIGH)
    assert not settings.wants(Kind.FINDING, Severity.MEDIUM)
    assert not settings.wants(Kind.INCIDENT, Severity.CRITICAL)
