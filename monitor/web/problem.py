"""What is wrong with a request, as programs are told: problem+json (RFC 9457) with every mistake and its place."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web

from probes.core.words import Said, why

CONTENT_TYPE = "application/problem+json"
SAID: web.ResponseKey[Said] = web.ResponseKey("said")
"""Under it an error holds what it says in both languages."""


class Mistake(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong in a request."""

    detail: str
    parameter: str = ""
    """The query parameter it is about."""
    pointer: str = ""
    """Where in the body it is (RFC 6901), ``"#/files"``."""


class ProblemOut(msgspec.Struct, frozen=True):
    """Why a request was not answered, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[Mistake, ...] = ()


class Wrong(web.HTTPBadRequest):
    """A query or a body that is not as the API describes it: 400."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(text="; ".join(one.detail for one in mistakes))
        self.mistakes = tuple(mistakes)


def refusal(kind: type[web.HTTPException], error: Exception) -> web.HTTPException:
    """Return the answer of a `kind` that says what `error` says, in the reader's language where that is a page."""
    answer = kind(text=str(error))
    answer[SAID] = why(error)
    return answer


def problem(status: int, detail: str, mistakes: Sequence[Mistake] = ()) -> web.Response:
    """Return an error as problem+json."""
    body = ProblemOut("about:blank", HTTPStatus(status).phrase, status, detail, tuple(mistakes))
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=CONTENT_TYPE)
