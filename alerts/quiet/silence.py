"""A silence or a maintenance that somebody made while the service runs: from a time until a time, by a selector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from pydantic import Field, ValidationError

from alerts.calendar import VIETNAM, LocalTime
from alerts.quiet.quiet import Quiet, QuietKind
from alerts.quiet.window import Window
from inventory import wording
from inventory.model import Model
from inventory.selector import Patterns, Selector
from inventory.shape import allowed_keys
from probes.core.words import Unfit, Words

LONGEST = timedelta(days=90)
"""No silence lasts longer: what is forgotten would be silent for ever."""
LEAST_REASON = 3
"""Characters."""
FURTHEST = timedelta(days=366)
"""So far ahead one may begin."""


class Wish(Model):
    """What somebody wants to be quiet."""

    kind: QuietKind = QuietKind.SILENCE
    where: Selector = Selector()
    rules: Patterns = ()
    start: Annotated[LocalTime | None, Field(alias="from")] = None
    """Now when absent."""
    until: LocalTime
    reason: Annotated[str, Field(min_length=LEAST_REASON, max_length=300)]

    def silence(self, who: str, now: datetime) -> Silence:
        """Return it as it would be, with the number 0. Raises `ValueError` with what to do."""
        if self.where == Selector() and not self.rules:
            raise Unfit(_NAME_SOMETHING)
        start = max(self.start or now, now)
        must_be_in_reach(start, self.until, now)
        return Silence(0, self.kind, self.where, self.rules, start, self.until, self.reason, who, now)


_NAME_SOMETHING = Words(
    "ghi thiết bị, đơn vị, vai trò hoặc quy tắc; đơn vị * là tất cả",
    "name devices, sites, roles or rules; the site * is everything",
)


def must_be_in_reach(start: datetime, until: datetime, now: datetime) -> None:
    """Raise `ValueError` unless a silence may last from `start` until `until`."""
    if until <= now:
        raise Unfit(Words(f"giờ kết thúc {_local(until)} đã qua", f"the end {_local(until)} is over"))
    if until <= start:
        raise Unfit(
            Words(
                f"giờ kết thúc {_local(until)} không sau giờ bắt đầu {_local(start)}",
                f"the end {_local(until)} is not after the beginning {_local(start)}",
            )
        )
    if start - now > FURTHEST:
        raise Unfit(
            Words(
                f"phải bắt đầu trong {FURTHEST.days} ngày tới, đang ghi {_local(start)}",
                f"it may begin within {FURTHEST.days} days, found {_local(start)}",
            )
        )
    if until - start > LONGEST:
        raise Unfit(
            Words(
                f"nhiều nhất {LONGEST.days} ngày; cần lâu hơn thì gia hạn sau",
                f"at most {LONGEST.days} days; extend it then if it must be longer",
            )
        )


def read_wish(asked: object) -> Wish:
    """Return what JSON-like `asked` says. Raises `ValueError` with every mistake, one line."""
    try:
        return Wish.model_validate_json(msgspec.json.encode(asked), strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise ValueError("; ".join(_said(one) for one in errors[:10])) from None


def _said(error: Mapping[str, Any]) -> str:
    path: Sequence[str | int] = error["loc"]
    if error["type"] == "extra_forbidden":
        *path, name = path
        message = wording.unknown("key", str(name), allowed_keys(Wish, path))
    else:
        want = wording.wanted(error["type"])
        message = f"wants {want}" if want else wording.sentence(error, None)
    where = ".".join(str(part) for part in path)
    return f"{where}: {message}" if where else message


class Silence(msgspec.Struct, frozen=True):
    """What the ledger holds. Times are aware."""

    id: int
    kind: QuietKind
    where: Selector
    rules: tuple[str, ...]
    start: datetime
    until: datetime
    """When it is over, as it is now: it may have been extended, or ended early."""
    reason: str
    who: str
    made_at: datetime
    ended_by: str = ""
    """Who ended it before its time; ``""`` when nobody did."""

    @property
    def quiet(self) -> Quiet:
        """It as what holds telling back."""
        windows = (Window(self.start, self.until),) if self.start < self.until else ()
        return Quiet(str(self.id), self.kind, self.where, self.rules, self.reason, self.who, windows)


def _local(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
