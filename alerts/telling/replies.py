"""People who answer a message and so take an incident on: what they may say, and what is made of it. Pure.

Whatever comes in is hostile until the sender is known: it is bounded, cleaned, and answered only if he may speak.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from alerts.incident import Words
from alerts.telling.sms import unaccented
from probes.core.text import clean

MAX_TEXT = 500
"""Characters of a reply that are read."""

_NUMBERED = ("da nhan", "toi nhan", "tiep nhan", "nhan", "ack")
_ALONE = ("dang xu ly", "ok")
"""Words after which a number is no incident: ``"ok 10 phut nua"``."""
_SAID = re.compile(
    rf"/?(?:(?:{'|'.join(_NUMBERED)})\b(?:[\s:]*#?(?P<number>[0-9]{{1,15}})\b)?|(?:{'|'.join(_ALONE)})\b)(?P<rest>.*)",
    re.DOTALL,
)
_MARK = "take"
_NOT_YET = ("chua", "khong", "not", "no")


class Heard(msgspec.Struct, frozen=True):
    """One thing somebody said, as the channel reported it: nothing of it is to be trusted."""

    id: str
    """What the channel calls it; never the same twice."""
    chat: str
    user: str
    name: str
    """How the sender calls himself."""
    text: str = ""
    thread: str = ""
    """What the channel calls the message it answers, as `Notifier.send` returned it."""
    button: str = ""
    """What the button he pressed stands for."""
    callback: str = ""
    """What the channel wants to be told that the press was seen."""


class Hears(ABC):
    """A notifier that people can answer."""

    @property
    @abstractmethod
    def hears(self) -> bool:
        """Whether the settings want it."""

    @property
    @abstractmethod
    def chat(self) -> str:
        """Id of the channel's own chat."""

    @property
    @abstractmethod
    def users(self) -> Sequence[str]:
        """Ids of those who may speak; empty for whoever is in the channel's own chat."""

    @abstractmethod
    async def hear(self, after: str) -> Sequence[Heard]:
        """Wait a while for what was said after the update called `after` (``""`` at first); oldest first.

        Raises `TryLater`, `Refused`.
        """

    @abstractmethod
    async def answer(self, heard: Heard, text: str) -> None:
        """Tell whoever said it. Raises `TryLater`, `Refused`."""


def wish(text: str) -> tuple[bool, int | None]:
    """Return whether `text` says that its author takes something on, and the number of the incident if it names one.

    ``"nhan 123"``, ``"Nhận"``, ``"ack #123 đang đến"``; accents and case do not matter. ``"nhan chua?"`` does not.
    """
    said = _SAID.fullmatch(unaccented(text[:MAX_TEXT]).lower().strip())
    if said is None or said["rest"].strip(" .,!").startswith(_NOT_YET) or "?" in said["rest"]:
        return False, None
    return True, int(said["number"]) if said["number"] else None


def pressed(button: str) -> str:
    """Return the code a button of ours carries, ``""`` for anything else."""
    mark, _, code = button.partition(":")
    return code if mark == _MARK and re.fullmatch("[A-Za-z0-9_-]{16,60}", code) else ""


def button(code: str) -> str:
    """Return what the button of a message carries, at most 64 bytes: with `code` the incident is taken on."""
    return f"{_MARK}:{code}"


def may_speak(hears: Hears, heard: Heard, person: str | None) -> bool:
    """Whether what was said counts: by a person on duty, one the settings name, or one in the channel's own chat."""
    if person is not None:
        return True
    return heard.user in hears.users if hears.users else heard.chat == hears.chat


def who(heard: Heard, person: str | None, service: str) -> str:
    """Return the author for the record: the name in the rota, or what he calls himself with an id nobody can forge."""
    return person or f"{clean(heard.name, 48) or '?'} ({service} {clean(heard.user, 40)})"


TAKEN = Words("{who} đã nhận sự cố #{id}: {what}", "{who} has taken on incident #{id}: {what}")
ALREADY = Words("Sự cố #{id} đã có người nhận: {who}", "Incident #{id} was already taken on by {who}")
GONE = Words("Không có sự cố #{id} đang mở.", "There is no open incident #{id}.")
HOW = Words(
    "Để nhận việc: trả lời “nhan” vào tin báo, hoặc gửi “nhan” và số sự cố, ví dụ: nhan {id}",
    "To take it on: reply “ack” to the message, or send “ack” and the number, for example: ack {id}",
)
USED = Words("Nút này đã được dùng hoặc không còn hiệu lực.", "This button was used, or is no longer valid.")
FAILED = Words(
    "Chưa ghi nhận được, hãy thử lại sau ít phút.", "It could not be recorded; try again in a few minutes."
)
