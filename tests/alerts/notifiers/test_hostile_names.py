"""Whatever a device, a commune or an owner is called, no channel sends it on as a line, a link, a header or markup.

Every notifier sends the same message to a real server; a kind that is added is found and looked at too.
Abuse cases A33 to A36 and A43.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import unicodedata
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Step, Transition, Words
from alerts.telling import sms
from alerts.telling.digest import digest
from alerts.telling.notification import Message, Pending
from alerts.telling.notifier import Settings, discover
from inventory.model import Inventory
from tests.alerts.messages import AT
from tests.alerts.notifiers.cases import CANARY, CASES, Case, opened, port_of
from tests.alerts.province import built_in, device, inventory
from tests.alerts.tellers import everybody, messages
from tests.servers.smtp import smtp
from tests.servers.webhook import webhook

OWN = "https://giamsat.example.vn"
FORGED = "✅ ĐÃ KHẮC PHỤC"
NASTY = (
    "\r\nBcc: thief@example.com\r\n\r\n",
    f"\n{FORGED}",
    "\u2028" + FORGED,
    "<script>alert(1)</script>",
    "*x* _y_ [a](javascript:alert(1)) `z`",
    "https://evil.example.com/login",
    "evil.vn",
    "@all /stop #tag",
    "\u202eevil\u202c",
    "\u200b\u200d\ufeff",
    "\x00\x1b]0;x\x07\x9b",
    '","injected":"1',
    "${key} {0} %s \\",
    "]]></Content><Content>",
    "😀" * 50,
    "Ủy ban nhân dân xã Thạch Hà ",
    "x" * 10_000,
)
names = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=60)), min_size=1, max_size=6).map("".join)

EVERY_ANSWER = {
    "ok": True,
    "result": {"message_id": 1, "chat": {"id": -100}},
    "error": 0,
    "CodeResult": "100",
    "status": "success",
    "code": "00",
    "data": {"msg_id": "1", "tranId": 1},
    "access_token": "a",
    "refresh_token": "b",
    "expires_in": 90000,
}
"""What each gateway takes for success, all in one."""
OUR_JOINER = "\N{WORD JOINER}"
LABELS = re.compile(
    r"(?:Nơi|Thiết bị|Từ lúc|Đầu mối|Bằng chứng|Việc cần làm|Căn cứ|Ghi chú|Chi tiết|Nhận xử lý|Ảnh hưởng): "
)
CHATS = ("telegram", "zalo_bot", "apprise")


def told(name: str) -> Message:
    """A message about a device, a commune and an owner all called `name`."""
    router = device("router").model_copy(update={"title": name})
    bare = inventory(router)
    site = bare.sites["18562"]
    owner = site.owner.model_copy(update={"name": name, "unit": name}) if site.owner else None
    renamed = site.model_copy(update={"name": name, "owner": owner, "devices": (router,)})
    teller = everybody(
        built_in(), Inventory((renamed,), bare.roles, {}), {"duty": Settings(kind="test")}, OWN
    )
    key = IncidentKey("device-down", "18562/router", "", name)
    words = Words(f"{name} mất kết nối", f"{name} is down")
    incident = Incident(7, key, Kind.INCIDENT, Severity.CRITICAL, Status.OPEN, words, name, AT, AT)
    step = Transition(key, Step.OPENED, AT, Kind.INCIDENT, Severity.CRITICAL, words, name, note=name)
    (message,) = messages(teller, incident, step)
    return message


async def sent(case: Case, folder: Path, message: Message) -> Any:
    """Return what reaches the server: the mail, or the last request's JSON."""
    async with AsyncExitStack() as stack:
        if case.kind == "email":
            box = await stack.enter_async_context(smtp())
            plain = Case("email", lambda port: {**_MAIL, "port": port})
            notifier = await stack.enter_async_context(opened(plain, folder, box.port))
            await notifier.send(message)
            assert box.recipients == [["truc@example.vn"]]
            return box.mails[-1]
        hook = await stack.enter_async_context(webhook(body=json.dumps(EVERY_ANSWER).encode()))
        notifier = await stack.enter_async_context(opened(case, folder, port_of(hook.url)))
        await notifier.send(message)
        return json.loads(hook.requests[-1].body)


_MAIL = {"host": "127.0.0.1", "security": "none", "sender": "monitor@example.vn", "to": ["truc@example.vn"]}


def read(kind: str, got: Any) -> dict[str, str]:
    """Return what people or programs read of it, by name."""
    match kind:
        case "email":
            return {"title": got["Subject"], "text": got.get_content().replace("\r\n", "\n").rstrip("\n")}
        case "telegram" | "zalo_bot":
            return {"whole": got["text"]}
        case "apprise":
            return {"title": got["title"], "text": got["message"]}
        case "zns":
            return dict(got["template_data"])
        case "esms":
            return {"sms": got["Content"]}
        case "speedsms" | "http":
            return {"sms": got["content"]}
        case "webhook":
            return {name: got["message"][name] for name in ("title", "text", "place")}
    alert: dict[str, dict[str, str]] = got["alerts"][0]
    return alert["annotations"] | alert["labels"]


async def everywhere(message: Message) -> dict[str, tuple[Any, dict[str, str]]]:
    """Return what every notifier makes of a message."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "canary").write_text(CANARY)
        got = {case.kind: await sent(case, Path(folder), message) for case in CASES}
    return {kind: (raw, read(kind, raw)) for kind, raw in got.items()}


def test_every_notifier_is_looked_at() -> None:
    assert {case.kind for case in CASES} == set(discover())


@settings(max_examples=10, deadline=None)
@given(names)
@example("".join(NASTY))
@example("\n".join(NASTY))
def test_no_name_becomes_a_line_a_link_a_header_or_markup(name: str) -> None:
    look(asyncio.run(everywhere(told(name))))


def test_no_name_does_so_in_a_digest() -> None:
    rows = [Pending(number, told(name), 0, AT) for number, name in enumerate(NASTY)]
    message = digest(rows, "vi", 4000)
    assert all(
        line.startswith(("Tất cả: ", "• ", "… và ", "Nghiêm trọng: ")) for line in message.text.splitlines()
    )
    look(asyncio.run(everywhere(message)), of_labels=False)
    look(asyncio.run(everywhere(replace(message, step=Step.RESOLVED))), of_labels=False)


def look(got: dict[str, tuple[Any, dict[str, str]]], *, of_labels: bool = True) -> None:
    for kind, (_, texts) in got.items():
        for text in texts.values():
            assert not [hex(ord(c)) for c in text if is_unsafe(c)], kind
            assert not re.search(f"\n{FORGED}", text), kind
        if kind not in ("zns", "esms", "speedsms", "http", "alertmanager") and of_labels:
            lines = (texts.get("whole") or f"{texts['title']}\n{texts['text']}").splitlines()
            assert lines[0].startswith("[SỰ CỐ NGHIÊM TRỌNG] "), kind
            assert all(LABELS.match(line) for line in lines[1:]), (kind, lines)
    for kind in CHATS:
        for text in got[kind][1].values():
            others = re.sub(rf"{re.escape(OWN)}(/[\w/-]*)?", "", text)
            assert not re.search(r"://\w|\w\.[^\W\d]|@\w|(?<!\w)/\w", others), (kind, others)
    assert_limits({kind: texts for kind, (_, texts) in got.items()})
    raw = {kind: one for kind, (one, _) in got.items()}
    assert "parse_mode" not in raw["telegram"] and "parse_mode" not in raw["zalo_bot"]
    assert set(raw["email"].keys()) == HEADERS
    assert set(raw["http"]) == {"to", "content"} and raw["http"]["to"] == "84912345678"
    assert set(raw["zns"]["template_data"]) == {"noi", "tin"}


HEADERS = {
    "Subject", "From", "To", "Date", "Message-ID", "References", "In-Reply-To", "Auto-Submitted",
    "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
}  # fmt: skip


def assert_limits(texts: dict[str, dict[str, str]]) -> None:
    assert len(texts["telegram"]["whole"].encode("utf-16-le")) // 2 <= 4096
    assert len(texts["zalo_bot"]["whole"]) <= 2000
    assert len(texts["email"]["title"]) < 500
    assert all(len(value) <= 100 for value in texts["zns"].values())
    for kind in ("esms", "speedsms", "http"):
        text = texts[kind]["sms"]
        assert set(text) <= sms.GSM and text.isascii() and 1 <= sms.segments(text) <= 2, kind
        assert not re.search(r"://\S|\w\.[A-Za-z]", text.replace(OWN, "")), (kind, text)


def is_unsafe(character: str) -> bool:
    """Whether a character is invisible, turns the text around, or is none; line ends and our own joiner are not."""
    kind = unicodedata.category(character)
    return character not in ("\n", OUR_JOINER) and kind in ("Cc", "Cf", "Cs", "Zl", "Zp")
