"""How a gateway says that it took a message: its status, and something in its answer if that is not enough."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from alerts.telling.http_delivery import Reply
from inventory.form import Form

_PATH = r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,9}"
_MISSING = object()


class Success(BaseModel):
    """All that is said must hold."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    status: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=20)] = ()
    """HTTP status; unless given, any 2xx."""
    path: (
        Annotated[str, Form(_PATH, "names and numbers with dots between them, such as data.code")] | None
    ) = None
    """Where in the JSON of the answer: ``data.code``, ``result.0.status``."""
    equals: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Texts of which the value there must be one: ``["0", "200"]``."""
    contains: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Text that must be somewhere in the answer."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.path is None) != (not self.equals):
            raise ValueError("path and equals go together: give both or neither")
        return self

    def held(self, reply: Reply) -> bool:
        """Whether `reply` says that the message was taken."""
        good = reply.status in self.status if self.status else 200 <= reply.status < 300
        return good and self._in_json(reply.body) and self._in_text(reply.body)

    def _in_json(self, body: bytes) -> bool:
        if self.path is None:
            return True
        try:
            value: Any = json.loads(body)
        except (ValueError, RecursionError):
            return False
        for name in self.path.split("."):
            value = _step(value, name)
        return value is not _MISSING and _text(value) in self.equals

    def _in_text(self, body: bytes) -> bool:
        return self.contains is None or self.contains in body.decode("utf-8", "replace")


def _step(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, _MISSING)
    if isinstance(value, list) and re.fullmatch("[0-9]{1,4}", name) and int(name) < len(value):
        return value[int(name)]
    return _MISSING


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value)
